import assert from "node:assert/strict";
import { test } from "node:test";
import { anyBusy, emptyLibrary, inOrder, newsBetween, pagesToRefresh, withDocument, withPage } from "../../static/js/library.js";

const doc = (id, state = "ready", minute = 0) => ({ id, title: `${id}.pdf`, state, created_at: `2026-05-01T10:${String(minute).padStart(2, "0")}:00Z` });
const first = (...results) => withPage(emptyLibrary("/list"), "/list", { results, next: "/list?cursor=2" });

test("documents stand newest first", () => {
  assert.deepEqual(inOrder(first(doc("a", "ready", 1), doc("b", "ready", 5))).map(({ id }) => id), ["b", "a"]);
});

test("a further page is appended and moves the cursor", () => {
  const library = withPage(first(doc("a")), "/list?cursor=2", { results: [doc("b")], next: null });
  assert.equal(library.docs.size, 2);
  assert.equal(library.next, null);
});

test("refreshing the first page does not lose the cursor of the last", () => {
  let library = withPage(first(doc("a")), "/list?cursor=2", { results: [doc("b")], next: "/list?cursor=3" });
  library = withPage(library, "/list", { results: [doc("a")], next: "/list?cursor=2" });
  assert.equal(library.next, "/list?cursor=3");
});

test("only the first page and pages with work on them are asked for again", () => {
  let library = withPage(first(doc("a")), "/list?cursor=2", { results: [doc("b")], next: "/list?cursor=3" });
  library = withPage(library, "/list?cursor=3", { results: [doc("c", "embedding")], next: null });
  assert.deepEqual(pagesToRefresh(library), ["/list", "/list?cursor=3"]);
  assert.equal(anyBusy(library), true);
});

test("a document being deleted goes when its page no longer lists it; others only move on", () => {
  const before = first(doc("a", "deleting"), doc("b"));
  const after = withPage(before, "/list", { results: [doc("c")], next: null });
  assert.deepEqual([...after.docs.keys()].sort(), ["b", "c"]);
});

test("a fresh upload appears at once and is then refreshed with the first page", () => {
  const library = withDocument(first(doc("a")), doc("n", "queued", 9));
  assert.equal(inOrder(library)[0].id, "n");
  assert.ok(library.pages[0].ids.includes("n"));
});

test("news are what became ready or failed", () => {
  const before = first(doc("a", "embedding"), doc("b", "reading"), doc("c"));
  const after = first(doc("a"), doc("b", "failed"), doc("c"), doc("d"));
  assert.deepEqual(newsBetween(before, after), ["a.pdf is ready.", "b.pdf could not be read."]);
});
