// The side bar on a phone: it slides over the page, and the page beneath is out of reach while it is open.

export function wireDrawer(shell) {
  const opener = shell.querySelector("[data-drawer-open]");
  const sidebar = shell.querySelector("#sidebar");
  const beneath = [shell.querySelector(".main"), shell.querySelector(".topbar")];

  const set = (open) => {
    shell.classList.toggle("drawer-open", open);
    opener.setAttribute("aria-expanded", String(open));
    for (const node of beneath) node.inert = open;
    if (open) sidebar.querySelector("[data-drawer-close]").focus();
    else opener.focus();
  };
  const isOpen = () => shell.classList.contains("drawer-open");

  opener.addEventListener("click", () => set(true));
  for (const closer of shell.querySelectorAll("[data-drawer-close]")) closer.addEventListener("click", () => set(false));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isOpen() || document.querySelector("dialog[open]")) return;
    event.stopImmediatePropagation();
    set(false);
  });
  // Turning the tablet makes the drawer a column again; nothing may stay locked behind it.
  matchMedia("(min-width: 861px)").addEventListener("change", (event) => event.matches && isOpen() && set(false));
}
