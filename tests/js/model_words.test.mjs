import assert from "node:assert/strict";
import { test } from "node:test";
import { buildSentence, confirmWords, endSentence, estimateSentence } from "../../static/js/model_words.js";

test("what a model takes and costs, before anything starts", () => {
  const wanted = { chunks: 1200, tokens: 240_000, cost_gbp: "0.0371" };
  assert.match(estimateSentence("large", wanted, false), /^Building large takes 1,200 passages, about 240,000 tokens\. It costs about £0\.04\./);
  assert.match(estimateSentence("large", { ...wanted, cost_gbp: null }, false), /What it costs can't be told: the price of the model is not known\./);
  assert.match(estimateSentence("mini", { ...wanted, cost_gbp: null }, true), /Nothing is paid for/);
  assert.match(estimateSentence("mini", { ...wanted, chunks: 0 }, true), /already.*costs nothing/);
});

test("how far the building is", () => {
  assert.equal(buildSentence({ done: 0, total: 0 }), "Waiting for a worker");
  assert.equal(buildSentence({ done: 16, total: 1200 }), "16 of 1,200 passages");
  assert.equal(buildSentence({ done: 1200, total: 1200 }), "Measuring the quality");
});

test("what became of it", () => {
  assert.equal(endSentence({ state: "failed", failure: { detail: "Ask your administrator." } }), "Ask your administrator.");
  assert.equal(endSentence({ state: "switched" }), "The other model answers now.");
  assert.equal(confirmWords("discard", "mini").title, "Discard mini?");
  assert.match(confirmWords("stop").words, /stays as it is/);
});
