// How each frame of the server, and each wish of the person, changes the thread. Pure: no DOM, no socket, no clock.
import { emptyAnswer, isRunning } from "./thread.js";

export { isRunning, threadFrom } from "./thread.js";

/** A question the person has just sent. It waits until the server accepts it. */
export function asked(thread, { clientId, text, collections }) {
  const question = { id: null, text, siblings: [] };
  const turn = { key: clientId, clientId, collections, wish: null, question, answer: emptyAnswer() };
  return { thread: { ...thread, turns: [...thread.turns, turn] }, turn };
}

/** The question of `turn` in other words, beside the first one. What followed belongs to the branch that is left. */
export function edited(thread, turn, { clientId, text }) {
  const question = { id: null, text, siblings: turn.question.siblings };
  const wish = { type: "edit", message: turn.question.id, text };
  return branched(thread, turn, { key: clientId, clientId, wish, question, answer: emptyAnswer() });
}

/** Another answer to the question of `turn`, beside the ones that are there. */
export function regenerated(thread, turn, clientId) {
  const wish = { type: "regenerate", message: turn.question.id };
  const answer = emptyAnswer({ siblings: turn.answer?.siblings ?? [] });
  return branched(thread, turn, { ...turn, clientId, wish, stopping: false, answer });
}

function branched(thread, turn, next) {
  const index = thread.turns.indexOf(turn);
  const branch = { ...next, left: thread.turns.slice(index) };
  return { thread: { ...thread, turns: [...thread.turns.slice(0, index), branch] }, turn: branch };
}

export function stopWanted(thread) {
  const turn = thread.turns.findLast(isRunning);
  return turn ? changed(thread, turn, { stopping: true }) : { thread, turn: null };
}

/** What a fresh connection has to be told: questions not accepted yet, answers still being written, stops not yet heard. */
export function framesOnConnect(thread) {
  return thread.turns.filter(isRunning).flatMap((turn) => {
    if (!turn.answer.id) return [askFrame(thread, turn)];
    const resume = { type: "resume", answer: turn.answer.id, after: turn.answer.seq };
    return turn.stopping ? [resume, { type: "stop", answer: turn.answer.id }] : [resume];
  });
}

/** The same client_id each time: the server recognises a repeat and never asks twice. */
export function askFrame(thread, turn) {
  if (turn.wish) return { ...turn.wish, client_id: turn.clientId };
  return {
    type: "ask",
    text: turn.question.text,
    conversation: thread.conversation,
    collections: turn.collections ?? null,
    client_id: turn.clientId,
  };
}

/** Applies a frame. Returns the thread and the turn that changed, null when the frame means nothing to us. */
export function received(thread, frame) {
  const handler = HANDLERS[frame.type];
  return handler ? handler(thread, frame) : { thread, turn: null };
}

const HANDLERS = {
  accepted(thread, frame) {
    const turn = frame.client_id && thread.turns.find((item) => item.clientId === frame.client_id);
    if (!turn || turn.answer.id) return { thread, turn: null };
    const known = { ...thread, conversation: frame.conversation };
    const question = { ...turn.question, id: frame.question, siblings: joined(turn.question.siblings, frame.question) };
    const answer = { id: frame.answer, status: "streaming", siblings: joined(turn.answer.siblings, frame.answer) };
    return changed(known, turn, { question, left: null }, answer);
  },

  sources(thread, frame) {
    return onRunning(thread, frame, () => ({ sources: frame.sources }));
  },

  delta(thread, frame) {
    return onRunning(thread, frame, (answer) =>
      frame.seq > answer.seq ? { text: answer.text + frame.text, seq: frame.seq } : null,
    );
  },

  notice(thread, frame) {
    return onRunning(thread, frame, (answer) => {
      const again = answer.notices.some((notice) => notice.code === frame.code && notice.detail === frame.detail);
      return again ? null : { notices: [...answer.notices, { code: frame.code, detail: frame.detail }] };
    });
  },

  done(thread, frame) {
    return onRunning(thread, frame, (answer) => ({
      status: frame.status,
      text: frame.text ?? answer.text,
      seq: frame.seq ?? answer.seq,
      sources: withCitations(answer.sources, frame.citations ?? []),
      usage: frame.usage ?? null,
    }));
  },

  error(thread, frame) {
    const failed = { status: "failed", error: { code: frame.code, detail: frame.detail, retryable: frame.retryable } };
    if (frame.answer) return onRunning(thread, frame, () => failed);
    // Without an answer's id it speaks of the question that was not accepted: there is at most one.
    const turn = thread.turns.findLast((item) => item.answer?.status === "waiting");
    if (!turn) return { thread, turn: null };
    return turn.left ? takenBack(thread, turn, frame.detail) : changed(thread, turn, {}, failed);
  },
};

/** The server listens no more: what waits for it has an end here, and whose words came keeps them. */
export function cutOff(thread, why) {
  const ended = ({ answer }) =>
    answer.id ? { status: "interrupted" } : { status: "failed", error: { code: "cut_off", detail: why, retryable: false } };
  const turns = thread.turns.map((turn) => (isRunning(turn) ? { ...turn, answer: { ...turn.answer, ...ended(turn) } } : turn));
  return { ...thread, turns };
}

/** A branch that the server refused to begin: what stood there is shown again, and why. */
function takenBack(thread, turn, problem) {
  const kept = thread.turns.slice(0, thread.turns.indexOf(turn));
  return { thread: { ...thread, turns: [...kept, ...turn.left] }, turn: null, problem };
}

function joined(ids, id) {
  return ids.includes(id) ? ids : [...ids, id];
}

function onRunning(thread, frame, change) {
  const turn = thread.turns.findLast((item) => item.answer?.id === frame.answer);
  const fields = isRunning(turn) ? change(turn.answer) : null;
  return fields ? changed(thread, turn, {}, fields) : { thread, turn: null };
}

function changed(thread, turn, fields, answerFields = null) {
  const next = { ...turn, ...fields };
  if (answerFields) next.answer = { ...turn.answer, ...answerFields };
  const turns = thread.turns.map((item) => (item === turn ? next : item));
  return { thread: { ...thread, turns }, turn: next };
}

/** The checked citations say more than the offered sources: the quote that was found. They win, number by number. */
export function withCitations(sources, citations) {
  const checked = new Map(citations.map((citation) => [citation.n, citation]));
  const merged = sources.map((source) => ({ ...source, ...checked.get(source.n), cited: checked.has(source.n) }));
  const offered = new Set(sources.map((source) => source.n));
  const extra = citations.filter((citation) => !offered.has(citation.n)).map((citation) => ({ ...citation, cited: true }));
  return [...merged, ...extra].sort((a, b) => a.n - b.n);
}

/** What the person or the REST API says of an answer that is over: feedback, suggestions, a reported gap. */
export function answerChanged(thread, answerId, fields) {
  const turn = thread.turns.find((item) => item.answer?.id === answerId);
  return turn ? changed(thread, turn, {}, fields) : { thread, turn: null };
}
