// An address out of a name: "Fjällräven & Söner AB" becomes "fjallraven-soner-ab".

const LETTERS = { æ: "ae", ø: "o", œ: "oe", ß: "ss", đ: "d", ł: "l", þ: "th", ð: "d" };
const LONGEST = 40;

export function slugOf(name) {
  return name
    .toLowerCase()
    .replace(/[æøœßđłþð]/g, (letter) => LETTERS[letter])
    .normalize("NFKD")
    .replace(/\p{Mark}+/gu, "")
    .replace(/['’]/g, "")
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, LONGEST)
    .replace(/^-+|-+$/g, "");
}

/** Suggests an address until the person writes one of their own. */
export function wireSlugSuggestion(form) {
  const name = form.elements.organisation_name;
  const slug = form.elements.slug;
  if (!name || !slug) return;
  let own = slug.value !== "" && slug.value !== slugOf(name.value);
  name.addEventListener("input", () => {
    if (!own) slug.value = slugOf(name.value);
  });
  slug.addEventListener("input", () => {
    own = slug.value !== "";
  });
}
