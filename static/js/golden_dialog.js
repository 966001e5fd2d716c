// Adds or edits a golden question. Opened empty, with a question to edit, or with a passage that somebody found good.
import { el, icon, setText } from "./dom.js";
import { DocumentPicker } from "./document_picker.js";
import { request } from "./http.js";

const MOST_TARGETS = 10;

export class GoldenDialog {
  /** `onSaved(question)` hears what the server stored. */
  constructor(api, onSaved) {
    this.url = `${api}golden-questions/`;
    this.onSaved = onSaved;
    this.part = (name) => document.querySelector(`[data-golden-${name}]`);
    this.dialog = this.part("dialog");
    this.form = this.part("form");
    this.part("cancel").addEventListener("click", () => this.dialog.close());
    this.part("more").addEventListener("click", () => this.addTarget({}).picker.input.focus());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
  }

  /** `question` is as the API has it; without an id it is a new one. */
  open({ id = null, question = "", targets = [{}] } = {}) {
    this.id = id;
    this.targets = [];
    this.part("targets").replaceChildren();
    setText(this.part("heading"), id ? "Edit the golden question" : "New golden question");
    this.form.elements.question.value = question;
    for (const target of targets.length ? targets : [{}]) this.addTarget(target);
    this.fail("");
    this.dialog.showModal();
    const first = question ? this.targets[0].quote : this.form.elements.question;
    first.focus();
  }

  addTarget({ document: id, title, quote = "" }) {
    const picker = new DocumentPicker(`${this.url}documents/`, { id, title });
    const name = `${picker.name}-quote`;
    const area = el("textarea", { id: name, rows: 2, maxlength: 4000 });
    area.value = quote;
    const node = el(
      "fieldset",
      { class: "target" },
      el("legend", { class: "visually-hidden" }, "Where it is answered"),
      picker.node,
      el("div", { class: "field" }, el("label", { for: name }, "Words that the right passage holds ", el("span", { class: "muted" }, "(optional)")), area, el("p", { class: "field-note" }, "Copy half a sentence. Without it every passage of the document counts as right.")),
    );
    const target = { picker, quote: area, node };
    if (this.targets.length) node.append(this.removeButton(target));
    this.targets.push(target);
    this.part("targets").append(node);
    this.part("more").hidden = this.targets.length >= MOST_TARGETS;
    return target;
  }

  removeButton(target) {
    const remove = () => {
      this.targets = this.targets.filter((one) => one !== target);
      target.node.remove();
      this.part("more").hidden = false;
      this.part("more").focus();
    };
    return el("button", { type: "button", class: "button button-small button-quiet", onclick: remove }, icon("trash"), "Not here");
  }

  fail(sentence) {
    const problem = this.part("problem");
    problem.hidden = !sentence;
    setText(problem.querySelector("p"), sentence);
    if (sentence) problem.scrollIntoView?.({ block: "nearest" });
  }

  async save() {
    const question = this.form.elements.question.value.trim();
    if (!question) return this.fail("Write the question first."), this.form.elements.question.focus();
    const open = this.targets.find(({ picker }) => !picker.value);
    if (open) return this.fail("Pick the document from the list."), open.picker.input.focus();
    const body = { question, targets: this.targets.map(({ picker, quote }) => ({ document: picker.value, quote: quote.value.trim() })) };
    const button = this.part("save");
    button.disabled = true;
    try {
      const saved = await request(this.id ? "PUT" : "POST", this.id ? `${this.url}${this.id}/` : this.url, body);
      this.dialog.close();
      this.onSaved(saved);
    } catch (error) {
      this.fail(error.message);
    } finally {
      button.disabled = false;
    }
  }
}
