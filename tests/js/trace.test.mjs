import assert from "node:assert/strict";
import { test } from "node:test";
import { importSummary, runSentence, startersPlace } from "../../static/js/quality_words.js";
import { columnsOf, filterCount, journeys, marked, milliseconds, pageOf, queryWords, quoteOf, readable, searchBody, timesOf } from "../../static/js/trace.js";

const POSITIONS = { a: 1, b: 7, c: 9, d: 20, e: 21 };
const seen = (chunk, rank, note = "", scores = {}) => ({ chunk, rank, note, scores, title: chunk, text: chunk, document: "x", version: 1, position: POSITIONS[chunk] });
const TRACE = {
  milliseconds: 20,
  stages: [
    { name: "embed", milliseconds: 8, detail: "", candidates: [] },
    { name: "dense", milliseconds: 4, detail: "", candidates: [seen("a", 1, "", { dense: 0.9 }), seen("b", 2), seen("c", 3), seen("e", 4)] },
    { name: "keywords", milliseconds: null, detail: "", candidates: [seen("d", 1, "", { keyword: 7 }), seen("a", 2, "", { keyword: 3 })] },
    { name: "fuse", milliseconds: 1, detail: "min-max", candidates: [seen("a", 1), seen("d", 2), seen("b", 3), seen("c", 4), seen("e", 5)] },
    { name: "read", milliseconds: 1, detail: "", candidates: [seen("a", 1), seen("d", 2), seen("b", 3), seen("c", 4, "gone"), seen("e", 5)] },
    { name: "fold", milliseconds: 1, detail: "", candidates: [seen("d", 1), seen("a", 2), seen("e", 3), seen("b", 4, "folded into 2")] },
    { name: "merge", milliseconds: 1, detail: "", candidates: [seen("d", 1, "with 1 of its neighbours"), seen("a", 2)] },
    { name: "trim", milliseconds: 1, detail: "", candidates: [seen("d", 1), seen("a", 2, "left out")] },
  ],
};
const RESULTS = [{ document: "x", version: 1, position: 20, last_position: 21 }];

test("every passage has its way through the stages and its end", () => {
  const all = journeys(TRACE, RESULTS);
  const ways = Object.fromEntries(all.map((way) => [way.chunk, way]));
  assert.deepEqual(all.map(({ chunk }) => chunk), ["d", "e", "a", "b", "c"]);
  assert.deepEqual(ways.a.ranks, { dense: 1, keywords: 2, fuse: 1, read: 1, fold: 2, merge: 2, trim: 2 });
  assert.deepEqual(ways.a.scores, { dense: 0.9, keyword: 3 });
  assert.deepEqual(ways.d.fate, { kind: "kept", words: "Passage 1 of the result", place: 1 });
  assert.deepEqual(ways.e.fate, { kind: "merged", words: "Part of passage 1", place: 1 });
  assert.deepEqual(ways.a.fate, { kind: "out", words: "Left out: the result was full" });
  assert.deepEqual(ways.b.fate, { kind: "folded", words: "Says the same as another: folded into 2" });
  assert.equal(ways.c.fate.kind, "gone");
  assert.deepEqual(columnsOf(TRACE).map(({ name }) => name), ["dense", "keywords", "fuse"]);
});

test("a passage that a later stage did not take fell below it", () => {
  const [way] = journeys({ milliseconds: 1, stages: [{ name: "read", candidates: [seen("a", 1)] }, { name: "trim", candidates: [seen("d", 1)] }] }, RESULTS).slice(1);
  assert.deepEqual(way.fate, { kind: "below", words: "Below what “Cut to size” takes" });
});

test("a search that found nothing has no ways", () => {
  assert.deepEqual(journeys({ milliseconds: 1, stages: [{ name: "dense", milliseconds: 1, candidates: [] }] }, []), []);
});

test("the bar has the measured stages and never more than the whole", () => {
  const times = timesOf(TRACE);
  assert.deepEqual(times.map(({ name }) => name), ["embed", "dense", "fuse", "read", "fold", "merge", "trim"]);
  assert.equal(times[0].share, 0.4);
  assert.equal(times[1].from, 0.4);
  const last = timesOf({ milliseconds: 1, stages: [{ name: "dense", milliseconds: 4 }, { name: "fuse", milliseconds: 4 }] }).at(-1);
  assert.equal(last.from + last.share, 1);
});

test("the query's words are marked in texts, small words are not", () => {
  assert.deepEqual(queryWords("How many holidays may I have? Holidays!"), ["many", "holidays"]);
  const hits = (text, query) => marked(text, queryWords(query)).filter(({ hit }) => hit).map(({ text: piece }) => piece);
  assert.deepEqual(hits("A holiday is not a holy day. Holidays!", "holidays"), ["holiday", "Holidays"]);
  assert.deepEqual(hits("Größe und Größen", "größe"), ["Größe", "Größen"]);
  assert.equal(marked("<b>x</b> & y", ["x"]).map(({ text }) => text).join(""), "<b>x</b> & y");
  assert.deepEqual(marked("", ["x"]), []);
});

test("times as people read them", () => {
  assert.deepEqual([0.01, 3.14, 12.6, 1234].map(milliseconds), ["under 0.1 ms", "3.1 ms", "13 ms", "1,234 ms"]);
});

test("a quote is a sentence or two in whole words", () => {
  assert.equal(quoteOf("  Short\n text. "), "Short text.");
  assert.equal(quoteOf("One sentence here. Another that goes on and on and on.", 30), "One sentence here.");
  assert.equal(quoteOf("word ".repeat(20), 23), "word word word word");
  assert.equal(quoteOf("x".repeat(50), 10), "x".repeat(10));
});

test("the request has only what somebody asked for", () => {
  const nothing = { query: " leave ", collections: [], tags: " ", since: "", until: "", limit: "x", rerank: "" };
  assert.deepEqual(searchBody(nothing), { query: "leave", limit: 10 });
  const all = searchBody({ query: "q", collections: ["1"], tags: "a, b,", since: "2026-01-01", until: "", limit: "99", rerank: "false" });
  assert.deepEqual(all, { query: "q", limit: 50, collections: ["1"], tags: ["a", "b"], since: "2026-01-01", rerank: false });
  assert.equal(filterCount(all), 4);
  assert.equal(filterCount(searchBody(nothing)), 0);
});

test("where a passage stands", () => {
  assert.deepEqual([{ page: 3, last_page: 4 }, { page: 3, last_page: 3 }, { page: null, place: "Sheet A, rows 2-4" }, {}].map(pageOf), ["pages 3–4", "page 3", "Sheet A, rows 2-4", ""]);
});

test("what the quality pages say", () => {
  assert.equal(runSentence({ state: "running", progress: { done: 3, total: 12 } }), "Asked 3 of 12 questions");
  assert.equal(runSentence({ state: "failed", progress: {}, failure: { detail: "Index away." } }), "Index away.");
  assert.equal(runSentence({ state: "done", progress: { total: 1 } }), "Measured with 1 question.");
  assert.equal(importSummary({ added: 2, updated: 0, unchanged: 1, problems: [] }), "2 added, 1 as before.");
  assert.equal(importSummary({ added: 0, updated: 0, unchanged: 0, problems: [{}] }), "Nothing was added. 1 line could not be used:");
  assert.equal(startersPlace({ at: 1, passages: [1, 2, 3], saved: 1 }), "Passage 2 of 3, 1 saved");
});

test("tables are read as lines of cells, other text as it is", () => {
  const table = "Limits:\n\n| City | Limit |\n| --- | ---: |\n| Leeds |  £90 |\n\na | b stays";
  assert.equal(readable(table), "Limits:\n\nCity · Limit\nLeeds · £90\n\na | b stays");
  assert.equal(readable("a --- b\n- item"), "a --- b\n- item");
});
