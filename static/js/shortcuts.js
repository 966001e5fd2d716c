// Which key does what. Single keys do nothing while somebody types, and nothing at all when they are switched off.

const KEY = "vena-single-keys";

/** Shown by "?" in this order: [name, keys for Windows and Linux, keys for a Mac]. */
export const SHORTCUTS = [
  ["Send the question", ["Enter"]],
  ["New line in the question", ["Shift", "Enter"]],
  ["Stop the answer, or close what is open", ["Esc"]],
  ["Edit your last question, from an empty box", ["↑"]],
  ["Go to the question box", ["/"]],
  ["New chat", ["Ctrl", "Shift", "O"], ["⌘", "Shift", "O"]],
  ["Search your conversations", ["Ctrl", "K"], ["⌘", "K"]],
  ["This list", ["?"]],
];

/** "search" | "new" | "focus" | "help" | null for a keydown. */
export function shortcutOf(event, { singleKeys = true } = {}) {
  if (event.defaultPrevented || isComposing(event) || event.altKey || event.repeat) return null;
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (key === "k" && !event.shiftKey) return "search";
    return key === "o" && event.shiftKey ? "new" : null;
  }
  if (!singleKeys || isTyping(event.target)) return null;
  if (key === "?") return "help";
  return key === "/" ? "focus" : null;
}

/** keyCode 229 is how Safari says that an input method has the key. */
export function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

const QUIET_INPUTS = new Set(["button", "checkbox", "radio", "submit", "reset", "file", "range", "color"]);

export function isTyping(target) {
  if (!target?.tagName) return false;
  if (target.isContentEditable || target.tagName === "TEXTAREA" || target.tagName === "SELECT") return true;
  return target.tagName === "INPUT" && !QUIET_INPUTS.has(target.type);
}

export function singleKeys() {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true;
  }
}

export function setSingleKeys(on) {
  try {
    if (on) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, "off");
  } catch {
    // the choice then lasts for no longer than this page
  }
}
