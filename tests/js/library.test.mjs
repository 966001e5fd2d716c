import assert from "node:assert/strict";
import { test } from "node:test";
import { anyBusy, byTitle, emptyLibrary, fingerprint, inOrder, listUrl, newsBetween, pagesToRefresh, withDocument, withPage } from "../../static/js/library.js";

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

test("without words or a state the list leaves out what is inside archives", () => {
  const query = (filters) => Object.fromEntries(new URL(listUrl("/api/v1/documents/", filters), "https://x").searchParams);
  assert.deepEqual(query({ collection: "c" }), { collection: "c", parent: "none" });
  assert.deepEqual(query({ collection: "c", q: "a&b" }), { collection: "c", q: "a&b" });
  assert.deepEqual(query({ state: "queued,reading" }), { state: "queued,reading" });
});

test("from a narrowed list a document leaves when it stops fitting", () => {
  const narrowed = withPage(emptyLibrary("/list", { isNarrowed: true }), "/list", { results: [doc("a", "reading"), doc("b", "reading")], next: null });
  assert.deepEqual([...withPage(narrowed, "/list", { results: [doc("b", "reading")], next: null }).docs.keys()], ["b"]);
});

test("an archive whose files are still being read is looked after like one that is read itself", () => {
  const archive = { ...doc("a"), parts_by_state: { ready: 3, embedding: 1 } };
  assert.equal(anyBusy(first(archive)), true);
  assert.equal(anyBusy(first({ ...archive, parts_by_state: { ready: 4, failed: 1 } })), false);
});

test("files inside stand by name, numbers as numbers", () => {
  assert.deepEqual(byTitle(first(doc("note-10"), doc("note-2"))).map(({ id }) => id), ["note-2", "note-10"]);
});

test("the counts are old as soon as a document comes, goes or changes its state", () => {
  const before = fingerprint(first(doc("a"), doc("b", "reading")));
  assert.equal(fingerprint(first(doc("b", "reading"), doc("a"))), before);
  for (const other of [first(doc("a")), first(doc("a"), doc("b")), first(doc("a"), doc("b", "reading"), doc("c"))]) assert.notEqual(fingerprint(other), before);
});

test("what a person stopped is not called unreadable", () => {
  const after = first({ ...doc("a", "failed"), failure: { code: "cancelled" } });
  assert.deepEqual(newsBetween(first(doc("a", "reading")), after), ["a.pdf was stopped."]);
});
