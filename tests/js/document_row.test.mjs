import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { browser } from "./setup.mjs";
import { documentRow } from "../../static/js/document_row.js";

const DOC = {
  id: "1", title: "Handbook <2026>", file_name: "handbook.pdf", source_url: "", state: "ready", size: 2048, pages: 3, chunks: 5, parts: 0,
  parts_by_state: {}, version: 1, newest_version: 1, tags: [], failure: null, place_in_line: null, progress: { done: 0, total: 0 },
  uploaded_by: "ada@example.org", created_at: new Date().toISOString(), url: "/documents/1/",
};
const row = (doc, more = {}) => documentRow({ doc: { ...DOC, ...doc }, mayEdit: true, ...more });
const actions = (node) => [...node.querySelectorAll("[data-action]")].map((button) => button.dataset.action);
const facts = (node) => [...node.querySelector(".document-facts").children].map((fact) => fact.textContent);

beforeEach(() => browser());

test("every state offers what can be done in it", () => {
  assert.deepEqual(actions(row({ state: "ready" })), ["details", "delete"]);
  for (const state of ["queued", "reading", "chunking", "embedding"]) assert.deepEqual(actions(row({ state })), ["details", "delete", "cancel"], state);
  assert.deepEqual(actions(row({ state: "failed", failure: { code: "damaged_document", detail: "It is damaged." } })), ["details", "delete", "retry"]);
  assert.deepEqual(actions(row({ state: "deleting" })), []);
});

test("who may only read is offered no change", () => {
  for (const state of ["ready", "queued", "failed"]) assert.deepEqual(actions(row({ state, failure: { detail: "x" } }, { mayEdit: false })), ["details"], state);
});

test("no fact is empty, so no dot stands alone", () => {
  for (const doc of [{}, { size: 0, pages: null, version: null, uploaded_by: "" }, { state: "queued", version: null }, { chunks: 0, parts: 4 }]) {
    for (const fact of facts(row(doc))) assert.match(fact, /\S/);
  }
  assert.deepEqual(facts(row({ chunks: 0, parts: 4, pages: null })), ["2 kB", "ada@example.org", "just now"]);
});

test("a failure says what to do, and what goes on answering", () => {
  const node = row({ state: "failed", version: 2, newest_version: 3, failure: { code: "damaged_document", detail: "It is damaged. Upload it again." } });
  assert.equal(node.querySelector(".document-failure p").textContent, "It is damaged. Upload it again. Version 2 goes on answering.");
  assert.equal(node.querySelector(".badge").textContent, "Failed");
  assert.equal(row({ state: "failed", failure: { code: "cancelled", detail: "You stopped this." } }).querySelector(".badge").textContent, "Stopped");
});

test("what a click could not do is said in the row, and nothing else changes", () => {
  const plain = row({ state: "reading" });
  const node = row({ state: "reading" }, { problem: "Vena could not be reached." });
  assert.equal(node.querySelector("[role=alert]").textContent, "Vena could not be reached.");
  node.querySelector("[role=alert]").remove();
  assert.equal(node.outerHTML, plain.outerHTML);
});

test("while the server has not answered, a second click is out of reach", () => {
  const node = row({ state: "embedding", progress: { done: 1, total: 4 } }, { pending: "cancel" });
  assert.equal(node.querySelector(".document-work-text").textContent, "Stopping");
  for (const button of node.querySelectorAll("[data-action]")) assert.equal(button.getAttribute("aria-disabled"), "true");
});

test("names, tags and titles stay text", () => {
  const node = row({ tags: ["<b>x</b>"], parts: 2, parts_by_state: { ready: 2 } }, { isOpen: true });
  assert.equal(node.querySelector(".document-title").textContent, "Handbook <2026>");
  assert.equal(node.querySelector(".tag").textContent, "<b>x</b>");
  assert.equal(node.querySelector(".parts-toggle").getAttribute("aria-expanded"), "true");
  assert.equal(node.querySelector("b"), null);
});

test("buttons without words have a name that says which document", () => {
  for (const button of row({}).querySelectorAll(".icon-button")) assert.match(button.getAttribute("aria-label"), /Handbook <2026>$/);
});
