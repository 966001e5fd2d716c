import { ArchiveDialog } from "../archive_dialog.js";
import { ConversationMenu } from "../conversation_menu.js";
import { forgetDraftsAtSignOut } from "../drafts.js";
import { wireDrawer } from "../drawer.js";
import { nameDays } from "../history_list.js";
import { wireHistoryPages } from "../history_pages.js";
import { wireMenus } from "../menus.js";
import { wirePasskeyProblems } from "../passkeys.js";
import { SearchDialog } from "../search_dialog.js";
import { shortcutOf, singleKeys } from "../shortcuts.js";
import { wireShortcutsDialog } from "../shortcuts_dialog.js";
import { wireThemeToggles } from "../theme.js";

const part = (name) => document.querySelector(`[data-${name}]`);

wireThemeToggles();
wirePasskeyProblems();
wireMenus();
wireDrawer(part("shell"));
forgetDraftsAtSignOut();

const history = part("history");
nameDays(history);
wireHistoryPages(history);
const menu = new ConversationMenu(history);
const search = new SearchDialog(part("search-dialog"));
const archive = new ArchiveDialog(part("archive-dialog"), menu);
const showShortcuts = wireShortcutsDialog(part("shortcuts-dialog"));

part("search-open").addEventListener("click", () => search.open());
part("archive-open").addEventListener("click", () => archive.open(() => document.querySelector(".account > summary")));
for (const button of document.querySelectorAll("[data-shortcuts-open]")) button.addEventListener("click", showShortcuts);
for (const button of document.querySelectorAll("[data-dialog-cancel]")) button.addEventListener("click", () => button.closest("dialog").close());

const ACTIONS = {
  search: () => search.open(),
  new: () => location.assign("/"),
  help: showShortcuts,
  focus: () => (part("question") ? part("question").focus() : search.open()),
};

document.addEventListener("keydown", (event) => {
  const name = shortcutOf(event, { singleKeys: singleKeys() });
  if (!name || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  ACTIONS[name]();
});
