// The conversation as the server stores it: messages paired into turns, branches, earlier pages. Pure.

const RUNNING = new Set(["waiting", "streaming"]);

export function isRunning(turn) {
  return Boolean(turn?.answer && RUNNING.has(turn.answer.status));
}

export function emptyAnswer(fields) {
  return {
    id: null, status: "waiting", text: "", seq: 0, siblings: [], sources: [], notices: [], suggestions: [],
    usage: null, error: null, feedback: null, gapReported: false, ...fields,
  };
}

/** The thread as the server told it: stored messages, paired into turns. `hasEarlier`: the branch begins above them. */
export function threadFrom(conversation) {
  return {
    conversation: conversation?.id ?? null,
    hasEarlier: conversation?.has_earlier ?? false,
    turns: turnsFrom(conversation?.messages ?? []),
  };
}

export function turnsFrom(messages) {
  const turns = [];
  for (const message of messages) {
    const last = turns.at(-1);
    if (message.role === "user") turns.push(storedTurn(message));
    else if (last && !last.answer) last.answer = storedAnswer(message);
    else turns.push({ key: message.id, clientId: null, wish: null, question: null, answer: storedAnswer(message) });
  }
  return turns;
}

function storedTurn(message) {
  const question = { id: message.id, text: message.text, siblings: message.siblings ?? [] };
  return { key: message.id, clientId: null, wish: null, question, answer: null };
}

function storedAnswer(message) {
  const streaming = message.status === "streaming";
  return emptyAnswer({
    id: message.id,
    status: message.status,
    text: streaming ? "" : message.text, // the stream is replayed from its start, so nothing can stand twice
    siblings: message.siblings ?? [],
    sources: message.sources ?? [],
    notices: streaming ? [] : (message.notices ?? []),
    suggestions: message.suggestions ?? [],
    usage: message.usage ?? null,
    error: message.error ?? null,
    feedback: message.feedback ?? null,
    gapReported: message.gap_reported ?? false,
  });
}

/** What a page of older messages adds above. Messages that are there already are left out. */
export function withEarlier(thread, messages, hasEarlier) {
  const known = new Set(thread.turns.flatMap((turn) => [turn.question?.id, turn.answer?.id]));
  const earlier = turnsFrom(messages.filter((message) => !known.has(message.id)));
  return { ...thread, turns: [...earlier, ...thread.turns], hasEarlier: hasEarlier && earlier.length > 0 };
}

/** The oldest message the page has, for `?before=`. */
export function oldestMessage(thread) {
  const first = thread.turns[0];
  return first?.question?.id ?? first?.answer?.id ?? null;
}

/** Where a message stands among its siblings: {index, count, previous, next}; null when it is the only one. */
export function place(message) {
  const ids = message?.siblings ?? [];
  const index = ids.indexOf(message?.id);
  if (ids.length < 2 || index < 0) return null;
  return { index, count: ids.length, previous: ids[index - 1] ?? null, next: ids[index + 1] ?? null };
}

/** The turn that shows a message, be it the question or the answer. */
export function turnOf(thread, messageId) {
  return thread.turns.find((turn) => turn.question?.id === messageId || turn.answer?.id === messageId) ?? null;
}
