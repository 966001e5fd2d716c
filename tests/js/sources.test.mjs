import assert from "node:assert/strict";
import { test } from "node:test";
import { browser } from "./setup.mjs";
import { createMarkdown } from "../../static/js/markdown.js";
import { SourcesPanel } from "../../static/js/sources.js";

const MARKUP = `<div data-chat><div data-chat-main></div><div data-sources-shade hidden></div>
  <aside data-sources-panel hidden><h2 id="sources-title" tabindex="-1"></h2><button data-sources-close></button><div data-sources-list></div></aside></div>`;
const TABLE = "| a | b |\n| --- | --- |\n| 1 | 2 |";

function openPanel(n) {
  const window = browser(MARKUP);
  globalThis.matchMedia = () => ({ matches: false, addEventListener() {} });
  window.HTMLElement.prototype.scrollIntoView = () => {};
  document.body.dataset.sprite = "/s.svg";
  const panel = new SourcesPanel(document.querySelector("[data-chat]"), createMarkdown(window));
  const source = { title: "T", page: null, snippet: TABLE, url: "/documents/1/", cited: true };
  globalThis.fetch = () => new Promise(() => {});
  panel.open({ id: "a", status: "complete", sources: [{ ...source, n: 1 }, { ...source, n: 2 }] }, n, null);
  return (number) => document.querySelector(`[data-source="${number}"] .source-snippet`);
}

test("cards show tables as tables, and the marker on the active card alone", () => {
  const snippet = openPanel(2);
  assert.equal(snippet(1).querySelectorAll("td").length, 2);
  assert.equal(snippet(1).querySelectorAll("mark").length, 0);
  assert.equal(snippet(2).querySelectorAll("td mark").length, 2);
  assert.doesNotMatch(snippet(1).textContent, /---/);
});

test("what a card cuts off cannot take the focus", () => {
  const snippet = openPanel(2);
  assert.equal(snippet(1).querySelector("[tabindex]"), null);
  assert.ok(snippet(2).querySelector("[tabindex]"));
});
