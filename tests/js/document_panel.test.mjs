import assert from "node:assert/strict";
import { test } from "node:test";
import { browser } from "./setup.mjs";
import { DocumentPanel } from "../../static/js/document_panel.js";
import { createMarkdown } from "../../static/js/markdown.js";

const CODE = "```sh\nrun it\n```";
const FACTS = { title: "T", quote: "Bread is free.", file: "", boxes: [] };
const QUOTE = { start: 0, end: 9, quote: "Bread is free.", quote_start: 40, quote_end: 54, page: 3, support: 0.8 };
const DOUBT = { start: 10, end: 20, quote: "", quote_start: null, quote_end: null, page: null, support: 0 };

function part(facts) {
  const data = JSON.stringify(facts).replaceAll("<", "\\u003C");
  return `<div class="viewer-text"><section class="chunk chunk-cited" data-cited><h2 class="chunk-heading">Food</h2>
    <div data-passage><mark>**Bread** is free. Wine is not.\n\n${CODE}</mark></div></section></div>
    <script id="reader-data" type="application/json">${data}</script>`;
}

function panel({ status = 200, facts = FACTS, fails = false } = {}) {
  const window = browser("<aside></aside>");
  globalThis.NodeFilter = window.NodeFilter;
  document.body.dataset.sprite = "/s.svg";
  const asked = [];
  globalThis.fetch = async (url) => {
    asked.push(url);
    if (fails) throw new TypeError("offline");
    return { status, ok: status < 400, redirected: false, text: async () => part(facts) };
  };
  const made = new DocumentPanel(document.querySelector("aside"), createMarkdown(window), { onBack() {}, onClose() {}, onMove() {} });
  return { made, asked, text: () => made.body.textContent, marks: () => [...made.body.querySelectorAll("mark")].map((mark) => mark.textContent).join("") };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 20));
const source = { n: 1, cited: true, title: "Menu", page: 2, snippet: "Bread is free. Wine is not.", url: "/documents/9/?version=2&chunk=4", quotes: [QUOTE, DOUBT] };
const answer = { id: "a", sources: [source] };

test("the part of the document is asked for with the place of the quote, and the quote is marked", async () => {
  const { made, asked, marks, text } = panel();
  made.open(answer, 1, 0);
  await settled();
  assert.deepEqual(asked, ["/documents/9/passage/?version=2&chunk=4&quote=40-54"]);
  assert.equal(marks(), "Bread is free.");
  assert.match(text(), /run it/);
  assert.equal(made.body.querySelectorAll("pre code").length, 1);
  assert.equal(made.where.textContent, "Page 3");
  assert.equal(made.whole.getAttribute("href"), "/documents/9/?version=2&chunk=4&quote=40-54");
  assert.equal(made.note.hidden, true);
});

test("the steps go from mark to mark, and say where nothing bears the sentence out", async () => {
  const { made, asked } = panel({ facts: { ...FACTS, quote: "" } });
  made.open(answer, 1, 0);
  made.later.click();
  await settled();
  assert.equal(made.count.textContent, "Citation 2 of 2");
  assert.equal(asked.at(-1), "/documents/9/passage/?version=2&chunk=4");
  assert.match(made.note.textContent, /does not clearly say this/);
  assert.ok(made.body.hasAttribute("data-doubtful"));
  assert.equal(made.later.disabled, true);
  assert.equal(made.body.querySelectorAll("[data-cited]").length, 1); // the first answer came late and is not drawn
});

test("of a deleted document the passage is kept, with its quote", async () => {
  const { made, marks, text } = panel({ status: 404 });
  made.open(answer, 1, 0);
  await settled();
  assert.match(made.note.textContent, /has been deleted/);
  assert.equal(text(), "Bread is free. Wine is not.\n");
  assert.equal(marks(), "Bread is free.");
  assert.equal(made.whole.hidden, true);
});

test("a line that is down is not called a deleted document", async () => {
  const { made } = panel({ fails: true });
  made.open(answer, 1, 0);
  await settled();
  assert.match(made.note.textContent, /cannot be opened right now/);
});

test("a quote that is not in the text leaves the whole passage marked, code as code", async () => {
  const { made, marks } = panel({ facts: { ...FACTS, quote: "Something else entirely, of another file" } });
  made.open(answer, 1, 0);
  await settled();
  assert.match(marks(), /Bread.*Wine is not\..*run it/s);
  assert.equal(made.body.querySelectorAll("pre code").length, 1);
});
