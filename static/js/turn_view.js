// One question and its answer on the page.
import { AnswerFoot, smallButton } from "./answer_foot.js";
import { mayAskAgain, statusSentence } from "./answer_words.js";
import { el, icon, setText } from "./dom.js";
import { QuestionView } from "./question_view.js";
import { BlockStream, framePacer } from "./stream.js";
import { isRunning } from "./thread.js";

export class TurnView {
  /**
   * `actions` has markdown, maxLength, onSources(answer, n, opener), onCopy(text, button), onAgain(turn),
   * onEdit(turn, text), onSwitch(id, direction, what), onRate(answer, feedback), onGap(answer), onDrawn(),
   * onHold(), onEnded(body, answer).
   */
  constructor(turn, actions) {
    this.actions = actions;
    this.known = new Set();
    this.drawSoon = framePacer(() => this.drawText());
    this.build();
    this.update(turn);
  }

  build() {
    this.question = new QuestionView(this.actions);
    this.foot = new AnswerFoot(this.actions);
    this.notices = el("div", { class: "notices" });
    this.body = el("div", { class: "answer-body prose" });
    this.wait = el("p", { class: "answer-wait" });
    this.status = el("div", { class: "answer-status", hidden: true });
    const parts = [this.notices, this.body, this.wait, this.status, this.foot.element, this.foot.below];
    this.answer = el("article", { class: "answer", "aria-label": "Answer" }, ...parts);
    this.answer.addEventListener("click", (event) => this.clicked(event));
    this.element = el("section", { class: "turn" }, this.question.element, this.answer);
    this.stream = new BlockStream(this.body, this.actions.markdown);
  }

  update(turn) {
    if (turn === this.turn) return;
    const before = this.turn?.answer;
    this.turn = turn;
    this.question.update(turn);
    this.answer.hidden = !turn.answer;
    if (!turn.answer) return;
    if (before?.id && before.id !== turn.answer.id) this.startOver();
    if (before?.sources !== turn.answer.sources) this.learnNumbers(turn.answer.sources);
    this.answer.dataset.status = turn.answer.status;
    this.drawNotices(turn.answer.notices);
    this.drawWait(turn);
    if (isRunning(turn)) this.drawSoon();
    else this.drawEnd(turn);
  }

  // Another answer to the same question takes the place of the one that was shown.
  startOver() {
    this.stream.reset();
    this.notices.replaceChildren();
    this.status.hidden = true;
    this.foot.clear();
  }

  // The set is replaced only when the numbers differ: a new set makes the stream draw everything again.
  learnNumbers(sources) {
    const numbers = sources.map((source) => source.n);
    const same = numbers.length === this.known.size && numbers.every((n) => this.known.has(n));
    if (!same) this.known = new Set(numbers);
  }

  drawText() {
    this.stream.update(this.turn.answer.text, this.known, isRunning(this.turn));
    this.actions.onDrawn();
  }

  drawNotices(notices) {
    for (const notice of notices.slice(this.notices.childElementCount)) {
      this.notices.append(el("p", { class: "notice", "data-code": notice.code }, icon("info"), el("span", {}, notice.detail)));
    }
  }

  drawWait({ answer, stopping }) {
    const waiting = answer.text === "" && (answer.status === "waiting" || answer.status === "streaming");
    this.wait.hidden = !waiting;
    if (!waiting) return;
    const found = answer.sources.length;
    const reading = found ? `Reading ${found} passage${found === 1 ? "" : "s"}…` : "Searching your documents…";
    setText(this.wait, stopping ? "Stopping…" : reading);
  }

  drawEnd(turn) {
    this.drawText();
    this.actions.onEnded?.(this.body, turn.answer);
    this.drawStatus(turn);
    this.foot.update(turn);
  }

  drawStatus(turn) {
    const { answer } = turn;
    const parts = [];
    const sentence = statusSentence(answer);
    if (sentence) parts.push(el("span", {}, sentence));
    if (sentence && mayAskAgain(turn)) parts.push(actionButton("Ask again", "retry", () => this.actions.onAgain(this.turn)));
    if (answer.status === "refused" && answer.id) parts.push(this.gap(answer));
    this.status.hidden = parts.length === 0;
    this.status.replaceChildren(...parts);
  }

  gap(answer) {
    if (answer.gapReported) return el("span", {}, "Reported as a knowledge gap. You will be told here when it is filled.");
    return actionButton("Report a knowledge gap", "flag", () => this.actions.onGap(this.turn.answer));
  }

  clicked(event) {
    const chip = event.target.closest(".cite");
    if (chip) return this.actions.onSources(this.turn.answer, Number(chip.dataset.n), chip);
    const copy = event.target.closest("[data-copy]");
    if (copy) this.actions.onCopy(copy.closest(".code-block").querySelector("code").textContent, copy);
  }

  /** Shows which answer, and which number of it, the sources panel is on. */
  markOpen(open, n) {
    this.foot.markOpen(open);
    for (const chip of this.body.querySelectorAll(".cite")) {
      chip.setAttribute("aria-pressed", String(open && Number(chip.dataset.n) === n));
    }
  }

  /** The arrow that was pressed is gone with the branch it stood on: its like gets the focus. */
  focusArrow(direction, what) {
    const host = what === "question" ? this.question.element : this.foot.element;
    const arrow = (kind) => host.querySelector(`[data-branch="${kind}"]:not([aria-disabled])`);
    (arrow(direction) ?? arrow(direction === "next" ? "previous" : "next"))?.focus();
  }
}

function actionButton(name, iconName, onclick) {
  const button = smallButton(name, iconName, onclick);
  button.classList.remove("button-quiet");
  return button;
}
