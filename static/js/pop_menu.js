// A menu that opens at a button, over the page: arrows move in it, Escape and a click elsewhere close it.
import { el, icon } from "./dom.js";

const GAP = 6;
let open = null;

/** `items`: [{name, icon, run, danger?} | {name, icon, href, download?}]. A second call on the same button closes it. */
export function togglePopMenu(opener, items) {
  const isSame = open?.opener === opener;
  closePopMenu({ refocus: isSame });
  if (!isSame) open = show(opener, items);
}

export function closePopMenu({ refocus = true } = {}) {
  if (!open) return;
  const { opener, panel, controller } = open;
  open = null;
  controller.abort();
  panel.remove();
  opener.setAttribute("aria-expanded", "false");
  if (refocus) opener.focus();
}

function show(opener, items) {
  const panel = el("div", { class: "menu-panel pop-menu", role: "menu", "aria-label": opener.getAttribute("aria-label") }, ...items.map(itemOf));
  const host = opener.closest("dialog, main, aside") ?? document.body; // what belongs to no landmark is hard to find
  host.append(panel);
  place(panel, opener.getBoundingClientRect());
  opener.setAttribute("aria-expanded", "true");
  panel.firstElementChild.focus({ preventScroll: true });
  return { opener, panel, controller: wire(opener, panel) };
}

function itemOf({ name, icon: iconName, run, danger, ...link }) {
  const attributes = { class: `menu-item${danger ? " menu-danger" : ""}`, role: "menuitem", tabindex: "-1" };
  if (link.href) return el("a", { ...attributes, ...link, onclick: () => closePopMenu() }, icon(iconName), name);
  const chosen = () => {
    closePopMenu();
    run();
  };
  return el("button", { ...attributes, type: "button", onclick: chosen }, icon(iconName), name);
}

function place(panel, anchor) {
  const { offsetWidth: width, offsetHeight: height } = panel;
  const below = anchor.bottom + GAP + height < innerHeight;
  panel.style.top = `${Math.max(GAP, below ? anchor.bottom + GAP : anchor.top - GAP - height)}px`;
  panel.style.left = `${Math.max(GAP, Math.min(anchor.left, innerWidth - width - GAP))}px`;
}

function wire(opener, panel) {
  const controller = new AbortController();
  const { signal } = controller;
  panel.addEventListener("keydown", (event) => key(event, [...panel.children]), { signal });
  document.addEventListener("pointerdown", (event) => outside(event, panel, opener) && closePopMenu({ refocus: false }), { signal });
  addEventListener("resize", () => closePopMenu({ refocus: false }), { signal });
  document.addEventListener("scroll", () => closePopMenu({ refocus: false }), { signal, capture: true });
  return controller;
}

function outside(event, panel, opener) {
  return !panel.contains(event.target) && !opener.contains(event.target);
}

function key(event, items) {
  const now = items.indexOf(document.activeElement);
  const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: items.length - 1 }[event.key];
  if (to !== undefined) items[(to + items.length) % items.length].focus();
  else if (event.key === "Escape") closePopMenu();
  else if (event.key === "Tab") return closePopMenu(); // the focus moves on from the button
  else return;
  event.preventDefault();
  event.stopPropagation(); // the same key must not stop an answer as well
}
