import assert from "node:assert/strict";
import { test } from "node:test";
import { GLUE, keepTogether, splitCitations, UNGLUE } from "../../static/js/citations.js";

const known = new Set([1, 2, 12]);

test("text without citations comes back whole", () => {
  assert.deepEqual(splitCitations("No sources here.", known), ["No sources here."]);
});

test("a number in brackets becomes a citation", () => {
  assert.deepEqual(splitCitations("Two signatures [1].", known), ["Two signatures ", 1, "."]);
});

test("neighbours and lists both work", () => {
  assert.deepEqual(splitCitations("a [1][2] b [1, 12]", known), ["a ", 1, 2, " b ", 1, 12]);
});

test("a number that was never offered stays text", () => {
  assert.deepEqual(splitCitations("see list[9] and [1234]", known), ["see list[9] and [1234]"]);
});

test("of a mixed list only the offered numbers are shown", () => {
  assert.deepEqual(splitCitations("[2, 9]", known), [2]);
});

test("an unfinished mark at the end of a stream is text until it closes", () => {
  assert.deepEqual(splitCitations("so [1", known), ["so [1"]);
});

test("a number stays on the line of its word, a full stop on the line of its number", () => {
  assert.deepEqual(keepTogether(["Two signatures ", 1, 2, ". More"]), ["Two ", GLUE, "signatures ", 1, 2, ".", UNGLUE, " More"]);
  assert.deepEqual(keepTogether([1]), [GLUE, 1, UNGLUE]);
  assert.deepEqual(keepTogether(["a ", 1, " b ", 2]), [GLUE, "a ", 1, UNGLUE, " ", GLUE, "b ", 2, UNGLUE]);
  assert.deepEqual(keepTogether(["plain"]), ["plain"]);
});
