// Picks a document while its name is typed: a combobox with a list of suggestions.
import { el } from "./dom.js";
import { request } from "./http.js";

const WAIT = 160; // milliseconds after the last key
let count = 0;

export class DocumentPicker {
  /** `url` answers ?q= with [{id, title, file_name, collection}]. */
  constructor(url, { id = "", title = "" } = {}) {
    this.url = url;
    this.chosen = id ? { id, title } : null;
    this.name = `document-picker-${(count += 1)}`;
    this.options = [];
    this.active = -1;
    this.asked = 0;
    this.build(title);
  }

  get value() {
    return this.chosen?.id ?? null;
  }

  build(title) {
    this.input = el("input", {
      id: this.name, type: "text", role: "combobox", autocomplete: "off", "aria-autocomplete": "list", "aria-expanded": "false",
      "aria-controls": `${this.name}-list`, placeholder: "Type a part of its title",
    });
    this.input.value = title;
    this.list = el("ul", { id: `${this.name}-list`, class: "picker-list", role: "listbox", "aria-label": "Documents", hidden: true });
    this.node = el("div", { class: "field picker" }, el("label", { for: this.name }, "Document that answers it"), this.input, this.list);
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("focus", () => !this.chosen && this.ask());
    this.input.addEventListener("blur", () => this.close());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault()); // the input keeps the focus
    this.list.addEventListener("click", (event) => {
      const row = event.target.closest("[data-index]");
      if (row) this.choose(Number(row.dataset.index));
    });
  }

  typed() {
    this.chosen = null;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), WAIT);
  }

  async ask() {
    const mine = (this.asked += 1);
    const found = await request("GET", `${this.url}?q=${encodeURIComponent(this.input.value.trim())}`).catch(() => []);
    if (mine !== this.asked || document.activeElement !== this.input) return; // an older answer, or nobody waits
    this.options = found;
    this.show();
  }

  show() {
    this.list.replaceChildren(...this.options.map((option, index) => this.row(option, index)));
    if (!this.options.length) this.list.append(el("li", { class: "picker-none", role: "option", "aria-disabled": "true" }, "No document has these words in its name."));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.move(-1);
  }

  row({ title, file_name: file, collection }, index) {
    const about = [collection, file].filter(Boolean).join(" · ");
    return el("li", { id: `${this.name}-${index}`, class: "picker-option", role: "option", "aria-selected": "false", "data-index": index }, el("span", {}, title), el("span", { class: "muted small" }, about));
  }

  move(to) {
    this.active = to;
    for (const row of this.list.querySelectorAll("[data-index]")) row.setAttribute("aria-selected", String(Number(row.dataset.index) === to));
    if (to < 0) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", `${this.name}-${to}`);
    this.list.querySelector('[aria-selected="true"]')?.scrollIntoView?.({ block: "nearest" });
  }

  key(event) {
    const isOpen = !this.list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!isOpen) return void this.ask();
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (this.options.length) this.move((this.active + step + this.options.length) % this.options.length);
    } else if (event.key === "Enter" && isOpen && this.active >= 0) {
      event.preventDefault();
      this.choose(this.active);
    } else if (event.key === "Escape" && isOpen) {
      event.preventDefault(); // and the dialog stays open
      event.stopPropagation();
      this.close();
    }
  }

  choose(index) {
    this.chosen = this.options[index];
    this.input.value = this.chosen.title;
    this.close();
  }

  close() {
    clearTimeout(this.timer);
    this.asked += 1;
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}
