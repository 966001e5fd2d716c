// A chosen look outlives a page that goes before the server has heard of it.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { browser } from "./setup.mjs";

const window = browser("<button data-theme-toggle></button>");
globalThis.localStorage = window.localStorage;
globalThis.matchMedia = () => ({ matches: false, addEventListener() {} });
const { applyStoredTheme, wireThemeToggles } = await import("../../static/js/theme.js");

const html = document.documentElement;
let sent;

function page(theme = "system") {
  document.body.innerHTML = "<button data-theme-toggle></button>";
  html.dataset.personTheme = theme;
  delete html.dataset.theme;
  applyStoredTheme();
  wireThemeToggles();
}

function server(answer) {
  sent = [];
  globalThis.fetch = (url, options) => {
    sent.push(JSON.parse(options.body).theme);
    return answer();
  };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
const never = () => new Promise(() => {});
const done = async () => ({ ok: true, status: 200, text: async () => "{}" });
const refused = async () => ({ ok: false, status: 403, text: async () => "{}" });

const asked = (at) => Object.defineProperty(performance, "timeOrigin", { value: at, configurable: true });

beforeEach(() => {
  localStorage.clear();
  asked(Date.now() + 1000); // pages are asked for after what went before
});

test("what the page could not send is shown and sent by the next one", async () => {
  server(never);
  page();
  document.querySelector("button").click();
  assert.equal(html.dataset.theme, "dark");
  server(done);
  page();
  assert.equal(html.dataset.theme, "dark");
  await settled();
  assert.deepEqual(sent, ["dark"]);
  page();
  assert.deepEqual(sent, ["dark"]);
});

test("a page that was drawn before the server took the choice shows it, a later one is the server's", async () => {
  server(done);
  page();
  document.querySelector("button").click();
  const left = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 10));
  asked(left - 1);
  page();
  assert.equal(html.dataset.theme, "dark");
  asked(Date.now() + 1000); // "system" has been chosen elsewhere meanwhile
  page();
  assert.equal(html.dataset.theme, undefined);
});

test("a network that is down keeps the choice, a refusal gives it up", async () => {
  server(() => Promise.reject(new TypeError("down")));
  page();
  document.querySelector("button").click();
  await settled();
  server(refused);
  page();
  assert.equal(html.dataset.theme, "dark");
  await settled();
  page();
  assert.equal(html.dataset.theme, undefined);
});

test("what the server knows already is not asked of this browser", async () => {
  localStorage.setItem("vena-theme", "dark"); // of somebody who was here before
  server(done);
  page("light");
  assert.equal(html.dataset.theme, undefined);
  await settled();
  assert.deepEqual(sent, []);
});
