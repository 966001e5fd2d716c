// "?": what the keyboard can do.
import { openDialog } from "./dialogs.js";
import { el } from "./dom.js";
import { setSingleKeys, SHORTCUTS, singleKeys } from "./shortcuts.js";

export function wireShortcutsDialog(dialog) {
  const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
  const rows = SHORTCUTS.flatMap(([name, keys, mac]) => [el("dt", {}, name), el("dd", {}, ...keysOf((isMac && mac) || keys))]);
  dialog.querySelector("[data-shortcut-list]").replaceChildren(...rows);
  const box = dialog.querySelector("[data-single-keys]");
  box.checked = singleKeys();
  box.addEventListener("change", () => setSingleKeys(box.checked));
  return () => {
    const opener = document.activeElement;
    if (!dialog.open) openDialog(dialog, () => opener);
  };
}

function keysOf(keys) {
  return keys.flatMap((key, index) => (index ? [" ", el("kbd", {}, key)] : [el("kbd", {}, key)]));
}
