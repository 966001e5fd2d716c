// What can be done with a conversation of the side bar.
import { conversations } from "./conversations_api.js";
import { openDialog, confirmed, showApiError, showFieldProblem, showFormProblem, clearProblems, whileBusy } from "./dialogs.js";
import { copyText, setText } from "./dom.js";
import { conversationUrl, itemOf, placeConversation, removeConversation, showTitle } from "./history_list.js";
import { togglePopMenu } from "./pop_menu.js";
import { toast } from "./toasts.js";

/** The name and the state of a conversation, from its row. */
export function factsOf(item) {
  return {
    id: item.dataset.conversation,
    title: item.querySelector("a").textContent,
    isPinned: item.hasAttribute("data-pinned"),
    isShared: item.hasAttribute("data-shared"),
  };
}

export class ConversationMenu {
  constructor(history, root = document) {
    Object.assign(this, { history });
    this.part = (name) => root.querySelector(`[data-${name}]`);
    history.addEventListener("click", (event) => {
      const button = event.target.closest("[data-conversation-menu]");
      if (button) togglePopMenu(button, this.choices(factsOf(button.closest("[data-conversation]"))));
    });
    this.wireRename();
    this.wireShare();
  }

  choices(facts) {
    const { id, isPinned, isShared } = facts;
    return [
      { name: "Rename", icon: "edit", run: () => this.rename(facts) },
      { name: isPinned ? "Unpin" : "Pin", icon: "pin", run: () => this.pin(facts) },
      { name: isShared ? "Shared: settings" : "Share", icon: "share", run: () => this.share(facts) },
      { name: "Export as Markdown", icon: "download", href: conversations.exportUrl(id, "md"), download: "" },
      { name: "Export as JSON", icon: "download", href: conversations.exportUrl(id, "json"), download: "" },
      { name: "Archive", icon: "archive", run: () => this.archive(facts) },
      { name: "Delete", icon: "trash", run: () => this.remove(facts), danger: true },
    ];
  }

  opener(id) {
    return () => itemOf(this.history, id)?.querySelector("[data-conversation-menu]") ?? this.part("search-open");
  }

  /** Asks the API and says so when it can't. Returns what came back, null on failure. */
  async change(id, fields) {
    try {
      return await conversations.change(id, fields);
    } catch (error) {
      toast(error.message);
      return null;
    }
  }

  async pin({ id, isPinned }) {
    const row = await this.change(id, { is_pinned: !isPinned });
    if (!row) return;
    placeConversation(this.history, row);
    this.opener(id)()?.focus();
  }

  async archive({ id, title }) {
    if (!(await this.change(id, { is_archived: true }))) return;
    const isOpen = location.pathname === conversationUrl(id);
    removeConversation(this.history, id);
    if (!isOpen) this.part("search-open")?.focus();
    toast(`“${short(title)}” is archived.`, { action: "Undo", run: () => this.restore(id) });
  }

  async restore(id) {
    const row = await this.change(id, { is_archived: false });
    if (row) placeConversation(this.history, row);
    return row;
  }

  async remove({ id, title }, opener = this.opener(id)) {
    setText(this.part("delete-conversation-name"), title);
    if (!(await confirmed(this.part("delete-conversation-dialog"), opener))) return false;
    try {
      await conversations.remove(id);
    } catch (error) {
      toast(error.message);
      return false;
    }
    removeConversation(this.history, id);
    if (location.pathname === conversationUrl(id)) location.assign("/");
    else toast(`“${short(title)}” is deleted.`);
    return true;
  }

  // -- rename ---------------------------------------------------------------------------------------

  rename({ id, title }) {
    const form = this.part("rename-form");
    clearProblems(form);
    this.renaming = id;
    form.elements.title.value = title;
    openDialog(this.part("rename-dialog"), this.opener(id));
    form.elements.title.select();
  }

  wireRename() {
    const form = this.part("rename-form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      whileBusy(this.part("rename-save"), () => this.saveName(form));
    });
  }

  async saveName(form) {
    const title = form.elements.title.value.trim();
    if (!title) return showFieldProblem(form.elements.title, "Give it a name.");
    try {
      const row = await conversations.change(this.renaming, { title });
      showTitle(row.id, row.title);
      this.part("rename-dialog").close();
    } catch (error) {
      showApiError(form, error);
    }
  }

  // -- share ----------------------------------------------------------------------------------------

  async share({ id }) {
    const dialog = this.part("share-dialog");
    this.sharing = id;
    this.showShare({ is_shared: false, share_url: null });
    showFormProblem(dialog, "");
    openDialog(dialog, this.opener(id));
    await this.askShare(() => conversations.read(id));
  }

  wireShare() {
    const toggle = this.part("share-switch");
    toggle.addEventListener("change", () => this.askShare(() => conversations.change(this.sharing, { is_shared: toggle.checked })));
    this.part("share-url").addEventListener("focus", (event) => event.target.select());
    this.part("share-copy").addEventListener("click", async () => {
      const copied = await copyText(this.part("share-url").value);
      setText(this.part("share-said"), copied ? "Copied." : "Could not copy. Select the link and copy it by hand.");
    });
  }

  async askShare(ask) {
    const dialog = this.part("share-dialog");
    const toggle = this.part("share-switch");
    toggle.disabled = true;
    try {
      this.showShare(await ask());
      showFormProblem(dialog, "");
    } catch (error) {
      toggle.checked = !this.part("share-link").hidden;
      showFormProblem(dialog, error.message);
    }
    toggle.disabled = false;
    if (dialog.open) toggle.focus();
  }

  showShare({ is_shared: isShared, share_url: url }) {
    this.part("share-switch").checked = isShared;
    this.part("share-link").hidden = !isShared;
    this.part("share-url").value = url ?? "";
    setText(this.part("share-said"), "");
    itemOf(this.history, this.sharing)?.toggleAttribute("data-shared", isShared);
  }
}

function short(title) {
  return title.length > 40 ? `${title.slice(0, 39)}…` : title;
}
