import assert from "node:assert/strict";
import { test } from "node:test";
import { browser } from "./setup.mjs";
import { createMarkdown } from "../../static/js/markdown.js";
import { drawSupport, isBorneOut, marksOf } from "../../static/js/support_marks.js";

const TEXT = "😀 Staff get **25 days** [1]. Days are [paid](/x/) in gold [1][2].\n\n- Cats are kept [2].";

function at(sentence) {
  const start = [...TEXT.slice(0, TEXT.indexOf(sentence))].length;
  return { start, end: start + [...sentence].length };
}

const STAFF = { ...at("Staff get **25 days** [1]."), quote: "Staff get 25 days.", support: 0.9 };
const GOLD = { ...at("Days are [paid](/x/) in gold [1][2]."), quote: "", support: 0 };
const CATS = { ...at("Cats are kept [2]."), quote: "", support: 0.5 };
const ANSWER = {
  text: TEXT,
  sources: [
    { n: 1, cited: true, quotes: [STAFF, GOLD] },
    { n: 2, cited: true, quotes: [GOLD, CATS] },
    { n: 3, cited: false },
  ],
};

function drawn() {
  const window = browser("<div></div>");
  globalThis.NodeFilter = window.NodeFilter;
  const body = document.querySelector("div");
  body.append(createMarkdown(window).toFragment(TEXT, new Set([1, 2, 3])));
  drawSupport(body, ANSWER);
  return body;
}

const underlined = (body) => [...body.querySelectorAll(".unsupported")].map((node) => node.textContent).join("");

test("only the sentence that its source does not say is underlined, and said to be so", () => {
  const body = drawn();
  assert.equal(underlined(body), "Days are paid in gold");
  assert.equal(body.querySelectorAll("[data-unsupported-note]").length, 1);
  assert.match(body.textContent, /gold .*\(The source does not clearly say this\.\)/);
});

test("each number knows its own quote", () => {
  const chips = [...drawn().querySelectorAll(".cite")];
  assert.deepEqual(chips.map((chip) => [chip.dataset.n, chip.dataset.quote, chip.hasAttribute("data-doubtful")]), [
    ["1", "0", false],
    ["1", "1", true],
    ["2", "0", true],
    ["2", "1", false],
  ]);
  assert.equal(chips[1].getAttribute("aria-label"), "Source 1, which does not clearly say this");
  assert.equal(chips[3].getAttribute("aria-label"), "Source 2");
});

test("drawing again changes nothing", () => {
  const body = drawn();
  const before = body.innerHTML;
  drawSupport(body, ANSWER);
  assert.equal(body.innerHTML, before);
});

test("what cannot be told is not held against the answer", () => {
  assert.deepEqual([STAFF, GOLD, CATS].map(isBorneOut), [true, false, true]);
});

test("marks stand in the order of the answer; a source without quotes stands there once", () => {
  assert.deepEqual(marksOf(ANSWER).map(({ source, quote }) => [source.n, quote]), [[1, STAFF], [1, GOLD], [2, GOLD], [2, CATS]]);
  assert.deepEqual(marksOf({ sources: [{ n: 2, cited: true }, { n: 3 }] }).map(({ source }) => source.n), [2]);
});
