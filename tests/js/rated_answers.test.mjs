import assert from "node:assert/strict";
import { test } from "node:test";
import { browser } from "./setup.mjs";
import { RatedAnswers } from "../../static/js/rated_answers.js";

const row = (answer, more = {}) => ({ answer, question: `Question ${answer}`, documents: [{ id: "d", title: "Handbook", page: 4 }], is_golden: false, ...more });

function page(results, next = null) {
  browser(`<section data-rated hidden><ul data-rated-list></ul><button data-rated-more hidden></button></section>`);
  const asked = [];
  globalThis.fetch = async (url, { method }) => {
    asked.push(`${method} ${url}`);
    const body = method === "GET" ? { results, next } : { question: "Question a" };
    return { ok: true, status: 200, text: async () => JSON.stringify(body) };
  };
  return asked;
}

function rated(events) {
  return new RatedAnswers(document.querySelector("[data-rated]"), "/api/v1/", {
    onKept: async (question) => events.push(question),
    onProblem: (error) => events.push(error?.message ?? null),
  });
}

test("what can still be kept is listed, with its documents", async () => {
  page([row("a"), row("b", { is_golden: true }), row("c", { documents: [] })]);
  await rated([]).load();
  assert.deepEqual([...document.querySelectorAll(".golden-question")].map((node) => node.textContent), ["Question a"]);
  assert.equal(document.querySelector(".golden-target").textContent, "Handbook, page 4");
  assert.equal(document.querySelector("[data-rated]").hidden, false);
});

test("the section stays away while nobody has rated anything", async () => {
  page([]);
  await rated([]).load();
  assert.equal(document.querySelector("[data-rated]").hidden, true);
});

test("a click keeps the question and takes it off the list", async () => {
  const asked = page([row("a")]);
  const events = [];
  const list = rated(events);
  await list.load();
  await list.keep(document.querySelector("[data-keep]"));
  assert.equal(asked.at(-1), "POST /api/v1/answers/a/golden/");
  assert.deepEqual(events, [null, "Question a"]);
  assert.equal(document.querySelector("[data-rated]").hidden, true);
});
