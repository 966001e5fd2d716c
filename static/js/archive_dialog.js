// The conversations that were put out of sight: read them, bring them back, delete them.
import { conversations } from "./conversations_api.js";
import { openDialog } from "./dialogs.js";
import { el, icon, setText } from "./dom.js";
import { ago } from "./format.js";
import { conversationUrl } from "./history_list.js";

export class ArchiveDialog {
  /** `menu` is the side bar's: it restores and deletes. */
  constructor(dialog, menu) {
    Object.assign(this, { dialog, menu });
    this.list = dialog.querySelector("[data-archive-list]");
    this.said = dialog.querySelector("[data-archive-said]");
    this.more = dialog.querySelector("[data-archive-more]");
    this.more.addEventListener("click", () => this.load(() => conversations.page(this.next)));
  }

  open(opener) {
    this.list.replaceChildren();
    this.more.hidden = true;
    setText(this.said, "Loading…");
    openDialog(this.dialog, opener);
    return this.load(() => conversations.list({ archived: true }));
  }

  async load(ask) {
    try {
      const page = await ask();
      this.next = page.next;
      this.more.hidden = !page.next;
      this.list.append(...page.results.map((row) => this.row(row)));
      this.count();
    } catch (error) {
      setText(this.said, error.message);
    }
  }

  count() {
    setText(this.said, this.list.childElementCount ? "" : "Nothing is archived. What you archive leaves the side bar and waits here.");
  }

  row(row) {
    const item = el(
      "li",
      { class: "archive-row" },
      el("a", { href: conversationUrl(row.id) }, row.title),
      el("span", { class: "muted small" }, ago(row.updated_at)),
      el("button", { type: "button", class: "button button-small", "aria-label": `Restore ${row.title}`, onclick: () => this.leave(item, () => this.menu.restore(row.id)) }, "Restore"),
      el(
        "button",
        {
          type: "button", class: "icon-button", "aria-label": `Delete ${row.title}`, title: "Delete",
          onclick: () => this.leave(item, () => this.menu.remove(row, () => this.dialog.querySelector("h2"))),
        },
        icon("trash"),
      ),
    );
    return item;
  }

  async leave(item, work) {
    if (!(await work())) return;
    item.remove();
    this.count();
    this.dialog.querySelector("h2").focus();
  }
}
