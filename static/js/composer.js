// The box where questions are written.
import { setText } from "./dom.js";
import { isComposing } from "./shortcuts.js";

const COUNT_FROM = 0.85; // of the allowed length: before that the number only distracts

export class Composer {
  constructor(form, { maxLength, onAsk, onStop, onTyped = () => {}, onEditLast = () => {} }) {
    Object.assign(this, { form, maxLength, onAsk, onTyped, onEditLast });
    this.input = form.querySelector("[data-question]");
    this.sendButton = form.querySelector("[data-send]");
    this.stopButton = form.querySelector("[data-stop]");
    this.counter = form.querySelector("[data-count]");
    this.scope = form.querySelector("[data-scope]");
    this.running = false;
    this.input.addEventListener("input", () => {
      this.changed();
      this.onTyped(this.input.value);
    });
    this.input.addEventListener("keydown", (event) => this.key(event));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.stopButton.addEventListener("click", onStop);
    this.scope?.addEventListener("change", () => this.labelScope());
    this.changed();
  }

  key(event) {
    if (isComposing(event)) return; // Enter picks a word then
    if (event.key === "ArrowUp" && this.input.value === "" && !event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey) {
      if (this.onEditLast()) event.preventDefault();
    }
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    this.submit();
  }

  get text() {
    return this.input.value.trim();
  }

  get collections() {
    const chosen = [...this.form.querySelectorAll("[data-scope-choice]:checked")].map((box) => box.value);
    return chosen.length ? chosen : null;
  }

  submit() {
    if (this.sendButton.disabled || this.running) return;
    const text = this.text;
    this.write("");
    this.onTyped("");
    this.onAsk(text);
  }

  /** Puts words into the box, for the person to go on with. */
  write(text) {
    this.input.value = text;
    this.changed();
  }

  /** Words that could not be sent stay, also after a reload. */
  keep(text) {
    this.write(text);
    this.onTyped(this.input.value);
  }

  changed() {
    const length = this.text.length;
    const over = length > this.maxLength;
    this.sendButton.disabled = length === 0 || over;
    const shown = length > this.maxLength * COUNT_FROM;
    setText(this.counter, shown ? `${length.toLocaleString("en-GB")} of ${this.maxLength.toLocaleString("en-GB")}` : "");
    this.counter.toggleAttribute("data-over", over);
    this.fit();
  }

  fit() {
    this.input.style.height = "auto";
    this.input.style.height = `${this.input.scrollHeight}px`;
  }

  setRunning(running, stopping) {
    const hadFocus = this.form.contains(document.activeElement);
    this.running = running;
    this.sendButton.hidden = running;
    this.stopButton.hidden = !running;
    this.stopButton.disabled = Boolean(stopping);
    // A button that vanishes under the finger would drop focus to the page.
    if (hadFocus && !this.form.contains(document.activeElement)) this.input.focus();
  }

  labelScope() {
    const names = [...this.form.querySelectorAll("[data-scope-choice]:checked")].map((box) => box.parentElement.textContent.trim());
    const label = names.length > 2 ? `${names.length} collections` : names.join(", ");
    setText(this.form.querySelector("[data-scope-label]"), label || "All collections");
  }
}
