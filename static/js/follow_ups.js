// Questions that may follow, under the last answer.
import { el, icon } from "./dom.js";
import { answers } from "./conversations_api.js";
import { isRunning } from "./thread.js";

/** The answer whose suggestions belong at the end of the page; null while one is being written. */
export function lastAnswer(thread) {
  const turn = thread.turns.at(-1);
  return turn?.answer?.id && !isRunning(turn) ? turn.answer : null;
}

export function drawFollowUps(host, thread, onAsk) {
  const found = lastAnswer(thread)?.suggestions ?? [];
  host.hidden = found.length === 0;
  const button = (question) =>
    el("button", { type: "button", class: "suggestion", onclick: () => onAsk(question) }, el("span", {}, question), icon("ask"));
  host.replaceChildren(...found.map(button));
}

/** {suggestions, title} for a finished answer; null when there are none to be had. A comfort: it fails in silence. */
export async function fetchFollowUps(answer) {
  if (answer?.status !== "complete") return null;
  return answers.followUps(answer.id).catch(() => null);
}
