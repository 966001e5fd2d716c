// The kinds of files Vena reads, in words. The server says which endings; one without a name here is shown as it is.
const NAMES = [
  ["PDF", [".pdf"]],
  ["Word", [".docx"]],
  ["Markdown", [".md", ".markdown"]],
  ["HTML", [".html", ".htm", ".xhtml"]],
  ["text", [".txt", ".text", ".log", ".rst", ".org"]],
];
const NOT_ALL = { Word: "Word (.docx)" }; // .doc is Word too, and cannot be read

/** "PDF, Word, Markdown, HTML or text". */
export function kinds(accept, { last = "or", endings = false } = {}) {
  const named = NAMES.filter(([, own]) => own.some((ending) => accept.includes(ending))).map(([name]) => (endings && NOT_ALL[name]) || name);
  const known = NAMES.flatMap(([, own]) => own);
  const words = [...named, ...accept.filter((ending) => !known.includes(ending))];
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}` : words.join("");
}
