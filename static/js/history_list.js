// The conversations in the side bar: pinned ones, then the others by day.
import { el, icon, setText } from "./dom.js";
import { dayName } from "./format.js";

const LONGEST_TITLE = 80;

export function nameDays(history) {
  for (const section of history.querySelectorAll("[data-day]")) {
    section.querySelector("time").textContent = dayName(section.dataset.day);
  }
}

export function conversationUrl(id) {
  return `/c/${encodeURIComponent(id)}/`;
}

export function itemOf(history, id) {
  return history.querySelector(`[data-conversation="${CSS.escape(id)}"]`);
}

/** A conversation that has just begun goes to the top, under today. */
export function addConversation(history, { id, title }) {
  const short = title.length > LONGEST_TITLE ? `${title.slice(0, LONGEST_TITLE - 1)}…` : title;
  const item = rowOf({ id, title: short });
  item.querySelector("a").setAttribute("aria-current", "page");
  daySection(history, dayOf(new Date())).querySelector("ul").prepend(item);
  settle(history);
}

/** Rows of the API below those that are there; the ones that are there already are left out. Returns how many came. */
export function appendConversations(history, rows) {
  const fresh = rows.filter((row) => !itemOf(history, row.id));
  for (const row of fresh) place(history, rowOf(row), row, "append");
  settle(history);
  return fresh.length;
}

/** Moves a row to where it belongs after it was pinned, let go, or brought back from the archive. */
export function placeConversation(history, row) {
  const item = itemOf(history, row.id) ?? rowOf(row);
  item.toggleAttribute("data-pinned", row.is_pinned);
  item.toggleAttribute("data-shared", row.is_shared);
  place(history, item, row, "prepend");
  settle(history);
}

export function removeConversation(history, id) {
  itemOf(history, id)?.remove();
  settle(history);
}

/** The name of a conversation wherever the page shows it. */
export function showTitle(id, title) {
  const item = itemOf(document, id);
  if (item) {
    setText(item.querySelector("a"), title);
    item.querySelector("button").setAttribute("aria-label", `Options for ${title}`);
  }
  if (location.pathname !== conversationUrl(id)) return;
  for (const name of ["[data-chat-title]", ".topbar-title"]) {
    const node = document.querySelector(name);
    if (node) setText(node, title);
  }
  const site = document.title.slice(document.title.lastIndexOf(" – "));
  document.title = `${title.slice(0, 80)}${site}`;
}

export function rowOf({ id, title, is_pinned: isPinned = false, is_shared: isShared = false }) {
  const current = location.pathname === conversationUrl(id) ? "page" : null;
  return el(
    "li",
    { class: "history-item", "data-conversation": id, "data-pinned": isPinned, "data-shared": isShared },
    el("a", { class: "history-link", href: conversationUrl(id), "aria-current": current }, title),
    el(
      "button",
      {
        type: "button", class: "icon-button history-more", "data-conversation-menu": true, "aria-haspopup": "menu",
        "aria-expanded": "false", "aria-label": `Options for ${title}`,
      },
      icon("more"),
    ),
  );
}

function place(history, item, row, how) {
  const section = row.is_pinned ? history.querySelector("[data-pinned-group]") : daySection(history, dayOf(new Date(row.updated_at)));
  section.querySelector("ul")[how](item);
}

function dayOf(moment) {
  const two = (number) => String(number).padStart(2, "0");
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
}

function daySection(history, day) {
  const sections = [...history.querySelectorAll("[data-day]")];
  const found = sections.find((section) => section.dataset.day === day);
  if (found) return found;
  const heading = el("h2", { class: "history-day" }, el("time", { datetime: day }, dayName(day)));
  const section = el("section", { "data-day": day }, heading, el("ul", { class: "history-list" }));
  const older = sections.find((one) => one.dataset.day < day) ?? history.querySelector("[data-history-empty]");
  history.insertBefore(section, older);
  return section;
}

/** No heading over nothing, and a word when there is nothing at all. */
function settle(history) {
  for (const section of history.querySelectorAll("[data-day]")) if (!section.querySelector("li")) section.remove();
  const pinned = history.querySelector("[data-pinned-group]");
  pinned.hidden = !pinned.querySelector("li");
  history.querySelector("[data-history-empty]").hidden = Boolean(history.querySelector("li"));
}
