// The panel beside an answer that shows where its claims come from.
import { DocumentPanel, markQuote } from "./document_panel.js";
import { el, icon, sameOrigin, scrollTo, setText } from "./dom.js";

const OVERLAY = "(max-width: 1100px)";

export class SourcesPanel {
  constructor(chat, markdown) {
    Object.assign(this, { chat, markdown });
    this.panel = chat.querySelector("[data-sources-panel]");
    this.list = chat.querySelector("[data-sources-list]");
    this.title = chat.querySelector("#sources-title");
    this.shade = chat.querySelector("[data-sources-shade]");
    this.main = chat.querySelector("[data-chat-main]");
    this.answerId = null;
    this.overlay = matchMedia(OVERLAY);
    this.overlay.addEventListener("change", () => this.layer());
    chat.querySelector("[data-sources-close]").addEventListener("click", () => this.close());
    this.shade.addEventListener("click", () => this.close());
    this.onChange = () => {};
    this.reader = new DocumentPanel(this.panel, markdown, {
      onBack: () => this.backToList(),
      onClose: () => this.close(),
      onMove: (source, quote) => this.moved(source, quote),
    });
  }

  isOpenFor(answer) {
    return !this.panel.hidden && this.answerId === answer.id;
  }

  /** Opens the panel on `answer`; with a number, its document at the passage the mark `opener` stands for. */
  open(answer, n, opener) {
    this.opener = opener;
    this.answer = answer;
    this.answerId = answer.id;
    this.draw(answer, n);
    this.panel.hidden = false;
    this.chat.toggleAttribute("data-sources", true);
    this.layer();
    this.onChange();
    if (n) this.read(n, Number(opener?.dataset?.quote ?? 0));
    else this.backToList();
  }

  read(n, index = 0) {
    this.chat.toggleAttribute("data-reading", true);
    this.reader.open(this.answer, n, index);
  }

  /** From the document to all sources; the card of the one that was open has the focus. */
  backToList() {
    this.reader.close();
    this.chat.toggleAttribute("data-reading", false);
    const card = this.active ? this.list.querySelector(`[data-source="${this.active}"]`) : null;
    if (card) scrollTo(this.list, card, 0.05);
    (card ?? this.title).focus({ preventScroll: true });
  }

  moved(source, quote) {
    this.draw(this.answer, source.n);
    this.onChange();
    this.pinpoint(source, quote);
  }

  /** Of all marks with this number the one that is open; leaving the panel leads back to it. */
  pinpoint(source, quote) {
    const marks = [...(this.opener?.closest(".answer-body")?.querySelectorAll(`.cite[data-n="${source.n}"]`) ?? [])];
    const open = quote && marks[source.quotes.indexOf(quote)];
    if (!open) return;
    for (const mark of marks) mark.setAttribute("aria-pressed", String(mark === open));
    this.opener = open;
  }

  close() {
    if (this.panel.hidden) return;
    this.panel.hidden = true;
    this.reader.close();
    this.chat.toggleAttribute("data-sources", false);
    this.chat.toggleAttribute("data-reading", false);
    this.answerId = null;
    this.layer();
    this.onChange();
    this.opener?.focus({ preventScroll: true });
  }

  toggle(answer, opener) {
    if (this.isOpenFor(answer)) this.close();
    else this.open(answer, null, opener);
  }

  /** New frames may have brought more: redraw, keeping the marked card. */
  refresh(answer) {
    if (!this.isOpenFor(answer) || this.drawn === answer.sources) return;
    this.answer = answer;
    this.draw(answer, this.active);
  }

  get holdsFocus() {
    return !this.panel.hidden && (this.overlay.matches || this.panel.contains(document.activeElement));
  }

  // Over the page it acts as a dialog, so what lies beneath is out of reach; beside the page it does not.
  layer() {
    const covers = !this.panel.hidden && this.overlay.matches;
    this.main.inert = covers;
    this.shade.hidden = !covers;
  }

  draw(answer, n) {
    this.drawn = answer.sources;
    this.active = n ?? null;
    setText(this.title, answer.status === "refused" ? "Nearest pages" : "Sources");
    const cited = answer.sources.filter((source) => source.cited);
    const others = answer.sources.filter((source) => !source.cited);
    const groups = cited.length && others.length ? [["Cited in the answer", cited], ["Also read", others]] : [["", answer.sources]];
    this.list.replaceChildren(...groups.flatMap(([name, sources]) => this.group(name, sources)));
  }

  group(name, sources) {
    const cards = sources.map((source) => el("li", {}, this.card(source)));
    const list = el("ol", { class: "sources-cards" }, ...cards);
    return name ? [el("h3", { class: "sources-group" }, name), list] : [list];
  }

  card(source) {
    const active = source.n === this.active;
    const open = source.url && sameOrigin(source.url);
    return el(
      "article",
      { class: "source", "data-source": source.n, "data-active": active, tabindex: "-1", "aria-label": `Source ${source.n}, ${source.title}` },
      el("span", { class: "source-n", "aria-hidden": "true" }, String(source.n)),
      el("div", {}, el("h4", { class: "source-title" }, source.title), source.page && el("p", { class: "source-page" }, `Page ${source.page}`)),
      source.snippet && this.snippet(source, active),
      open && this.openButton(source),
    );
  }

  snippet(source, active) {
    const quotes = (source.quotes ?? []).map(({ quote }) => quote).filter(Boolean);
    const passage = this.markdown.toPassage(source.snippet, { marked: active && !quotes.length });
    // Of the other cards only the first lines show: the keyboard must not land in what is cut off.
    if (!active) for (const node of passage.querySelectorAll("[tabindex]")) node.removeAttribute("tabindex");
    const shown = el("div", { class: "source-snippet prose passage" }, passage);
    if (active) for (const quote of new Set(quotes)) markQuote(shown, quote);
    return shown;
  }

  openButton(source) {
    return el(
      "button",
      { type: "button", class: "source-open", onclick: () => this.read(source.n) },
      icon("document"),
      "Show in the document",
      el("span", { class: "visually-hidden" }, ` ${source.title}`),
    );
  }
}
