// Light or dark: the system's wish until the person chooses, then the choice, kept in this browser.

const KEY = "vena-theme";

export function storedTheme() {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === "light" || theme === "dark" ? theme : null;
  } catch {
    return null; // storage may be forbidden; the system's wish is a fine answer
  }
}

export function applyStoredTheme() {
  const theme = storedTheme();
  if (theme) document.documentElement.dataset.theme = theme;
}

export function currentTheme() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

function choose(theme) {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // the choice then lasts for this page
  }
}

export function wireThemeToggles() {
  const toggles = document.querySelectorAll("[data-theme-toggle]");
  const label = () => {
    const other = currentTheme() === "dark" ? "light" : "dark";
    for (const toggle of toggles) {
      toggle.setAttribute("aria-label", `Switch to the ${other} theme`);
      toggle.title = `Switch to the ${other} theme`;
    }
  };
  for (const toggle of toggles) {
    toggle.addEventListener("click", () => {
      choose(currentTheme() === "dark" ? "light" : "dark");
      label();
    });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();
}
