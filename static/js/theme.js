// Light or dark: the system's wish until the person chooses, then the choice: kept with the person where somebody is
// signed in (the server draws it), else in this browser.
import { request } from "./http.js";

const KEY = "vena-theme";
const UNSENT = "vena-theme-unsent"; // chosen, and not yet heard of by the server: a page that is drawn meanwhile is drawn by it
const HEARD = "vena-theme-heard"; // what the server has taken last, and when, in milliseconds since 1970

function stored(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage may be forbidden; the system's wish is a fine answer
  }
}

export function storedTheme(key = KEY) {
  const theme = stored(key);
  return theme === "light" || theme === "dark" ? theme : null;
}

// The server may have drawn a page before it took the choice, and said that it took it before the page was left.
function heardSinceAsked() {
  const [theme, at] = (stored(HEARD) ?? "").split(" ");
  return Number(at) > performance.timeOrigin ? theme : null;
}

const isPersons = () => document.documentElement.dataset.personTheme !== undefined;

export function applyStoredTheme() {
  const theme = isPersons() ? (storedTheme(UNSENT) ?? heardSinceAsked()) : storedTheme();
  if (theme) document.documentElement.dataset.theme = theme;
}

export function currentTheme() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

function store(key, value) {
  try {
    if (value) localStorage.setItem(key, value);
    else localStorage.removeItem(key);
  } catch {
    // the choice then lasts for this page
  }
}

// What can't be sent now is sent by the next page.
async function keep(theme) {
  store(UNSENT, theme);
  try {
    await request("PATCH", "/api/v1/me/", { theme });
    store(HEARD, `${theme} ${Date.now()}`);
  } catch (error) {
    if (error.status === 0) return; // the page went, or the network did
  }
  if (storedTheme(UNSENT) === theme) store(UNSENT, null);
}

function choose(theme) {
  document.documentElement.dataset.theme = theme;
  store(KEY, theme);
  if (isPersons()) keep(theme);
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
  const unsent = isPersons() && storedTheme(UNSENT);
  if (unsent) keep(unsent);
}
