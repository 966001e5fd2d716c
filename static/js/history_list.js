// The conversations in the side bar.
import { el } from "./dom.js";
import { dayName } from "./format.js";

const LONGEST_TITLE = 80;

export function nameDays(history) {
  for (const section of history.querySelectorAll("[data-day]")) {
    section.querySelector("time").textContent = dayName(section.dataset.day);
  }
}

/** Hides what does not contain the words, and days with nothing left. */
export function wireFilter(history) {
  const input = history.querySelector("[data-history-filter]");
  input?.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const section of history.querySelectorAll("[data-day]")) {
      const items = [...section.querySelectorAll("li")];
      for (const item of items) {
        const title = item.textContent.toLowerCase();
        item.hidden = !words.every((word) => title.includes(word));
      }
      section.hidden = items.every((item) => item.hidden);
    }
  });
}

export function conversationUrl(id) {
  return `/c/${encodeURIComponent(id)}/`;
}

/** A conversation that has just begun goes to the top, under today. */
export function addConversation(history, { id, title }) {
  history.querySelector("[data-history-empty]")?.remove();
  const short = title.length > LONGEST_TITLE ? `${title.slice(0, LONGEST_TITLE - 1)}…` : title;
  const link = el("a", { class: "history-link", href: conversationUrl(id), "data-conversation": id, "aria-current": "page" }, short);
  todaySection(history).querySelector("ul").prepend(el("li", {}, link));
}

function todaySection(history) {
  const now = new Date();
  const two = (number) => String(number).padStart(2, "0");
  const today = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const found = history.querySelector(`[data-day="${today}"]`);
  if (found) return found;
  const heading = el("h2", { class: "history-day" }, el("time", { datetime: today }, "Today"));
  const section = el("section", { "data-day": today }, heading, el("ul", { class: "history-list" }));
  const filter = history.querySelector(".history-filter");
  if (filter) filter.after(section);
  else history.prepend(section);
  return section;
}
