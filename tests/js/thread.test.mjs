import assert from "node:assert/strict";
import { test } from "node:test";
import { answerChanged, asked, askFrame, edited, framesOnConnect, received, regenerated } from "../../static/js/frames.js";
import { isRunning, oldestMessage, place, threadFrom, turnOf, withEarlier } from "../../static/js/thread.js";

const question = (id, siblings = [id]) => ({ id, role: "user", text: `${id}?`, status: "complete", siblings });
const answer = (id, more = {}) => ({ id, role: "assistant", text: `${id}.`, status: "complete", siblings: [id], ...more });

function stored() {
  return threadFrom({ id: "c", has_earlier: true, messages: [question("q1"), answer("a1"), question("q2"), answer("a2")] });
}

const accepted = (clientId, questionId, answerId) => ({ type: "accepted", client_id: clientId, conversation: "c", question: questionId, answer: answerId });

test("another answer takes the place of the first, and the turns below go", () => {
  const first = stored();
  const { thread, turn } = regenerated(first, first.turns[0], "u");
  assert.equal(thread.turns.length, 1);
  assert.deepEqual(askFrame(thread, turn), { type: "regenerate", message: "q1", client_id: "u" });
  assert.deepEqual(framesOnConnect(thread), [{ type: "regenerate", message: "q1", client_id: "u" }]);
  const now = received(thread, accepted("u", "q1", "a9"));
  assert.equal(now.turn.key, "q1");
  assert.deepEqual(place(now.turn.answer), { index: 1, count: 2, previous: "a1", next: null });
  assert.deepEqual(framesOnConnect(now.thread), [{ type: "resume", answer: "a9", after: 0 }]);
});

test("a question in other words stands beside the first one", () => {
  const first = stored();
  const { thread, turn } = edited(first, first.turns[1], { clientId: "u", text: "Else?" });
  assert.deepEqual(thread.turns.map((item) => item.question.text), ["q1?", "Else?"]);
  assert.deepEqual(askFrame(thread, turn), { type: "edit", message: "q2", text: "Else?", client_id: "u" });
  const now = received(thread, accepted("u", "q9", "a9"));
  assert.deepEqual(place(now.turn.question), { index: 1, count: 2, previous: "q2", next: null });
  assert.equal(place(now.turn.answer), null);
});

test("a branch that is refused gives back what stood there", () => {
  const first = stored();
  const { thread } = edited(first, first.turns[0], { clientId: "u", text: "Else?" });
  const result = received(thread, { type: "error", answer: null, code: "question_too_long", detail: "Shorter, please.", retryable: false });
  assert.equal(result.problem, "Shorter, please.");
  assert.deepEqual(result.thread.turns, first.turns);
});

test("once accepted, a failure belongs to the new branch", () => {
  const first = stored();
  const { thread } = regenerated(first, first.turns[1], "u");
  const now = received(received(thread, accepted("u", "q2", "a9")).thread, { type: "error", answer: "a9", code: "x", detail: "No.", retryable: true });
  assert.equal(now.turn.answer.status, "failed");
  assert.equal(now.thread.turns.length, 2);
});

test("an accepted of somebody else's client id changes nothing", () => {
  const { thread } = asked(stored(), { clientId: "u", text: "New?", collections: null });
  assert.equal(received(thread, accepted(null, "q3", "a3")).turn, null);
  assert.equal(received(thread, accepted("other", "q3", "a3")).turn, null);
});

test("an edited first question of a conversation keeps its conversation", () => {
  const first = stored();
  const { thread } = edited(first, first.turns[0], { clientId: "u", text: "Else?" });
  assert.equal(thread.conversation, "c");
  assert.equal(thread.hasEarlier, true);
});

test("earlier messages stand above, none of them twice", () => {
  const thread = stored();
  assert.equal(oldestMessage(thread), "q1");
  const more = withEarlier(thread, [question("q0"), answer("a0"), question("q1"), answer("a1")], false);
  assert.deepEqual(more.turns.map((turn) => turn.question.id), ["q0", "q1", "q2"]);
  assert.equal(more.hasEarlier, false);
  assert.equal(withEarlier(thread, [], true).hasEarlier, false); // nothing came: asking again would go round in circles
});

test("notices, feedback and suggestions come back with a stored answer", () => {
  const notice = { code: "failover", detail: "Another model took over." };
  const thread = threadFrom({ id: "c", messages: [question("q"), answer("a", { notices: [notice], suggestions: ["And then?"], feedback: { rating: 1 } })] });
  const [turn] = thread.turns;
  assert.deepEqual(turn.answer.notices, [notice]);
  assert.deepEqual(turn.answer.suggestions, ["And then?"]);
  assert.equal(turn.answer.feedback.rating, 1);
  assert.equal(isRunning(turn), false);
});

test("the replay of a running answer brings its notices itself", () => {
  const notice = { code: "failover", detail: "Another model took over." };
  const thread = threadFrom({ id: "c", messages: [question("q"), answer("a", { status: "streaming", notices: [notice] })] });
  assert.deepEqual(thread.turns[0].answer.notices, []);
  assert.equal(received(thread, { type: "notice", answer: "a", ...notice }).turn.answer.notices.length, 1);
});

test("what is said about an answer finds it wherever it stands", () => {
  const { thread, turn } = answerChanged(stored(), "a1", { feedback: { rating: -1 } });
  assert.equal(turn, thread.turns[0]);
  assert.equal(turnOf(thread, "a1").answer.feedback.rating, -1);
  assert.equal(answerChanged(thread, "gone", {}).turn, null);
});

test("a message alone in its place has no arrows", () => {
  assert.equal(place({ id: "a", siblings: ["a"] }), null);
  assert.equal(place({ id: null, siblings: ["a"] }), null);
  assert.deepEqual(place({ id: "b", siblings: ["a", "b", "c"] }), { index: 1, count: 3, previous: "a", next: "c" });
});
