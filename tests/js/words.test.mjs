import assert from "node:assert/strict";
import { test } from "node:test";
import { kindOf, workSentence } from "../../static/js/document_words.js";
import { sameOrigin } from "../../static/js/dom.js";
import { bytes, dayName, pounds, usageLine } from "../../static/js/format.js";
import { kinds } from "../../static/js/kinds.js";
import { slugOf } from "../../static/js/slug.js";
import { mayAskAgain, statusSentence } from "../../static/js/answer_words.js";
import { fileProblem } from "../../static/js/upload.js";

test("sizes", () => {
  assert.deepEqual([0, 1023, 1536, 493_684, 10_440_000, 50 * 1024 * 1024, 1024 ** 3].map(bytes), ["0 B", "1023 B", "1.5 kB", "482 kB", "10 MB", "50 MB", "1 GB"]);
});

test("prices of answers, small as they are", () => {
  assert.deepEqual(["0", "0.00003", "0.00213", "0.0300", "1.5", null].map(pounds), ["", "under £0.0001", "£0.0021", "£0.03", "£1.50", ""]);
});

test("the line under an answer", () => {
  assert.equal(usageLine({ model: "gpt-4.1-mini", cost_gbp: "0.00213" }), "gpt-4.1-mini · £0.0021");
  assert.equal(usageLine({ model: "extractive", cost_gbp: "0" }), "Quoted from your documents");
  assert.match(usageLine({ model: "m", cost_gbp: "0", cached: true }), /no cost/);
  assert.equal(usageLine(null), "");
});

test("days by the reader's clock", () => {
  const now = new Date(2026, 4, 20, 9);
  assert.equal(dayName("2026-05-20", now), "Today");
  assert.equal(dayName("2026-05-19", now), "Yesterday");
  assert.equal(dayName("2026-05-15", now), "Friday");
  assert.match(dayName("2025-01-02", now), /2 January 2025/);
});

test("an address out of a name", () => {
  assert.equal(slugOf("Fjällräven & Søner AB"), "fjallraven-soner-ab");
  assert.equal(slugOf("  O’Neill's Bar  "), "oneills-bar");
  assert.equal(slugOf("日本"), "");
  assert.ok(slugOf("x".repeat(90)).length <= 40);
});

test("files are refused before they travel, with a reason", () => {
  const rules = { max_bytes: 1024, accept: [".pdf", ".md"] };
  assert.equal(fileProblem({ name: "a.PDF", size: 10 }, rules), null);
  assert.match(fileProblem({ name: "a.exe", size: 10 }, rules), /can't read \.exe/);
  assert.match(fileProblem({ name: "a.pdf", size: 0 }, rules), /empty/);
  assert.match(fileProblem({ name: "a.pdf", size: 2048 }, rules), /2 kB; the limit is 1 kB/);
});

test("the kinds that can be read are named in words", () => {
  const accept = [".docx", ".htm", ".html", ".log", ".markdown", ".md", ".pdf", ".txt"];
  assert.equal(kinds(accept), "PDF, Word, Markdown, HTML or text");
  assert.equal(kinds([".dwg", ".pdf", ".py", ".sql"]), "PDF, source code or .dwg");
  assert.equal(kinds([".pdf"]), "PDF");
  assert.equal(
    fileProblem({ name: "song.mp3", size: 10 }, { accept }),
    "Vena can't read .mp3 yet. It reads PDF, Word (.docx), Markdown, HTML and text files.",
  );
});

test("what is being done to a document", () => {
  assert.equal(workSentence({ state: "embedding", progress: { done: 12, total: 48 } }), "Indexing 12 of 48 passages");
  assert.equal(workSentence({ state: "queued", progress: { done: 0, total: 48 } }), "Queued");
  assert.equal(kindOf({ title: "Plan", media_type: "application/pdf" }), "pdf");
});

test("only this site counts as this site", () => {
  const here = "https://acme.vena.test";
  assert.equal(sameOrigin("/documents/1/", here), true);
  for (const url of ["//evil.test/", "https://vena.test/", "javascript:alert(1)", "http://acme.vena.test/", "https://"]) {
    assert.equal(sameOrigin(url, here), false, url);
  }
});

test("every ending has its sentence and its way out", () => {
  const question = { text: "Why?" };
  assert.equal(statusSentence({ status: "complete", text: "x" }), "");
  assert.equal(statusSentence({ status: "stopped", text: "x" }), "You stopped this answer.");
  assert.equal(statusSentence({ status: "failed", text: "", error: { detail: "Used up." } }), "Used up.");
  assert.equal(mayAskAgain({ question, answer: { status: "interrupted" } }), true);
  assert.equal(mayAskAgain({ question, answer: { status: "failed", error: { retryable: false } } }), false);
  assert.equal(mayAskAgain({ question, answer: { status: "complete" } }), false);
});
