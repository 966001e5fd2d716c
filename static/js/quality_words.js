// What the quality pages say. Pure.
import { plural } from "./format.js";

export function runSentence({ state, progress, failure }) {
  if (state === "queued") return "Waiting for a worker";
  if (state === "running") return progress.done ? `Asked ${progress.done.toLocaleString("en-GB")} of ${plural(progress.total, "question")}` : `Asking ${plural(progress.total, "question")}`;
  if (state === "failed") return failure?.detail ?? "The measurement failed.";
  return `Measured with ${plural(progress.total, "question")}.`;
}

/** "12 added, 3 changed, 1 as before. 2 lines could not be used:" */
export function importSummary({ added, updated, unchanged, problems }) {
  const parts = [added && `${added} added`, updated && `${updated} changed`, unchanged && `${unchanged} as before`].filter(Boolean);
  const kept = parts.length ? `${parts.join(", ")}.` : "Nothing was added.";
  return problems.length ? `${kept} ${plural(problems.length, "line")} could not be used:` : kept;
}

export function startersPlace({ at, passages, saved }) {
  const place = `Passage ${at + 1} of ${passages.length}`;
  return saved ? `${place}, ${saved} saved` : place;
}
