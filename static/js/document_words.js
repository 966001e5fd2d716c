// What the pages say about documents. Pure.
import { plural } from "./format.js";

const WORK = { queued: "Queued", reading: "Reading", chunking: "Cutting into passages", embedding: "Indexing", deleting: "Deleting" };

const KINDS = [
  [/wordprocessing|msword/, "doc"], [/spreadsheet|excel/, "xls"], [/presentation|powerpoint/, "ppt"], [/pdf/, "pdf"],
  [/markdown/, "md"], [/html/, "html"], [/csv/, "csv"], [/rfc822/, "eml"],
];

export function kindOf({ title = "", file_name: fileName = "", media_type: mediaType = "", source_url: sourceUrl = "" }) {
  if (sourceUrl) return "web";
  const extension = /\.([a-z0-9]{1,4})$/i.exec(fileName || title)?.[1];
  return extension?.toLowerCase() ?? KINDS.find(([pattern]) => pattern.test(mediaType))?.[1] ?? "txt";
}

export const number = (value) => value.toLocaleString("en-GB");

/** "Indexing 12 of 48 passages": what is being done, and how far it is when that is known. */
export function workSentence({ state, progress, place_in_line: place }) {
  if (state === "queued") return queueSentence(place);
  if (state === "deleting" || !progress?.total) return WORK[state];
  const counted = `${number(progress.done)} of ${number(progress.total)}`;
  if (state === "reading") return `Reading ${counted} pages`;
  // Only a collection with contextual sentences counts while it is here.
  if (state === "chunking") return `Writing a sentence for each passage, ${counted}`;
  return `Indexing ${counted} passages`;
}

function queueSentence(place) {
  if (!place) return "Queued";
  return place === 1 ? "Queued, next in line" : `Queued, number ${number(place)} in line`;
}

export function workLabel({ state }) {
  return WORK[state];
}

/** Which version answers, and what the newest is up to. Empty for a document that only ever had one. */
export function versionSentence({ state, version, newest_version: newest, failure }) {
  if (!version) return "";
  if (newest === version) return version > 1 ? `Version ${version}` : "";
  const now = `Version ${version} answers`;
  if (state === "failed") return `${now}; version ${newest} ${failure?.code === "cancelled" ? "was stopped" : "could not be read"}`;
  if (state === "ready" || state === "deleting") return `Version ${version}`;
  return newest > version ? `Version ${version}, newer one is being read` : `${now}; version ${newest} is being restored`;
}

const PART_WORDS = [["ready", "ready"], ["failed", "failed"], ["working", "being read"], ["deleting", "being deleted"]];

/** "12 files inside: 10 ready, 1 failed, 1 being read". A web site has pages inside. */
export function partsSentence({ parts, parts_by_state: states = {}, source_url: sourceUrl }) {
  const working = ["queued", "reading", "chunking", "embedding"].reduce((sum, state) => sum + (states[state] ?? 0), 0);
  const counts = { ...states, working };
  const known = PART_WORDS.filter(([state]) => counts[state]);
  const total = known.reduce((sum, [state]) => sum + counts[state], 0) || parts;
  if (!total) return "";
  const head = sourceUrl ? plural(total, "page") : plural(total, "file");
  const tail = known.length === 1 && known[0][0] === "ready" ? "all ready" : known.map(([state, words]) => `${number(counts[state])} ${words}`).join(", ");
  return tail ? `${head} inside: ${tail}` : `${head} inside`;
}

export function hasBusyParts({ parts_by_state: states = {} }) {
  return ["queued", "reading", "chunking", "embedding", "deleting"].some((state) => states[state]);
}

/** How one version stands: {words, tone}. */
export function versionState(version, doc) {
  if (version.is_current) return { words: "Answers now", tone: "good" };
  if (version.number === doc.newest_version && doc.state === "failed") return { words: "Could not be read", tone: "bad" };
  if (version.number === doc.newest_version && doc.state !== "ready") return { words: doc.state === "queued" ? "Queued" : "Being read", tone: "" };
  return version.ready_at ? { words: "Kept", tone: "quiet" } : { words: "Never finished", tone: "quiet" };
}

/** Only what was complete once can answer again, and only one thing happens to a document at a time. */
export function mayRestore(version, doc) {
  return Boolean(version.ready_at) && !version.is_current && (doc.state === "ready" || doc.state === "failed");
}

const OUTCOMES = {
  ready: ["Ready", "good"],
  failed: ["Failed", "bad"],
  cancelled: ["Stopped", "quiet"],
  interrupted: ["Interrupted, went on by itself", "warn"],
  put_back: ["Waited for the AI provider", "warn"],
  unchanged: ["Fetched, nothing has changed", "quiet"],
  yielded: ["Let others pass", "quiet"],
};

export function outcome({ outcome: name }) {
  const [words, tone] = OUTCOMES[name] ?? [name, "quiet"];
  return { words, tone };
}

const STAGES = { fetching: "Fetching", reading: "Reading", chunking: "Cutting", context: "Writing sentences", embedding: "Indexing" };

/** "Reading 1.2 s, Indexing 40 ms", in the order of the work. */
export function stageTimes(stages = {}) {
  const known = Object.keys(STAGES);
  const order = (name) => (known.includes(name) ? known.indexOf(name) : known.length);
  return Object.entries(stages)
    .sort(([a], [b]) => order(a) - order(b))
    .map(([name, spent]) => `${STAGES[name] ?? name} ${seconds(spent)}`);
}

export function seconds(value) {
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 60) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}

/** An estimate in pounds, as an amount in a sentence. An unknown price is not an amount: ask `isPriced` first. */
export function price(cost) {
  const value = Number(cost);
  if (value === 0) return "nothing";
  return value < 0.01 ? "less than £0.01" : `about £${value.toFixed(2)}`;
}

export const isPriced = (cost) => cost !== null && cost !== undefined;

export function quotaSentence(collections, limit) {
  const count = collections.reduce((sum, one) => sum + one.document_count, 0);
  return limit ? `${number(count)} of ${plural(limit, "document")}` : plural(count, "document");
}

export function tagsOf(text) {
  return [...new Set(text.split(",").map((tag) => tag.trim().replace(/\s+/g, " ")).filter(Boolean))];
}
