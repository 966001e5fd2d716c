// The kinds of files Vena reads, in words. The server says which endings; one without a name here is shown as it is.
const family = (name, endings) => [name, endings.split(" ")];
const NAMES = [
  family("PDF", ".pdf"),
  family("Word", ".docx"),
  family("PowerPoint", ".pptx"),
  family("Excel", ".xlsx .xlsm .xlsb .xls"),
  family("OpenDocument", ".odt .odp .ods"),
  family("CSV", ".csv .tsv .tab"),
  family("Markdown", ".md .markdown"),
  family("HTML", ".html .htm .xhtml"),
  family("text", ".txt .text .log .rst .org .adoc .tex .srt .vtt"),
  family("e-mail", ".eml .msg"),
  family("EPUB", ".epub"),
  family("RTF", ".rtf"),
  family("image", ".png .jpg .jpeg .tif .tiff"),
  family("ZIP", ".zip"),
  family("data", ".json .jsonl .ndjson .ipynb .geojson .yaml .yml .toml .ini .cfg .conf .properties .xml .svg .rss .atom .xsd .xsl"),
  family(
    "source code",
    ".sh .bash .zsh .c .h .cc .cpp .cxx .hpp .hh .hxx .cs .css .scss .less .dart .ex .exs .go .groovy .gradle .hs .tf .hcl .java .js .jsx .mjs .cjs .jl .kt .kts .lua .pl .pm .php .ps1 .psm1 .proto .py .pyi .r .rb .rs .scala .sc .sql .swift .tsx .ts .mts .cts .vb .bas .vbs .vue .svelte",
  ),
];
const NOT_ALL = { Word: "Word (.docx)", PowerPoint: "PowerPoint (.pptx)" }; // .doc is Word too, and cannot be read

/** "PDF, Word, Markdown, HTML or text". */
export function kinds(accept, { last = "or", endings = false } = {}) {
  const named = NAMES.filter(([, own]) => own.some((ending) => accept.includes(ending))).map(([name]) => (endings && NOT_ALL[name]) || name);
  const known = NAMES.flatMap(([, own]) => own);
  const words = [...named, ...accept.filter((ending) => !known.includes(ending))];
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}` : words.join("");
}
