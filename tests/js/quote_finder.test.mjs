import assert from "node:assert/strict";
import { test } from "node:test";
import { browser } from "./setup.mjs";
import { lettersOf, TextIndex } from "../../static/js/quote_finder.js";

function page(markup) {
  const window = browser(markup);
  globalThis.NodeFilter = window.NodeFilter;
  return document.body;
}

function marked(root, quote, { skip, skipped } = {}) {
  const index = new TextIndex(root, { skip });
  const found = index.find(quote, skipped);
  return found && index.wrap(found, () => document.createElement("mark")).map((mark) => mark.textContent);
}

test("letters and digits alone are compared", () => {
  assert.equal(lettersOf("| Bath | £1,500 |\n— Ünï ﬁve"), "bath1500ünïfive");
});

test("a quote is found through markup, line breaks, hyphens and ligatures", () => {
  const root = page("<p>Before. The <b>of&#xFB01;ce</b> opens at reim-</p><p>burse time. After.</p>");
  assert.deepEqual(marked(root, "The office opens at **reimburse** time."), ["The ", "ofﬁce", " opens at reim-", "burse time."]);
});

test("cells of a row are one quote", () => {
  const root = page("<table><tr><td>Bath</td><td>£135</td></tr><tr><td>Leith</td><td>£150</td></tr></table>");
  assert.deepEqual(marked(root, "| Leith | £150 |"), ["Leith", "£150"]);
});

test("the one that is meant is marked where words repeat", () => {
  const root = page("<p>Yes it is. Yes it is. No.</p>");
  const [mark] = [...document.querySelectorAll("p")].map(() => marked(root, "Yes it is.", { skipped: 1 }));
  assert.deepEqual(mark, ["Yes it is."]);
  assert.equal(document.querySelector("mark").previousSibling.data, "Yes it is. ");
});

test("what stands in the middle of a page may interrupt a quote, but not by much", () => {
  const words = "the quick brown fox jumps over the lazy dog while seven wizards are watching it from the hill";
  const [head, tail] = [words.slice(0, 45), words.slice(45)];
  assert.ok(marked(page(`<p>${head}</p><p>Handbook 7</p><p>${tail}</p>`), words));
  assert.equal(marked(page(`<p>${head}</p><p>${"other ".repeat(40)}</p><p>${tail}</p>`), words), null);
});

test("what is skipped is neither found nor marked", () => {
  const root = page('<p>One <button class="cite">1</button>two</p>');
  assert.deepEqual(marked(root, "One two", { skip: ".cite" }), ["One ", "two"]);
  assert.equal(marked(page("<p>Nothing like it</p>"), "One two"), null);
  assert.equal(marked(page("<p>Anything</p>"), "—"), null);
});
