// What the page knows of a conversation, and how each frame of the server changes it. Pure: no DOM, no socket, no clock.

const RUNNING = new Set(["waiting", "streaming"]);

export function isRunning(turn) {
  return Boolean(turn?.answer && RUNNING.has(turn.answer.status));
}

function emptyAnswer(fields) {
  return { id: null, status: "waiting", text: "", seq: 0, sources: [], notices: [], usage: null, error: null, ...fields };
}

/** The thread as the server rendered it: stored messages, paired into turns. */
export function threadFrom(conversation) {
  const thread = { conversation: conversation?.id ?? null, turns: [] };
  for (const message of conversation?.messages ?? []) {
    const last = thread.turns.at(-1);
    if (message.role === "user") thread.turns.push(storedTurn(message));
    else if (last && !last.answer) last.answer = storedAnswer(message);
    else thread.turns.push({ key: message.id, clientId: null, question: null, answer: storedAnswer(message) });
  }
  return thread;
}

function storedTurn(message) {
  return { key: message.id, clientId: null, question: { id: message.id, text: message.text }, answer: null };
}

function storedAnswer(message) {
  const streaming = message.status === "streaming";
  return emptyAnswer({
    id: message.id,
    status: message.status,
    text: streaming ? "" : message.text, // the stream is replayed from its start, so nothing can stand twice
    sources: message.sources ?? [],
    usage: message.usage ?? null,
    error: message.error ?? null,
  });
}

/** A question the person has just sent. It waits until the server accepts it. */
export function asked(thread, { clientId, text, collections }) {
  const turn = { key: clientId, clientId, collections, question: { id: null, text }, answer: emptyAnswer() };
  return { thread: { ...thread, turns: [...thread.turns, turn] }, turn };
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
    const turn = thread.turns.find((item) => item.clientId === frame.client_id);
    if (!turn || turn.answer.id) return { thread, turn: null };
    const known = { ...thread, conversation: frame.conversation };
    const question = { ...turn.question, id: frame.question };
    return changed(known, turn, { question }, { id: frame.answer, status: "streaming" });
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
    return turn ? changed(thread, turn, {}, failed) : { thread, turn: null };
  },
};

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
