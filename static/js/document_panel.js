// The document beside the chat, open at the passage that a number of the answer cites.
import { el, icon, sameOrigin, scrollTo, setText } from "./dom.js";
import { TextIndex } from "./quote_finder.js";
import { isBorneOut, marksOf, NOT_SAID } from "./support_marks.js";

const GONE = "This document has been deleted. What the answer was written from is kept here.";
const CLOSED = "This document cannot be opened right now. What the answer was written from is kept here.";

export class DocumentPanel {
  /** `host` is the panel it lives in. `onBack` leads to the list of sources, `onMove(source, quote)` follows the steps. */
  constructor(host, markdown, { onBack, onClose, onMove }) {
    Object.assign(this, { host, markdown, onMove });
    this.marks = [];
    this.at = 0;
    this.showing = 0;
    this.build(onBack, onClose);
  }

  build(onBack, onClose) {
    this.title = el("h2", { class: "reader-title", tabindex: "-1" });
    this.where = el("span");
    this.count = el("span", { class: "reader-count", role: "status" });
    this.earlier = stepButton("Previous citation", "icon-left", () => this.step(-1));
    this.later = stepButton("Next citation", "icon-right", () => this.step(1));
    this.steps = el("div", { class: "reader-bar", role: "group", "aria-label": "Citations of this answer" }, this.earlier, this.count, this.later);
    this.whole = el("a", { class: "reader-whole", target: "_blank", rel: "noopener" }, "Open in full", icon("open"), el("span", { class: "visually-hidden" }, " in a new tab"));
    this.note = el("p", { class: "reader-note", role: "note", hidden: true }, icon("info"), el("span"));
    this.body = el("div", { class: "reader-body", "data-reader-body": true });
    this.element = el(
      "section",
      { class: "reader", "aria-label": "Cited document", hidden: true, "data-reader": true },
      el("header", { class: "reader-head" }, this.backButton(onBack), el("div", { class: "reader-names" }, this.title, el("p", { class: "reader-where" }, this.where, this.whole)), iconButton("close", "Close the document", onClose)),
      this.steps,
      this.note,
      this.body,
    );
    this.host.append(this.element);
  }

  backButton(onBack) {
    return el("button", { type: "button", class: "icon-button", "aria-label": "Back to all sources", onclick: onBack }, icon("back"));
  }

  get isOpen() {
    return !this.element.hidden;
  }

  get current() {
    return this.marks[this.at] ?? null;
  }

  /** Opens source `n` of the answer; `index` is the place of the mark among those with this number. */
  open(answer, n, index = 0) {
    this.marks = marksOf(answer);
    const own = this.marks.filter(({ source }) => source.n === n);
    const wanted = own[index] ?? own[0] ?? { source: answer.sources.find((source) => source.n === n), quote: null };
    if (!this.marks.includes(wanted)) this.marks = [wanted, ...this.marks];
    this.at = this.marks.indexOf(wanted);
    this.element.hidden = false;
    this.host.toggleAttribute("data-reading", true);
    this.show();
    this.title.focus({ preventScroll: true });
  }

  close() {
    this.showing += 1;
    this.element.hidden = true;
    this.host.toggleAttribute("data-reading", false);
    this.clear();
  }

  clear() {
    this.pdf?.destroy();
    this.pdf = null;
    this.body.replaceChildren();
  }

  step(by) {
    const next = this.at + by;
    if (next < 0 || next >= this.marks.length) return;
    this.at = next;
    this.show();
  }

  async show() {
    const { source, quote } = this.current;
    const showing = (this.showing += 1);
    this.drawHead(source, quote);
    this.clear();
    this.body.append(el("p", { class: "reader-wait" }, "Opening the document…"));
    this.onMove(source, quote);
    const part = await passageOf(source, quote);
    if (showing !== this.showing) return; // the person has gone on meanwhile
    this.body.replaceChildren();
    if (part.failure) return this.drawKept(source, quote, part.failure);
    await this.drawPart(part, source, quote, showing);
  }

  drawHead(source, quote) {
    setText(this.title, source.title);
    setText(this.where, placeOf(source, quote));
    setText(this.count, `Citation ${this.at + 1} of ${this.marks.length}`);
    this.steps.hidden = this.marks.length < 2;
    this.earlier.disabled = this.at === 0;
    this.later.disabled = this.at === this.marks.length - 1;
    const opens = source.url && sameOrigin(source.url);
    this.whole.hidden = !opens;
    if (opens) this.whole.href = withQuote(source.url, quote);
    const isDoubtful = Boolean(quote) && !isBorneOut(quote);
    this.body.toggleAttribute("data-doubtful", isDoubtful);
    this.say(isDoubtful ? `${NOT_SAID} This is the passage it points at.` : "");
  }

  say(sentence) {
    this.note.hidden = !sentence;
    setText(this.note.lastElementChild, sentence);
  }

  /** What the answer was written from, without the document. */
  drawKept(source, quote, failure) {
    this.whole.hidden = true;
    this.say(failure);
    const passage = el("div", { class: "reader-text prose passage" }, this.markdown.toPassage(source.snippet ?? "", { marked: !quote?.quote }));
    this.body.append(passage);
    if (quote?.quote) markQuote(passage, quote.quote);
  }

  async drawPart({ fragment, facts }, source, quote, showing) {
    const page = quote?.page ?? source.page;
    if (facts.file && (await this.drawPdf(facts, page, showing))) return;
    if (showing === this.showing) this.drawText(fragment, facts);
  }

  /** False where the page can't be drawn: then the text is shown, which needs nothing. */
  async drawPdf(facts, page, showing) {
    try {
      const { openPdf } = await import(facts.viewer.script);
      const place = { page, quote: facts.quote, boxes: facts.boxes };
      const pdf = await openPdf(this.body, { url: facts.file, ...facts.viewer, ...place });
      if (showing !== this.showing) pdf.destroy();
      else this.pdf = pdf;
      return true;
    } catch (error) {
      console.warn("The PDF could not be drawn; its text is shown.", error);
      if (showing === this.showing) this.body.replaceChildren();
      return false;
    }
  }

  drawText(fragment, facts) {
    this.body.append(fragment);
    setPassages(this.body, this.markdown, facts.quote);
    const target = this.body.querySelector("mark.quote") ?? this.body.querySelector("[data-cited]");
    if (target) scrollTo(this.body, target, 1 / 3);
  }
}

/** Document text as the Markdown it is. The quote is marked where it is found, else all of what is cited. */
export function setPassages(root, markdown, quote) {
  const cited = new Map();
  for (const node of root.querySelectorAll("[data-passage]")) {
    if (node.closest(".chunk-cited")) cited.set(node, node.textContent);
    node.replaceChildren(markdown.toPassage(node.textContent));
    node.classList.remove("chunk-plain");
  }
  if (quote && markQuote(root, quote)) return;
  for (const [node, text] of cited) node.replaceChildren(markdown.toPassage(text, { marked: true }));
}

/** True when the quote was found and marked. */
export function markQuote(root, quote) {
  const index = new TextIndex(root, { skip: ".chunk-above, .chunk-flag, .viewer-page" });
  const found = index.find(quote);
  if (!found) return false;
  index.wrap(found, () => el("mark", { class: "quote" }));
  return true;
}

async function passageOf(source, quote) {
  if (!source.url || !sameOrigin(source.url)) return { failure: GONE };
  try {
    const response = await fetch(partUrl(source.url, quote), { headers: { Accept: "text/html" } });
    if (response.status === 404) return { failure: GONE };
    if (!response.ok || response.redirected) return { failure: CLOSED };
    return parsed(await response.text());
  } catch {
    return { failure: CLOSED };
  }
}

function parsed(html) {
  const template = document.createElement("template");
  template.innerHTML = html; // our own server's, made by Django's template with everything escaped
  const data = template.content.querySelector("#reader-data");
  const facts = JSON.parse(data.textContent);
  data.remove();
  return { fragment: template.content, facts };
}

function withQuote(url, quote) {
  return quote?.quote_start == null ? url : `${url}&quote=${quote.quote_start}-${quote.quote_end}`;
}

function partUrl(url, quote) {
  return withQuote(url, quote).replace("/?", "/passage/?");
}

function placeOf(source, quote) {
  const page = quote?.page ?? source.page;
  return page ? `Page ${page}` : "";
}

function iconButton(name, label, onclick) {
  return el("button", { type: "button", class: "icon-button", "aria-label": label, onclick }, icon(name));
}

export function stepButton(label, direction, onclick) {
  const button = iconButton("chevron", label, onclick);
  button.classList.add(direction);
  return button;
}
