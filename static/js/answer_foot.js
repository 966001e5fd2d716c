// What can be done with an answer that is over.
import { withFootnotes } from "./answer_words.js";
import { branchArrows } from "./branches.js";
import { el, icon } from "./dom.js";
import { reasonForm, thumbs } from "./feedback.js";
import { usageLine } from "./format.js";
import { togglePopMenu } from "./pop_menu.js";

export class AnswerFoot {
  /** `actions` has onSources, onCopy, onAgain, onSwitch, onRate(answer, feedback), onGap(answer). */
  constructor(actions) {
    this.actions = actions;
    this.element = el("div", { class: "answer-foot", hidden: true });
    this.below = el("div", { class: "answer-below" });
  }

  clear() {
    this.element.hidden = true;
    this.element.replaceChildren();
    this.closeReasons();
  }

  update(turn) {
    const held = this.heldFocus();
    this.turn = turn;
    const { answer } = turn;
    const usage = usageLine(answer.usage);
    const parts = [
      branchArrows(answer, "Answer", (id, direction) => this.actions.onSwitch(id, direction, "answer")),
      answer.sources.length ? this.sourcesButton(answer) : null,
      answer.text ? this.copyButton() : null,
      ...(answer.text && answer.id ? thumbs(answer.feedback, (feedback) => this.rate(feedback)) : []),
      answer.id ? this.moreButton() : null,
      usage && el("span", { class: "answer-usage" }, usage),
    ].filter(Boolean);
    this.element.replaceChildren(...parts);
    this.element.hidden = parts.length === 0;
    if (held) this.element.querySelector(held)?.focus();
  }

  // What is drawn anew must not take the focus away from a thumb that was just pressed.
  heldFocus() {
    const thumb = this.element.contains(document.activeElement) ? document.activeElement.dataset.thumb : null;
    return thumb ? `[data-thumb="${thumb}"]` : null;
  }

  sourcesButton(answer) {
    const cited = answer.sources.filter((source) => source.cited).length;
    const count = cited || answer.sources.length;
    const name = answer.status === "refused" ? "Nearest pages" : `${count} source${count === 1 ? "" : "s"}`;
    const button = smallButton(name, "sources", () => this.actions.onSources(this.turn.answer, null, button));
    button.setAttribute("aria-controls", "sources");
    button.setAttribute("aria-expanded", "false");
    button.dataset.sourcesToggle = "";
    return button;
  }

  copyButton() {
    const button = smallButton("Copy", "copy", () => this.actions.onCopy(this.turn.answer.text, button));
    button.setAttribute("aria-label", "Copy the answer");
    return button;
  }

  moreButton() {
    const attributes = { type: "button", class: "icon-button", "aria-label": "More for this answer", title: "More", "aria-haspopup": "menu", "aria-expanded": "false" };
    const button = el("button", { ...attributes, "data-answer-menu": true, onclick: () => togglePopMenu(button, this.choices(button)) }, icon("more"));
    return button;
  }

  choices(button) {
    const { answer, question } = this.turn;
    const footnotes = () => this.actions.onCopy(withFootnotes(answer.text, answer.sources, location.origin), button);
    return [
      question && { name: "Try again", icon: "retry", run: () => this.actions.onAgain(this.turn) },
      answer.text && { name: "Copy with sources as footnotes", icon: "copy", run: footnotes },
      { name: answer.gapReported ? "Reported as a knowledge gap" : "Report a knowledge gap", icon: "flag", run: () => this.actions.onGap(answer) },
    ].filter(Boolean);
  }

  async rate(feedback) {
    this.closeReasons();
    const taken = await this.actions.onRate(this.turn.answer, feedback);
    if (taken && feedback?.rating === -1) this.askReasons();
  }

  askReasons() {
    const close = () => {
      this.closeReasons();
      this.element.querySelector('[data-thumb="-1"]')?.focus();
    };
    const send = (feedback) => {
      close();
      this.actions.onRate(this.turn.answer, feedback, { thank: true });
    };
    const form = reasonForm({ answerId: this.turn.answer.id, onSend: send, onClose: close });
    this.below.replaceChildren(form);
    form.querySelector("input").focus();
    form.scrollIntoView({ block: "nearest" });
  }

  closeReasons() {
    this.below.replaceChildren();
  }

  markOpen(open) {
    this.element.querySelector("[data-sources-toggle]")?.setAttribute("aria-expanded", String(open));
  }
}

export function smallButton(name, iconName, onclick) {
  return el("button", { type: "button", class: "button button-small button-quiet", onclick }, icon(iconName), el("span", {}, name));
}
