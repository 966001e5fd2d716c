import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { browser } from "./setup.mjs";

const window = browser('<main><div data-list></div><button hidden data-earlier></button></main><div data-toasts></div>');
globalThis.CSS = { escape: (text) => text };
globalThis.requestAnimationFrame = (run) => setTimeout(run, 0);
window.Element.prototype.scrollIntoView = () => {};

const { createMarkdown } = await import("../../static/js/markdown.js");
const { ThreadView } = await import("../../static/js/thread_view.js");
const { threadFrom } = await import("../../static/js/thread.js");
const history = await import("../../static/js/history_list.js");

const messages = (count) =>
  Array.from({ length: count }, (_, n) => [
    { id: `q${n}`, role: "user", text: `Question ${n}?`, status: "complete", siblings: [`q${n}`] },
    { id: `a${n}`, role: "assistant", text: `Answer ${n} [1].`, status: "complete", siblings: [`a${n}`, `b${n}`], sources: [{ n: 1, title: "T", url: "/documents/1/", cited: true }] },
  ]).flat();

function setUp(actions = {}) {
  const list = window.document.querySelector("[data-list]");
  list.replaceChildren();
  const calls = [];
  const note = (name) => (...args) => (calls.push([name, ...args]), true);
  const view = new ThreadView({
    list,
    earlierButton: window.document.querySelector("[data-earlier]"),
    follower: { keepPlace: (change) => change() },
    onEarlier: note("earlier"),
    actions: { markdown: createMarkdown(window), maxLength: 4000, onDrawn: () => {}, onHold: () => {}, ...Object.fromEntries(["onSources", "onCopy", "onAgain", "onEdit", "onSwitch", "onRate", "onGap"].map((name) => [name, note(name)])), ...actions },
  });
  const questions = () => [...list.querySelectorAll(".question")].map((node) => node.textContent);
  return { list, view, calls, questions };
}

test("a long conversation is drawn from its end, and more of it when asked for", () => {
  const { view, questions } = setUp();
  view.show(threadFrom({ id: "c", messages: messages(45) }));
  assert.deepEqual([questions().length, questions()[0]], [20, "Question 25?"]);
  view.earlierButton.click();
  view.earlierButton.click();
  assert.deepEqual([questions().length, questions()[0]], [45, "Question 0?"]);
  assert.equal(view.earlierButton.hidden, true);
});

test("when all that is known is shown, the server is asked for more", () => {
  const { view, calls } = setUp();
  view.show(threadFrom({ id: "c", has_earlier: true, messages: messages(3) }));
  view.earlierButton.click();
  assert.deepEqual(calls, [["earlier"]]);
});

test("another branch keeps the turns that both have", () => {
  const { view, list, questions } = setUp();
  const first = threadFrom({ id: "c", messages: messages(3) });
  view.show(first);
  const kept = list.children[0];
  view.draw({ ...first, turns: [first.turns[0], { ...first.turns[1], key: "new", question: { id: null, text: "Else?", siblings: [] } }] });
  assert.equal(list.children[0], kept);
  assert.deepEqual(questions(), ["Question 0?", "Else?"]);
});

test("the arrows lead to the answer beside", () => {
  const { view, list, calls } = setUp();
  view.show(threadFrom({ id: "c", messages: messages(1) }));
  assert.equal(list.querySelector(".branches").getAttribute("aria-label"), "Answer 1 of 2");
  list.querySelector('[data-branch="previous"]').click();
  list.querySelector('[data-branch="next"]').click();
  assert.deepEqual(calls, [["onSwitch", "b0", "next", "answer"]]);
});

test("a question is edited in its place; Escape leaves it as it was", () => {
  const { view, list, calls } = setUp();
  view.show(threadFrom({ id: "c", messages: messages(1) }));
  const open = () => (list.querySelector(".question-edit").click(), list.querySelector("textarea"));
  const key = (area, name, more = {}) => area.dispatchEvent(new window.KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more }));
  key(open(), "Escape");
  assert.equal(list.querySelector("textarea"), null);
  const area = open();
  area.value = "Else?";
  key(area, "Enter", { isComposing: true });
  key(area, "Enter", { shiftKey: true });
  assert.equal(calls.length, 0);
  key(area, "Enter");
  assert.deepEqual(calls.map(([name, , text]) => [name, text]), [["onEdit", "Else?"]]);
});

test("what the server has drawn is taken over turn by turn", async () => {
  const { view, list, questions } = setUp();
  list.innerHTML = '<section data-stored><h2 class="question">Question 0?</h2></section>'.repeat(5);
  view.takeOver(threadFrom({ id: "c", messages: messages(5) }));
  assert.equal(list.querySelectorAll("[data-stored]").length, 3);
  for (let tries = 0; list.querySelector("[data-stored]") && tries < 200; tries += 1) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(list.querySelectorAll("[data-stored]").length, 0);
  assert.deepEqual(questions(), ["Question 0?", "Question 1?", "Question 2?", "Question 3?", "Question 4?"]);
});

test("a thumb down asks for a reason, which may be left out", async () => {
  const { view, list, calls } = setUp();
  view.show(threadFrom({ id: "c", messages: messages(1) }));
  list.querySelector('[data-thumb="-1"]').click();
  await Promise.resolve();
  await Promise.resolve();
  const form = list.querySelector(".reason-form");
  form.querySelector('input[value="outdated"]').checked = true;
  form.querySelector("textarea").value = " Since May ";
  form.dispatchEvent(new window.Event("submit", { cancelable: true }));
  assert.deepEqual(calls.map(([name, , feedback]) => [name, feedback]), [
    ["onRate", { rating: -1, reason: "", comment: "" }],
    ["onRate", { rating: -1, reason: "outdated", comment: "Since May" }],
  ]);
  assert.equal(list.querySelector(".reason-form"), null);
});

test("the side bar: pinned ones apart, days without a conversation go, nothing twice", () => {
  const host = window.document.createElement("nav");
  host.innerHTML = '<section data-pinned-group hidden><ul></ul></section><p data-history-empty></p><div data-history-end></div>';
  const row = (id, more = {}) => ({ id, title: id, updated_at: "2026-05-04T10:00:00Z", is_pinned: false, is_shared: false, ...more });
  assert.equal(history.appendConversations(host, [row("a"), row("b", { updated_at: "2026-05-02T10:00:00Z" })]), 2);
  assert.equal(history.appendConversations(host, [row("a"), row("c", { updated_at: "2026-05-03T10:00:00Z" })]), 1);
  assert.deepEqual([...host.querySelectorAll("[data-day]")].map((one) => one.dataset.day), ["2026-05-04", "2026-05-03", "2026-05-02"]);
  history.placeConversation(host, row("c", { is_pinned: true }));
  assert.equal(host.querySelector("[data-pinned-group]").hidden, false);
  assert.equal(host.querySelectorAll("[data-day]").length, 2);
  for (const id of ["a", "b", "c"]) history.removeConversation(host, id);
  assert.equal(host.querySelector("[data-pinned-group]").hidden, true);
  assert.equal(host.querySelector("[data-history-empty]").hidden, false);
});

test("every icon that a script names is in the sprite", () => {
  const sprite = readFileSync(new URL("../../static/icons/sprite.svg", import.meta.url), "utf8");
  const known = new Set([...sprite.matchAll(/id="([a-z-]+)"/g)].map((match) => match[1]));
  for (const file of ["answer_foot", "archive_dialog", "branches", "chat_files", "conversation_menu", "feedback", "filled_gaps", "follow_ups", "question_view", "turn_view"]) {
    const script = readFileSync(new URL(`../../static/js/${file}.js`, import.meta.url), "utf8");
    for (const [, name] of script.matchAll(/icon\("([a-z-]+)"\)|icon: "([a-z-]+)"/g)) if (name) assert.ok(known.has(name), `${file}: ${name}`);
  }
});
