// What the server found out about each mark of an answer: which words bear it out, and where none do.
import { el } from "./dom.js";
import { lettersOf, TextIndex } from "./quote_finder.js";

export const NOT_SAID = "The source does not clearly say this.";
const MARKS = /\[\d{1,3}\]/g;
const LINK = /\]\([^)\s]*\)/g;

export function isBorneOut(quote) {
  return Boolean(quote.quote) || quote.support > 0;
}

/** Every mark of the answer in reading order: [{source, quote}]; a source without quotes stands there once. */
export function marksOf(answer) {
  const cited = answer.sources.filter((source) => source.cited);
  const marks = cited.flatMap((source) => (source.quotes?.length ? source.quotes : [null]).map((quote) => ({ source, quote })));
  return marks.sort((a, b) => (a.quote?.end ?? 0) - (b.quote?.end ?? 0) || (a.quote?.start ?? 0) - (b.quote?.start ?? 0));
}

/** Gives each number in `body` its quote, and underlines the sentences that cite a passage which does not say them. */
export function drawSupport(body, answer) {
  for (const old of body.querySelectorAll("[data-unsupported-note]")) old.remove();
  for (const old of body.querySelectorAll(".unsupported")) old.replaceWith(...old.childNodes);
  body.normalize();
  const chips = [...body.querySelectorAll(".cite")];
  for (const source of answer.sources) {
    const own = chips.filter((chip) => Number(chip.dataset.n) === source.n);
    (source.quotes ?? []).forEach((quote, index) => markChip(own[index], source, quote, index));
  }
  const doubtful = marksOf(answer).filter(({ quote }) => quote && !isBorneOut(quote));
  const spans = new Map(doubtful.map(({ quote }) => [`${quote.start}-${quote.end}`, quote]));
  for (const quote of spans.values()) underline(body, answer.text, quote);
}

function markChip(chip, source, quote, index) {
  if (!chip) return;
  chip.dataset.quote = String(index);
  const doubtful = !isBorneOut(quote);
  chip.toggleAttribute("data-doubtful", doubtful);
  chip.setAttribute("aria-label", doubtful ? `Source ${source.n}, which does not clearly say this` : `Source ${source.n}`);
}

function underline(body, text, { start, end }) {
  const characters = [...text]; // the server counts Unicode characters
  const sentence = plain(characters.slice(start, end).join(""));
  const before = lettersOf(plain(characters.slice(0, start).join("")));
  const index = new TextIndex(body, { skip: ".cite, .code-head" });
  const found = index.find(sentence, occurrences(before, lettersOf(sentence)));
  if (!found) return;
  const marks = index.wrap(found, () => el("span", { class: "unsupported", title: NOT_SAID }));
  marks.at(-1).after(el("span", { class: "visually-hidden", "data-unsupported-note": true }, ` (${NOT_SAID})`));
}

function plain(markdown) {
  return markdown.replace(MARKS, " ").replace(LINK, "] ");
}

function occurrences(text, part) {
  return part ? text.split(part).length - 1 : 0;
}
