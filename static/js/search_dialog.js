// Search over all conversations, by keyboard: Ctrl/⌘ K, type, arrows, Enter.
import { conversations } from "./conversations_api.js";
import { openDialog } from "./dialogs.js";
import { el, setText } from "./dom.js";
import { ago } from "./format.js";
import { conversationUrl } from "./history_list.js";
import { isComposing } from "./shortcuts.js";

const AFTER = 180; // milliseconds without a key
const MARKED = /«([^»]*)»/g;

/** "a «b» c" → ["a ", {match: "b"}, " c"]. Pure. */
export function markedPieces(snippet) {
  const pieces = [];
  let end = 0;
  for (const match of snippet.matchAll(MARKED)) {
    if (match.index > end) pieces.push(snippet.slice(end, match.index));
    pieces.push({ match: match[1] });
    end = match.index + match[0].length;
  }
  if (end < snippet.length) pieces.push(snippet.slice(end));
  return pieces;
}

export class SearchDialog {
  constructor(dialog) {
    this.dialog = dialog;
    this.input = dialog.querySelector("[data-search-input]");
    this.results = dialog.querySelector("[data-search-results]");
    this.said = dialog.querySelector("[data-search-said]");
    this.asked = 0;
    this.input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.search(), AFTER);
    });
    this.input.addEventListener("keydown", (event) => this.key(event));
  }

  open() {
    if (this.dialog.open) return;
    const opener = document.activeElement;
    this.input.value = "";
    this.draw([]);
    openDialog(this.dialog, () => opener);
    this.search();
  }

  async search() {
    const words = this.input.value.trim();
    const number = (this.asked += 1);
    try {
      const rows = await found(words);
      if (number !== this.asked) return; // a later question is on its way
      this.draw(rows);
      setText(this.said, sentence(rows.length, words));
    } catch (error) {
      if (number !== this.asked) return;
      this.draw([]);
      setText(this.said, error.message);
    }
  }

  draw(rows) {
    this.results.replaceChildren(...rows.map((row, index) => option(row, index)));
    this.input.setAttribute("aria-expanded", String(rows.length > 0));
    this.mark(rows.length ? 0 : -1);
  }

  mark(index) {
    this.at = index;
    for (const [place, row] of [...this.results.children].entries()) row.setAttribute("aria-selected", String(place === index));
    const row = this.results.children[index];
    if (row) this.input.setAttribute("aria-activedescendant", row.id);
    else this.input.removeAttribute("aria-activedescendant");
    row?.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    if (isComposing(event)) return;
    const count = this.results.childElementCount;
    if (event.key === "ArrowDown" && count) this.mark((this.at + 1) % count);
    else if (event.key === "ArrowUp" && count) this.mark((this.at - 1 + count) % count);
    else if (event.key === "Enter" && count) this.results.children[this.at].querySelector("a").click();
    else if (event.key === "Escape") this.dialog.close(); // by itself it would only empty the box
    else return;
    event.preventDefault();
    event.stopPropagation(); // the same key must not close what lies beneath as well
  }
}

/** What is in the archive is found as well, below the rest. */
async function found(words) {
  if (!words) return (await conversations.list()).results.slice(0, 12);
  const pages = await Promise.all([conversations.list({ q: words }), conversations.list({ q: words, archived: true })]);
  return pages.flatMap((page) => page.results);
}

function sentence(count, words) {
  if (count) return "";
  return words ? `Nothing of yours says “${words}”.` : "You have no conversations yet.";
}

function option(row, index) {
  const pieces = markedPieces(row.snippet ?? "").map((piece) => (piece.match ? el("b", {}, piece.match) : piece));
  const title = el("span", { class: "search-title" }, row.title, row.is_archived && el("span", { class: "badge badge-quiet" }, "Archived"));
  return el(
    "li",
    { id: `found-${index}`, role: "option", class: "search-result", "aria-selected": "false" },
    el(
      "a",
      { href: conversationUrl(row.id), tabindex: "-1" },
      title,
      el("span", { class: "search-when" }, ago(row.updated_at)),
      pieces.length > 0 && el("span", { class: "search-snippet" }, ...pieces),
    ),
  );
}
