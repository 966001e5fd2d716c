// Thumbs under an answer. Up is one click; down asks what was wrong, which nobody has to say.
import { el, icon } from "./dom.js";

export const REASONS = [
  ["wrong", "It is wrong"],
  ["incomplete", "Something is missing"],
  ["source", "The source does not say that"],
  ["outdated", "It is out of date"],
  ["unclear", "I do not understand it"],
  ["other", "Something else"],
];

/** What a press of a thumb makes of the feedback there is: the same thumb again takes it back. */
export function pressed(feedback, rating) {
  return feedback?.rating === rating ? null : { rating, reason: "", comment: "" };
}

/** `onRate(feedback | null)`. */
export function thumbs(feedback, onRate) {
  const thumb = (rating, name, iconName) =>
    el(
      "button",
      {
        type: "button", class: "icon-button thumb", "data-thumb": rating, "aria-label": name, title: name,
        "aria-pressed": String(feedback?.rating === rating), onclick: () => onRate(pressed(feedback, rating)),
      },
      icon(iconName),
    );
  return [thumb(1, "Good answer", "thumb-up"), thumb(-1, "Bad answer", "thumb-down")];
}

/** The small form after a thumb down. `onSend({rating, reason, comment})`, `onClose()`. */
export function reasonForm({ answerId, onSend, onClose }) {
  const name = `reason-${answerId}`;
  const reasons = REASONS.map(([value, words]) =>
    el("label", { class: "reason" }, el("input", { type: "radio", name, value }), el("span", {}, words)),
  );
  const comment = el("textarea", { class: "input", rows: "2", maxlength: "1000", "aria-label": "More about it (optional)", placeholder: "More about it (optional)" });
  const send = (event) => {
    event.preventDefault();
    const reason = form.querySelector("input:checked")?.value ?? "";
    onSend({ rating: -1, reason, comment: comment.value.trim() });
  };
  const escape = (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    event.stopPropagation();
    onClose();
  };
  const form = el(
    "form",
    { class: "reason-form", "aria-label": "What was wrong with this answer?", onsubmit: send, onkeydown: escape },
    el("fieldset", {}, el("legend", {}, "What was wrong?"), el("div", { class: "reasons" }, ...reasons)),
    comment,
    el(
      "div",
      { class: "form-actions" },
      el("button", { type: "button", class: "button button-small", onclick: onClose }, "Skip"),
      el("button", { type: "submit", class: "button button-small button-primary" }, "Send feedback"),
    ),
  );
  return form;
}
