import assert from "node:assert/strict";
import { test } from "node:test";
import { withFootnotes } from "../../static/js/answer_words.js";
import { cardOf } from "../../static/js/chat_files.js";
import { pressed } from "../../static/js/feedback.js";
import { lastAnswer } from "../../static/js/follow_ups.js";
import { markedPieces } from "../../static/js/search_dialog.js";
import { isTyping, shortcutOf } from "../../static/js/shortcuts.js";

const SOURCES = [
  { n: 1, title: "Leave", page: 4, url: "/documents/1/?chunk=7" },
  { n: 2, title: "Handbook", page: null, url: "" },
];

test("copied with its sources as footnotes", () => {
  const copied = withFootnotes("Grows [1], ends [2, 1]. See list[9].", SOURCES, "https://acme.vena.test");
  assert.equal(
    copied,
    "Grows [^1], ends [^2][^1]. See list[9].\n\n[^1]: Leave, page 4: <https://acme.vena.test/documents/1/?chunk=7>\n[^2]: Handbook\n",
  );
  assert.equal(withFootnotes("No sources.", SOURCES, "https://acme.vena.test"), "No sources.");
});

const press = (key, more = {}) => ({ key, target: { tagName: "BODY" }, ...more });

test("keys and what they do", () => {
  const found = [
    press("k", { ctrlKey: true }), press("K", { metaKey: true }), press("O", { ctrlKey: true, shiftKey: true }), press("?"), press("/"),
    press("o", { ctrlKey: true }), press("x"), press("k", { ctrlKey: true, altKey: true }),
  ].map((event) => shortcutOf(event));
  assert.deepEqual(found, ["search", "search", "new", "help", "focus", null, null, null]);
});

test("no single key does anything while somebody types", () => {
  for (const target of [{ tagName: "TEXTAREA" }, { tagName: "INPUT", type: "text" }, { tagName: "SELECT" }, { tagName: "DIV", isContentEditable: true }]) {
    assert.equal(isTyping(target), true);
    assert.equal(shortcutOf(press("?", { target })), null);
    assert.equal(shortcutOf(press("k", { target, ctrlKey: true })), "search");
  }
  assert.equal(isTyping({ tagName: "INPUT", type: "checkbox" }), false);
});

test("an input method has its keys to itself", () => {
  for (const composing of [{ isComposing: true }, { keyCode: 229 }]) {
    assert.equal(shortcutOf(press("?", composing)), null);
    assert.equal(shortcutOf(press("k", { ctrlKey: true, ...composing })), null);
  }
});

test("single keys can be switched off", () => {
  assert.equal(shortcutOf(press("?"), { singleKeys: false }), null);
  assert.equal(shortcutOf(press("k", { ctrlKey: true }), { singleKeys: false }), "search");
});

test("the same thumb again takes it back", () => {
  assert.deepEqual(pressed(null, 1), { rating: 1, reason: "", comment: "" });
  assert.equal(pressed({ rating: 1 }, 1), null);
  assert.equal(pressed({ rating: 1 }, -1).rating, -1);
});

test("the match within a snippet", () => {
  assert.deepEqual(markedPieces("days of «leave» a year"), ["days of ", { match: "leave" }, " a year"]);
  assert.deepEqual(markedPieces("nothing"), ["nothing"]);
  assert.deepEqual(markedPieces("an open « mark"), ["an open « mark"]);
});

test("suggestions belong to the last answer, once it is over", () => {
  const turn = (status) => ({ question: { id: "q" }, answer: { id: "a", status, suggestions: ["More?"] } });
  assert.equal(lastAnswer({ turns: [turn("complete")] }).id, "a");
  assert.equal(lastAnswer({ turns: [turn("complete"), turn("streaming")] }), null);
  assert.equal(lastAnswer({ turns: [] }), null);
});

test("what the card of a file says", () => {
  assert.deepEqual(cardOf({ state: "sending", sent: 0.456 }), { words: "Sending, 46 %", share: 0.456 });
  assert.equal(cardOf({ state: "sent", document: { state: "embedding", progress: { done: 3, total: 9 } } }).words, "Indexing 3 of 9 passages");
  assert.equal(cardOf({ state: "sent", document: { state: "ready" } }).ready, true);
  assert.equal(cardOf({ state: "sent", document: { state: "failed", failure: { detail: "It is locked." } } }).words, "It is locked.");
  assert.equal(cardOf({ problem: "The file is empty." }).tone, "bad");
});
