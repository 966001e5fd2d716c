import assert from "node:assert/strict";
import { test } from "node:test";
import { asked, askFrame, cutOff, framesOnConnect, isRunning, received, stopWanted, threadFrom, withCitations } from "../../static/js/frames.js";

const SOURCES = [
  { n: 1, document: "d", title: "A", page: 1, snippet: "offered", url: "/documents/d/?chunk=1" },
  { n: 2, document: "d", title: "A", page: 2, snippet: "other", url: "/documents/d/?chunk=2" },
];

function play(thread, ...frames) {
  return frames.reduce((now, frame) => received(now, frame).thread, thread);
}

function askedThread() {
  return asked(threadFrom(null), { clientId: "u-1", text: "Why?", collections: ["k"] }).thread;
}

const ACCEPTED = { type: "accepted", client_id: "u-1", conversation: "c", question: "q", answer: "a" };
const delta = (seq, text) => ({ type: "delta", answer: "a", seq, text });
const DONE = { type: "done", answer: "a", seq: 2, status: "complete", text: "Hello", citations: [{ n: 1, snippet: "quote" }], usage: { model: "m" } };

test("a question goes from waiting to streaming to complete", () => {
  let thread = askedThread();
  assert.equal(thread.turns[0].answer.status, "waiting");
  thread = play(thread, ACCEPTED);
  assert.equal(thread.conversation, "c");
  assert.equal(thread.turns[0].answer.status, "streaming");
  thread = play(thread, { type: "sources", answer: "a", sources: SOURCES }, delta(1, "Hel"), delta(2, "lo"), DONE);
  const [{ answer }] = thread.turns;
  assert.equal(answer.text, "Hello");
  assert.equal(answer.status, "complete");
  assert.equal(isRunning(thread.turns[0]), false);
});

test("deltas heard twice are added once", () => {
  const thread = play(askedThread(), ACCEPTED, delta(1, "a"), delta(2, "b"), delta(1, "a"), delta(2, "b"), delta(3, "c"));
  assert.equal(thread.turns[0].answer.text, "abc");
});

test("frames after the end change nothing", () => {
  const ended = play(askedThread(), ACCEPTED, delta(1, "Hel"), DONE);
  const result = received(ended, delta(3, "again"));
  assert.equal(result.turn, null);
  assert.equal(result.thread, ended);
  assert.equal(received(ended, DONE).turn, null);
});

test("frames of an answer this page does not show change nothing", () => {
  const thread = play(askedThread(), ACCEPTED);
  assert.equal(received(thread, { ...delta(1, "x"), answer: "other" }).turn, null);
  assert.equal(received(thread, { type: "unheard-of" }).turn, null);
});

test("the text of done is the truth", () => {
  const thread = play(askedThread(), ACCEPTED, delta(1, "Hel"), DONE);
  assert.equal(thread.turns[0].answer.text, "Hello");
});

test("a question not accepted yet is sent again under the same id", () => {
  const thread = askedThread();
  const [frame] = framesOnConnect(thread);
  assert.deepEqual(frame, { type: "ask", text: "Why?", conversation: null, collections: ["k"], client_id: "u-1" });
  assert.deepEqual(frame, askFrame(thread, thread.turns[0]));
});

test("a repeated accepted does not restart the answer", () => {
  const thread = play(askedThread(), ACCEPTED, delta(1, "a"));
  assert.equal(received(thread, ACCEPTED).turn, null);
});

test("a streaming answer is resumed after the last delta heard", () => {
  const thread = play(askedThread(), ACCEPTED, delta(1, "a"), delta(2, "b"));
  assert.deepEqual(framesOnConnect(thread), [{ type: "resume", answer: "a", after: 2 }]);
});

test("nothing is sent on connect when nothing is open", () => {
  assert.deepEqual(framesOnConnect(play(askedThread(), ACCEPTED, DONE)), []);
});

test("a stop that was not heard is repeated after the resume", () => {
  const { thread } = stopWanted(play(askedThread(), ACCEPTED));
  assert.deepEqual(framesOnConnect(thread).map((frame) => frame.type), ["resume", "stop"]);
});

test("a page loaded in mid-answer replays it from the start, without the half already stored", () => {
  const thread = threadFrom({
    id: "c",
    messages: [
      { id: "q", role: "user", text: "Why?", status: "complete" },
      { id: "a", role: "assistant", text: "Hal", status: "streaming", sources: [] },
    ],
  });
  assert.equal(thread.turns.length, 1);
  assert.deepEqual(framesOnConnect(thread), [{ type: "resume", answer: "a", after: 0 }]);
  assert.equal(play(thread, delta(1, "Hal"), delta(2, "f")).turns[0].answer.text, "Half");
});

test("an error of the answer ends it and keeps what had arrived", () => {
  const error = { type: "error", answer: "a", code: "provider_unavailable", detail: "Try again.", retryable: true };
  const { answer } = play(askedThread(), ACCEPTED, delta(1, "Half"), error).turns[0];
  assert.equal(answer.status, "failed");
  assert.equal(answer.text, "Half");
  assert.deepEqual(answer.error, { code: "provider_unavailable", detail: "Try again.", retryable: true });
});

test("an error without an answer belongs to the question that waits", () => {
  const thread = play(askedThread(), { type: "error", answer: null, code: "budget_exceeded", detail: "Used up.", retryable: false });
  assert.equal(thread.turns[0].answer.status, "failed");
  assert.deepEqual(framesOnConnect(thread), []);
});

test("a notice is kept once, even when a resume brings it again", () => {
  const notice = { type: "notice", answer: "a", code: "failover", detail: "Another model took over." };
  assert.equal(play(askedThread(), ACCEPTED, notice, notice).turns[0].answer.notices.length, 1);
});

test("checked citations mark and refine the offered sources", () => {
  const merged = withCitations(SOURCES, [{ n: 1, snippet: "quote" }, { n: 3, title: "B" }]);
  assert.deepEqual(merged.map(({ n, cited, snippet }) => [n, cited, snippet]), [[1, true, "quote"], [2, false, "other"], [3, true, undefined]]);
});

test("when the server listens no more, what waits fails with its reason and words that came stay", () => {
  const { thread } = asked(threadFrom(null), { clientId: "c1", text: "Why?" });
  const [waiting] = cutOff(thread, "Suspended.").turns;
  assert.deepEqual([waiting.answer.status, waiting.answer.error.detail, waiting.answer.error.retryable], ["failed", "Suspended.", false]);
  let running = received(thread, { type: "accepted", client_id: "c1", conversation: "k", question: "q", answer: "a" }).thread;
  running = received(running, { type: "delta", answer: "a", seq: 1, text: "Because" }).thread;
  const [cut] = cutOff(running, "Suspended.").turns;
  assert.deepEqual([cut.answer.status, cut.answer.text], ["interrupted", "Because"]);
  const over = threadFrom({ id: "k", messages: [{ id: "q", role: "user", text: "?" }, { id: "a", role: "assistant", text: "!", status: "complete" }] });
  assert.deepEqual(cutOff(over, "Suspended."), over);
});
