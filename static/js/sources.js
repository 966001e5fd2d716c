// The panel beside an answer that shows where its claims come from.
import { el, icon, sameOrigin, setText } from "./dom.js";

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
  }

  isOpenFor(answer) {
    return !this.panel.hidden && this.answerId === answer.id;
  }

  /** Opens the panel on `answer`; with a number, that card is marked and gets the focus. */
  open(answer, n, opener) {
    this.opener = opener;
    this.answerId = answer.id;
    this.draw(answer, n);
    this.panel.hidden = false;
    this.chat.toggleAttribute("data-sources", true);
    this.layer();
    this.onChange();
    const card = n ? this.list.querySelector(`[data-source="${n}"]`) : null;
    card?.scrollIntoView({ block: "nearest", behavior: "smooth" });
    (card ?? this.title).focus({ preventScroll: true });
  }

  close() {
    if (this.panel.hidden) return;
    this.panel.hidden = true;
    this.chat.toggleAttribute("data-sources", false);
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
      source.snippet && this.snippet(source.snippet, active),
      open && this.openLink(source),
    );
  }

  snippet(text, active) {
    const passage = this.markdown.toPassage(text, { marked: active });
    // Of the other cards only the first lines show: the keyboard must not land in what is cut off.
    if (!active) for (const node of passage.querySelectorAll("[tabindex]")) node.removeAttribute("tabindex");
    return el("div", { class: "source-snippet prose passage" }, passage);
  }

  openLink(source) {
    return el(
      "a",
      { class: "source-open", href: source.url, target: "_blank", rel: "noopener" },
      "Open document",
      icon("open"),
      el("span", { class: "visually-hidden" }, ` ${source.title} in a new tab`),
    );
  }
}
