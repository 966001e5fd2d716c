// A sentence at the edge of the page that goes by itself, with at most one thing to do about it.
import { el } from "./dom.js";

const SECONDS = 7;

export function toast(sentence, { action = "", run = null } = {}) {
  const host = document.querySelector("[data-toasts]");
  if (!host) return;
  const note = el("div", { class: "toast" }, el("span", {}, sentence));
  const leave = () => note.remove();
  if (action) {
    const done = () => {
      leave();
      run();
    };
    note.append(el("button", { type: "button", class: "button button-small", onclick: done }, action));
  }
  host.replaceChildren(note);
  keepWhileRead(note, leave);
}

// Whoever is about to press the button must not see it vanish under the pointer.
function keepWhileRead(note, leave) {
  let timer = setTimeout(leave, SECONDS * 1000);
  const hold = () => clearTimeout(timer);
  const letGo = () => {
    clearTimeout(timer);
    timer = setTimeout(leave, (SECONDS * 1000) / 2);
  };
  for (const name of ["pointerenter", "focusin"]) note.addEventListener(name, hold);
  for (const name of ["pointerleave", "focusout"]) note.addEventListener(name, letGo);
}
