// What every dialog with a form does: opens, says what is wrong and where, gives the focus back.
import { setText } from "./dom.js";

/**
 * Shows the dialog; when it closes the focus goes to what `opener` finds then. The browser gives it back by itself to
 * the element that had it, which is not enough where lists are drawn anew meanwhile.
 */
export function openDialog(dialog, opener) {
  dialog.returnValue = "";
  dialog.showModal();
  dialog.addEventListener("close", () => opener?.()?.focus(), { once: true });
}

export function confirmed(dialog, opener) {
  openDialog(dialog, opener);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "delete"), { once: true });
  });
}

/** The sentence at the top of a form; "" takes it away. */
export function showFormProblem(form, sentence) {
  const problem = form.querySelector("[data-form-problem]");
  problem.hidden = !sentence;
  setText(problem.querySelector("p"), sentence);
  if (sentence) problem.scrollIntoView?.({ block: "nearest" });
}

/** The sentence under a field, which the field points to by aria-describedby; "" takes it away. */
export function showFieldProblem(input, sentence) {
  const field = input.closest(".field");
  const line = field.querySelector(".field-errors");
  field.classList.toggle("field-invalid", Boolean(sentence));
  setText(line, sentence);
  line.hidden = !sentence;
  if (sentence) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

export function clearProblems(form) {
  showFormProblem(form, "");
  for (const line of form.querySelectorAll(".field-errors")) {
    const input = line.closest(".field").querySelector("input, select, textarea");
    showFieldProblem(input, "");
  }
}

/** Puts an error of the API where it belongs: at the field it names or that its code is about, else at the top. */
export function showApiError(form, error, fieldOfCode = {}) {
  clearProblems(form);
  const named = Object.entries(error.fields ?? {}).map(([name, sentences]) => [form.elements[name], [sentences].flat()[0]]);
  const places = named.filter(([input]) => input?.closest?.(".field")?.querySelector(".field-errors"));
  const ofCode = form.elements[fieldOfCode[error.code]];
  if (!places.length && ofCode) places.push([ofCode, error.message]);
  for (const [input, sentence] of places) showFieldProblem(input, sentence);
  if (places.length) places[0][0].focus();
  else showFormProblem(form, error.message);
}

/** Runs `work` with the button out of reach, so that a second click on a slow network does nothing. */
export async function whileBusy(button, work) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    button.removeAttribute("aria-disabled");
  }
}
