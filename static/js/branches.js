// ‹ 2/3 › between the branches of a conversation.
import { el, icon } from "./dom.js";
import { place } from "./thread.js";

/** Arrows between a message and its siblings; null when it has none. `onSwitch(id, direction)`. */
export function branchArrows(message, what, onSwitch) {
  const at = place(message);
  if (!at) return null;
  const step = (id, direction, name, iconName) =>
    el(
      "button",
      {
        type: "button", class: "icon-button branch-step", "data-branch": direction, "aria-label": name, title: name,
        "aria-disabled": id ? null : "true", onclick: () => id && onSwitch(id, direction),
      },
      icon(iconName),
    );
  return el(
    "div",
    { class: "branches", role: "group", "aria-label": `${what} ${at.index + 1} of ${at.count}` },
    step(at.previous, "previous", `Previous ${what.toLowerCase()}`, "left"),
    el("span", { class: "branch-count", "aria-hidden": "true" }, `${at.index + 1}/${at.count}`),
    step(at.next, "next", `Next ${what.toLowerCase()}`, "right"),
  );
}
