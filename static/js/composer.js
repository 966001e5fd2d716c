// The box where questions are written.
import { setText } from "./dom.js";

const COUNT_FROM = 0.85; // of the allowed length: before that the number only distracts

export class Composer {
  constructor(form, { maxLength, onAsk, onStop }) {
    Object.assign(this, { form, maxLength, onAsk });
    this.input = form.querySelector("[data-question]");
    this.sendButton = form.querySelector("[data-send]");
    this.stopButton = form.querySelector("[data-stop]");
    this.counter = form.querySelector("[data-count]");
    this.scope = form.querySelector("[data-scope]");
    this.running = false;
    this.input.addEventListener("input", () => this.changed());
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
    // While an input method composes, Enter picks a word; keyCode 229 is how Safari says so.
    const composing = event.isComposing || event.keyCode === 229;
    if (event.key !== "Enter" || event.shiftKey || composing) return;
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
    this.input.value = "";
    this.changed();
    this.onAsk(text);
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
