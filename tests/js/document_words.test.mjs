import assert from "node:assert/strict";
import { test } from "node:test";
import { kindOf, mayRestore, outcome, partsSentence, price, quotaSentence, seconds, stageTimes, tagsOf, versionSentence, versionState, workSentence } from "../../static/js/document_words.js";

test("what is being done with a document, and how far it is", () => {
  const progress = { done: 12, total: 1048 };
  const none = { done: 0, total: 0 };
  assert.equal(workSentence({ state: "queued", progress: none, place_in_line: 1 }), "Queued, next in line");
  assert.equal(workSentence({ state: "queued", progress: none, place_in_line: 1200 }), "Queued, number 1,200 in line");
  assert.equal(workSentence({ state: "queued", progress: none, place_in_line: null }), "Queued");
  assert.equal(workSentence({ state: "reading", progress: none }), "Reading");
  assert.equal(workSentence({ state: "reading", progress }), "Reading 12 of 1,048 pages");
  assert.equal(workSentence({ state: "chunking", progress: none }), "Cutting into passages");
  assert.equal(workSentence({ state: "chunking", progress }), "Writing a sentence for each passage, 12 of 1,048");
  assert.equal(workSentence({ state: "embedding", progress }), "Indexing 12 of 1,048 passages");
  assert.equal(workSentence({ state: "deleting", progress }), "Deleting");
});

test("which version answers, and what the newest is up to", () => {
  const says = (state, version, newest, failure = null) => versionSentence({ state, version, newest_version: newest, failure });
  assert.equal(says("queued", null, 1), "");
  assert.equal(says("ready", 1, 1), "");
  assert.equal(says("ready", 3, 3), "Version 3");
  assert.equal(says("embedding", 3, 4), "Version 3, newer one is being read");
  assert.equal(says("queued", 3, 2), "Version 3 answers; version 2 is being restored");
  assert.equal(says("failed", 3, 4, { code: "damaged_document" }), "Version 3 answers; version 4 could not be read");
  assert.equal(says("failed", 3, 4, { code: "cancelled" }), "Version 3 answers; version 4 was stopped");
});

test("what is inside an archive, and how it stands", () => {
  assert.equal(partsSentence({ parts: 0 }), "");
  assert.equal(partsSentence({ parts: 3, parts_by_state: {} }), "3 files inside");
  assert.equal(partsSentence({ parts: 1, parts_by_state: { ready: 1 } }), "1 file inside: all ready");
  assert.equal(partsSentence({ parts: 12, parts_by_state: { ready: 8, failed: 1, queued: 2, embedding: 1 } }), "12 files inside: 8 ready, 1 failed, 3 being read");
  assert.equal(partsSentence({ parts: 2, parts_by_state: { queued: 2 }, source_url: "https://a.example/sitemap.xml" }), "2 pages inside: 2 being read");
});

test("how a version stands, and whether it can come back", () => {
  const ready = { state: "ready", version: 3, newest_version: 3 };
  const kept = { number: 1, ready_at: "2026-01-01T00:00:00Z", is_current: false };
  const current = { number: 3, ready_at: "2026-01-02T00:00:00Z", is_current: true };
  const newest = { number: 4, ready_at: null, is_current: false };
  assert.equal(versionState(current, ready).words, "Answers now");
  assert.equal(versionState(kept, ready).words, "Kept");
  assert.equal(versionState(newest, { ...ready, state: "failed", newest_version: 4 }).words, "Could not be read");
  assert.equal(versionState(newest, { ...ready, state: "embedding", newest_version: 4 }).words, "Being read");
  assert.equal(versionState({ ...newest, number: 2 }, ready).words, "Never finished");
  assert.deepEqual([kept, current, newest].map((version) => mayRestore(version, ready)), [true, false, false]);
  for (const state of ["queued", "reading", "embedding", "deleting"]) assert.equal(mayRestore(kept, { ...ready, state }), false, state);
  assert.equal(mayRestore(kept, { ...ready, state: "failed" }), true);
});

test("tries: how they ended and the time of each stage, in the order of the work", () => {
  assert.deepEqual(stageTimes({ embedding: 62.4, reading: 0.006, chunking: 1.25, other: 12 }), ["Reading 6 ms", "Cutting 1.3 s", "Indexing 1 min 2 s", "other 12 s"]);
  assert.equal(outcome({ outcome: "interrupted" }).words, "Interrupted, went on by itself");
  assert.equal(outcome({ outcome: "new_kind" }).words, "new_kind");
  assert.equal(seconds(9.96), "10.0 s");
});

test("what something costs, said in pounds", () => {
  assert.equal(price("0.17234"), "about £0.17");
  assert.equal(price("0.00012"), "less than £0.01");
  assert.equal(price("0"), "nothing");
});

test("how many documents there are, of how many", () => {
  const collections = [{ document_count: 1200 }, { document_count: 34 }];
  assert.equal(quotaSentence(collections, 10_000), "1,234 of 10,000 documents");
  assert.equal(quotaSentence([{ document_count: 1 }], null), "1 document");
});

test("tags as people type them", () => {
  assert.deepEqual(tagsOf(" policy , 2026,,policy,  two   words"), ["policy", "2026", "two words"]);
  assert.deepEqual(tagsOf("  "), []);
});

test("the little word on the sheet of paper", () => {
  assert.equal(kindOf({ title: "Plan", file_name: "plan.XLSX" }), "xlsx");
  assert.equal(kindOf({ title: "A page", file_name: "a.html", source_url: "https://a.example/" }), "web");
  assert.equal(kindOf({ title: "Plan", media_type: "application/pdf" }), "pdf");
});
