// The page of an organisation's look: shows names, colours and logo as they are typed, before anything is saved.
const WAIT = 250; // milliseconds after the last key

const form = document.querySelector("[data-branding]");
const status = document.querySelector("[data-brand-status]");
let timer = 0;
let asked = 0;

function follow(name, selector, fallback) {
  const input = form.elements[name];
  input.addEventListener("input", () => {
    for (const shown of document.querySelectorAll(selector)) shown.textContent = input.value.trim() || fallback;
  });
}

function show({ theme, tokens, words, is_changed: isChanged }) {
  const preview = document.querySelector(`[data-brand-preview="${theme}"]`);
  preview.removeAttribute("style");
  for (const [name, value] of Object.entries(tokens)) preview.style.setProperty(name, value);
  const said = preview.querySelector("[data-brand-words]");
  said.textContent = words;
  said.classList.toggle("is-changed", isChanged);
}

async function look() {
  const number = ++asked;
  const query = new URLSearchParams({ accent: form.elements.accent.value, accent_dark: form.elements.accent_dark.value });
  const response = await fetch(`${form.dataset.branding}?${query}`, { credentials: "same-origin" }).catch(() => null);
  if (number !== asked) return;
  if (!response?.ok) {
    status.textContent = response?.status === 422 ? "This is no colour yet." : "The colours could not be worked out.";
    return;
  }
  const { themes } = await response.json();
  themes.forEach(show);
  status.textContent = themes.map(({ words }) => words).join(" ");
}

function colours() {
  clearTimeout(timer);
  const whole = [form.elements.accent, form.elements.accent_dark].every(({ value }) => /^(#[0-9a-f]{6})?$/i.test(value.trim()));
  if (whole) timer = setTimeout(look, WAIT);
}

function picker(input) {
  const box = document.createElement("input");
  box.type = "color";
  box.className = "brand-picker";
  box.setAttribute("aria-label", "Pick it");
  box.value = input.value || input.placeholder;
  box.addEventListener("input", () => {
    input.value = box.value;
    colours();
  });
  input.addEventListener("input", () => {
    if (/^#[0-9a-f]{6}$/i.test(input.value)) box.value = input.value;
    colours();
  });
  const pair = document.createElement("div");
  pair.className = "brand-colour";
  input.replaceWith(pair);
  pair.append(input, box);
}

function logo(file) {
  const reader = new FileReader();
  reader.addEventListener("load", () => {
    for (const image of document.querySelectorAll("[data-brand-logo]")) {
      image.src = reader.result;
      image.hidden = false;
    }
    for (const mark of document.querySelectorAll("[data-brand-mark]")) mark.hidden = true;
  });
  reader.readAsDataURL(file);
}

follow("name", "[data-brand-name]", "Your organisation");
follow("assistant_name", "[data-brand-assistant]", "Vena");
for (const input of form.querySelectorAll("[data-colour]")) picker(input);
form.elements.logo.addEventListener("change", ({ target }) => {
  const [file] = target.files;
  if (file && ["image/png", "image/svg+xml"].includes(file.type)) logo(file);
});
