// One question and its answer on the page.
import { el, icon, setText } from "./dom.js";
import { usageLine } from "./format.js";
import { isRunning } from "./frames.js";
import { BlockStream, framePacer } from "./stream.js";

const LONG_QUESTION = 220;

export class TurnView {
  /** `actions` has markdown, onSources(answer, n, opener), onAgain(turn), onDrawn(). */
  constructor(turn, actions) {
    this.actions = actions;
    this.known = new Set();
    this.drawSoon = framePacer(() => this.drawText());
    this.build();
    this.update(turn);
  }

  build() {
    this.question = el("h2", { class: "question" });
    this.notices = el("div", { class: "notices" });
    this.body = el("div", { class: "answer-body prose" });
    this.wait = el("p", { class: "answer-wait" });
    this.status = el("div", { class: "answer-status", hidden: true });
    this.foot = el("div", { class: "answer-foot", hidden: true });
    this.answer = el("article", { class: "answer", "aria-label": "Answer" }, this.notices, this.body, this.wait, this.status, this.foot);
    this.answer.addEventListener("click", (event) => this.clicked(event));
    this.element = el("section", { class: "turn" }, this.question, this.answer);
    this.stream = new BlockStream(this.body, this.actions.markdown);
  }

  update(turn) {
    const before = this.turn?.answer;
    this.turn = turn;
    this.drawQuestion(turn.question);
    this.answer.hidden = !turn.answer;
    if (!turn.answer) return;
    if (before?.sources !== turn.answer.sources) this.learnNumbers(turn.answer.sources);
    this.answer.dataset.status = turn.answer.status;
    this.drawNotices(turn.answer.notices);
    this.drawWait(turn);
    if (isRunning(turn)) this.drawSoon();
    else this.drawEnd(turn);
  }

  drawQuestion(question) {
    this.question.hidden = !question;
    if (!question) return;
    setText(this.question, question.text);
    this.question.classList.toggle("question-long", question.text.length > LONG_QUESTION);
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
      this.notices.append(el("p", { class: "notice" }, icon("info"), el("span", {}, notice.detail)));
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
    this.drawStatus(turn);
    this.drawFoot(turn.answer);
  }

  drawStatus(turn) {
    const sentence = statusSentence(turn.answer);
    this.status.hidden = !sentence;
    if (!sentence) return;
    const again = mayAskAgain(turn) && this.button("Ask again", "retry", () => this.actions.onAgain(this.turn));
    again?.classList?.remove("button-quiet");
    this.status.replaceChildren(el("span", {}, sentence), ...(again ? [again] : []));
  }

  drawFoot(answer) {
    const usage = usageLine(answer.usage);
    const parts = [answer.sources.length ? this.sourcesButton(answer) : null, answer.text ? this.copyButton() : null];
    if (usage) parts.push(el("span", { class: "answer-usage" }, usage));
    const shown = parts.filter(Boolean);
    this.foot.replaceChildren(...shown);
    this.foot.hidden = shown.length === 0;
  }

  sourcesButton(answer) {
    const cited = answer.sources.filter((source) => source.cited).length;
    const count = cited || answer.sources.length;
    const name = answer.status === "refused" ? `Nearest pages (${count})` : `${count} source${count === 1 ? "" : "s"}`;
    const button = this.button(name, "sources", () => this.actions.onSources(this.turn.answer, null, button));
    button.setAttribute("aria-controls", "sources");
    button.setAttribute("aria-expanded", "false");
    button.dataset.sourcesToggle = "";
    return button;
  }

  copyButton() {
    const button = this.button("Copy", "copy", () => this.actions.onCopy(this.turn.answer.text, button));
    button.setAttribute("aria-label", "Copy the answer");
    return button;
  }

  button(name, iconName, onclick) {
    return el("button", { type: "button", class: "button button-small button-quiet", onclick }, icon(iconName), el("span", {}, name));
  }

  clicked(event) {
    const chip = event.target.closest(".cite");
    if (chip) return this.actions.onSources(this.turn.answer, Number(chip.dataset.n), chip);
    const copy = event.target.closest("[data-copy]");
    if (copy) this.actions.onCopy(copy.closest(".code-block").querySelector("code").textContent, copy);
  }

  /** Shows which answer, and which number of it, the sources panel is on. */
  markOpen(open, n) {
    this.foot.querySelector("[data-sources-toggle]")?.setAttribute("aria-expanded", String(open));
    for (const chip of this.body.querySelectorAll(".cite")) {
      chip.setAttribute("aria-pressed", String(open && Number(chip.dataset.n) === n));
    }
  }
}

export function statusSentence(answer) {
  switch (answer.status) {
    case "stopped":
      return "You stopped this answer.";
    case "interrupted":
      return answer.text ? "This answer was cut off. What had arrived is kept." : "This answer was cut off before it began.";
    case "failed":
      return answer.error?.detail || "This answer failed on our side.";
    case "refused":
      return answer.text ? "" : "Your documents don't answer this question.";
    default:
      return "";
  }
}

export function mayAskAgain({ question, answer }) {
  if (!question) return false;
  if (answer.status === "failed") return answer.error?.retryable !== false;
  return answer.status === "interrupted" || answer.status === "stopped";
}
