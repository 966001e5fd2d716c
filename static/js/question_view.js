// The question above an answer: its words, the branches beside it, and the box in which it is put in other words.
import { branchArrows } from "./branches.js";
import { el, icon, setText } from "./dom.js";

const LONG_QUESTION = 220;

export class QuestionView {
  /** `actions` has onEdit(turn, text), onSwitch(id, direction, what), onHold(), maxLength. */
  constructor(actions) {
    this.actions = actions;
    this.words = el("h2", { class: "question" });
    this.tools = el("div", { class: "question-tools" });
    this.element = el("div", { class: "question-head" }, this.words, this.tools);
  }

  update(turn) {
    this.turn = turn;
    const { question } = turn;
    this.element.hidden = !question;
    if (!question) return;
    setText(this.words, question.text);
    this.words.classList.toggle("question-long", question.text.length > LONG_QUESTION);
    if (this.drawn?.id !== question.id || this.drawn?.siblings !== question.siblings) this.drawTools(question);
  }

  drawTools(question) {
    this.drawn = question;
    const arrows = branchArrows(question, "Question", (id, direction) => this.actions.onSwitch(id, direction, "question"));
    this.tools.replaceChildren(...[arrows, question.id ? this.editButton() : null].filter(Boolean));
  }

  editButton() {
    this.opener = el(
      "button",
      { type: "button", class: "icon-button question-edit", "aria-label": "Edit the question", title: "Edit the question", onclick: () => this.edit() },
      icon("edit"),
    );
    return this.opener;
  }

  edit() {
    if (this.form) return this.form.querySelector("textarea").focus();
    const area = el("textarea", { class: "input", rows: "2", "aria-label": "The question in other words", maxlength: this.actions.maxLength });
    area.value = this.turn.question.text;
    this.form = el(
      "form",
      { class: "question-form", onsubmit: (event) => this.send(event, area), onkeydown: (event) => this.key(event, area) },
      area,
      el("p", { class: "small muted" }, "This begins a new branch. The first one stays; the arrows lead back to it."),
      el(
        "div",
        { class: "form-actions" },
        el("button", { type: "button", class: "button button-small", onclick: () => this.cancel() }, "Cancel"),
        el("button", { type: "submit", class: "button button-small button-primary" }, "Ask"),
      ),
    );
    this.actions.onHold(); // the page must not follow its end away from what is written here
    this.element.hidden = true;
    this.element.after(this.form);
    area.style.height = `${area.scrollHeight + 4}px`;
    area.focus({ preventScroll: true });
    this.form.scrollIntoView({ block: "nearest" });
    area.setSelectionRange(area.value.length, area.value.length);
  }

  key(event, area) {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey && event.target === area) this.send(event, area);
    if (event.key !== "Escape") return;
    event.stopPropagation(); // the same key must not stop an answer as well
    this.cancel();
  }

  send(event, area) {
    event.preventDefault();
    const text = area.value.trim();
    if (!text) return;
    const { turn } = this;
    this.close();
    if (text !== turn.question.text) this.actions.onEdit(turn, text);
    else this.opener.focus();
  }

  cancel() {
    this.close();
    this.opener.focus();
  }

  close() {
    this.form?.remove();
    this.form = null;
    this.element.hidden = false;
  }
}
