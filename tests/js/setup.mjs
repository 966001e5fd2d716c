// A browser for the tests that need one.
import { JSDOM } from "jsdom";

export function browser(markup = "") {
  const { window } = new JSDOM(`<!doctype html><body>${markup}</body>`, { url: "https://acme.vena.test/c/1/" });
  globalThis.window = window;
  globalThis.document = window.document;
  globalThis.location = window.location;
  return window;
}

export function html(fragment) {
  const host = document.createElement("div");
  host.append(fragment);
  return host.innerHTML;
}
