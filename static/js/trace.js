// What a search did, as data for the page: where each passage stood in every stage, and what became of it. Pure.

const LABELS = {
  embed: "Embedding the query", dense: "Meaning", keywords: "Keywords", fuse: "Both joined", read: "Reading the texts",
  rerank: "Reranked", fold: "Doubles folded", merge: "Neighbours merged", trim: "Cut to size",
};
const COLUMNS = ["dense", "keywords", "fuse", "rerank"]; // of the table of ways; the others only take away

export const stageLabel = (name) => LABELS[name] ?? name.charAt(0).toUpperCase() + name.slice(1);

/** Stages that saw candidates, in order: what there is to show of them. */
export function stagesWithCandidates(trace) {
  return trace.stages.filter((stage) => stage.candidates.length > 0);
}

export function columnsOf(trace) {
  return stagesWithCandidates(trace).filter((stage) => COLUMNS.includes(stage.name));
}

/**
 * One entry for each chunk that any stage saw: {…candidate, ranks: {stage: rank}, scores, fate}. The kept ones come first.
 * `results` are the passages of the search: a chunk may live on in one, merged with its neighbours.
 */
export function journeys(trace, results) {
  const stages = stagesWithCandidates(trace);
  const ways = new Map();
  for (const [at, stage] of stages.entries()) {
    for (const candidate of stage.candidates) {
      const before = ways.get(candidate.chunk) ?? { ranks: {}, scores: {} };
      const ranks = { ...before.ranks, [stage.name]: candidate.rank };
      ways.set(candidate.chunk, { ...before, ...candidate, at, ranks, scores: { ...before.scores, ...candidate.scores } });
    }
  }
  const ended = [...ways.values()].sort((a, b) => b.at - a.at || a.rank - b.rank);
  for (const way of ended) way.fate = fateOf(way, stages, results);
  return ended.sort((a, b) => placeOf(a) - placeOf(b));
}

const placeOf = ({ fate }) => (fate.kind === "kept" ? fate.place : fate.kind === "merged" ? fate.place + 0.5 : Infinity);

/** kind is kept, merged, folded, out, gone or below. */
function fateOf(way, stages, results) {
  if (way.note === "gone") return { kind: "gone", words: "Gone: the index still had it" };
  if (way.note.startsWith("folded")) return { kind: "folded", words: `Says the same as another: ${way.note}` };
  if (way.note === "left out") return { kind: "out", words: "Left out: the result was full" };
  const place = results.findIndex((passage) => holds(passage, way)) + 1;
  if (place && way.at === stages.length - 1) return { kind: "kept", place, words: `Passage ${place} of the result` };
  if (place) return { kind: "merged", place, words: `Part of passage ${place}` };
  const next = stages[way.at + 1];
  return { kind: "below", words: next ? `Below what “${stageLabel(next.name)}” takes` : "Left out" };
}

function holds({ document, version, position, last_position: last }, way) {
  return document === way.document && version === way.version && position <= way.position && way.position <= (last ?? position);
}

/** Parts of the whole time, for a bar: [{name, label, milliseconds, from, share}]; shares are 0 to 1. */
export function timesOf(trace) {
  const measured = trace.stages.filter((stage) => stage.milliseconds !== null);
  const whole = Math.max(trace.milliseconds, measured.reduce((sum, stage) => sum + stage.milliseconds, 0)) || 1;
  let from = 0;
  return measured.map(({ name, milliseconds, detail }) => {
    const part = { name, label: stageLabel(name), detail, milliseconds, from, share: milliseconds / whole };
    from += part.share;
    return part;
  });
}

export function milliseconds(value) {
  if (value < 0.1) return "under 0.1 ms";
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value).toLocaleString("en-GB")} ms`;
}

const SMALL_WORDS = new Set(
  "a an and are as at be by do for from has have how i in is it may me my of on or that the this to was we what when where which who will with you your".split(" "),
);

/** The query's words that are worth a mark. */
export function queryWords(query) {
  const words = query.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return [...new Set(words.filter((word) => !SMALL_WORDS.has(word)))];
}

/** The text in pieces, {text, hit}: a word is hit when it is one of the query's, or one grew out of the other. */
export function marked(text, words) {
  const pieces = [];
  for (const piece of text.match(/[\p{L}\p{N}]+|[^\p{L}\p{N}]+/gu) ?? []) {
    const hit = words.some((word) => alike(piece.toLowerCase(), word));
    const before = pieces.at(-1);
    if (before && before.hit === hit) before.text += piece;
    else pieces.push({ text: piece, hit });
  }
  return pieces;
}

// "holiday" and "holidays", "employ" and "employment": good enough for a mark, and honest about being one.
function alike(one, other) {
  if (one === other) return true;
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  return short.length >= 4 && long.startsWith(short) && long.length - short.length <= 4;
}

/** A passage as a glance takes it in: rows of a table become lines of cells, the rule under its header goes. */
export function readable(text) {
  return text
    .split("\n")
    .filter((line) => !/^\s*\|?\s*:?-{3,}:?\s*(\|\s*:?-{3,}:?\s*)*\|?\s*$/.test(line))
    .map((line) => (/^\s*\|.*\|\s*$/.test(line) ? line.trim().slice(1, -1).split("|").map((cell) => cell.trim()).filter(Boolean).join(" · ") : line))
    .join("\n");
}

/** As much of a passage as makes a good quote: whole words, about a sentence or two. */
export function quoteOf(text, longest = 240) {
  const plain = text.replace(/\s+/g, " ").trim();
  if (plain.length <= longest) return plain;
  const cut = plain.slice(0, longest + 1);
  const end = cut.lastIndexOf(". ");
  return end > longest / 3 ? cut.slice(0, end + 1) : cut.slice(0, cut.lastIndexOf(" ") > 0 ? cut.lastIndexOf(" ") : longest);
}

/** The body of a search request out of what the form says. */
export function searchBody({ query, collections, tags, since, until, limit, rerank }) {
  const body = { query: query.trim(), limit: Math.min(50, Math.max(1, Math.round(Number(limit)) || 10)) };
  if (collections.length) body.collections = collections;
  const wanted = tags.split(",").map((tag) => tag.trim()).filter(Boolean);
  if (wanted.length) body.tags = wanted;
  if (since) body.since = since;
  if (until) body.until = until;
  if (rerank) body.rerank = rerank === "true";
  return body;
}

export function filterCount(body) {
  return ["collections", "tags", "since", "until"].filter((name) => name in body).length + ("rerank" in body ? 1 : 0);
}

export function pageOf({ page, last_page: last, place }) {
  if (page && last && last !== page) return `pages ${page}–${last}`;
  return page ? `page ${page}` : (place ?? "");
}
