// The documents the page knows, page by page as the API gives them. Pure: no DOM, no network.
import { hasBusyParts } from "./document_words.js";

const BUSY = new Set(["queued", "reading", "chunking", "embedding", "deleting"]);

export function isBusy(doc) {
  return BUSY.has(doc.state);
}

/** `isNarrowed`: documents leave the list by themselves when they stop fitting what it is narrowed to. */
export function emptyLibrary(firstUrl, { isNarrowed = false } = {}) {
  return { docs: new Map(), pages: [{ url: firstUrl, ids: [] }], next: null, isNarrowed };
}

/** Where a list is asked for. With words or a state, files inside archives count as well; without, archives stand for them. */
export function listUrl(documentsUrl, { collection = "", q = "", state = "" }) {
  const query = new URLSearchParams();
  if (collection) query.set("collection", collection);
  if (q) query.set("q", q);
  if (state) query.set("state", state);
  if (!q && !state) query.set("parent", "none");
  return `${documentsUrl}?${query}`;
}

/** Takes in one answer of the list. Documents being deleted that their page no longer lists are gone. */
export function withPage(library, url, { results, next }) {
  const index = library.pages.findIndex((page) => page.url === url);
  const page = { url, ids: results.map((doc) => doc.id) };
  const gone = goneFrom(library, index, page.ids);
  const docs = new Map([...library.docs].filter(([id]) => !gone.has(id)));
  for (const doc of results) docs.set(doc.id, doc);
  const pages = index < 0 ? [...library.pages, page] : library.pages.with(index, page);
  const isLast = index < 0 || index === library.pages.length - 1;
  return { ...library, docs, pages, next: isLast ? next : library.next };
}

function goneFrom(library, index, ids) {
  const before = index < 0 ? [] : library.pages[index].ids;
  const still = new Set(ids);
  return new Set(before.filter((id) => !still.has(id) && (library.isNarrowed || library.docs.get(id)?.state === "deleting")));
}

/** A document we learnt of from an answer to our own request: uploaded, retried, or being deleted. */
export function withDocument(library, doc) {
  const docs = new Map(library.docs).set(doc.id, doc);
  const isNew = !library.docs.has(doc.id);
  const [first, ...rest] = library.pages;
  const pages = isNew ? [{ ...first, ids: [doc.id, ...first.ids] }, ...rest] : library.pages;
  return { ...library, docs, pages };
}

/** Pages worth asking for again: the first, where new ones appear, and each with something going on. */
export function pagesToRefresh(library) {
  return library.pages
    .filter((page, index) => index === 0 || library.isNarrowed || page.ids.some((id) => library.docs.has(id) && isActive(library.docs.get(id))))
    .map((page) => page.url);
}

function isActive(doc) {
  return isBusy(doc) || hasBusyParts(doc);
}

/** Newest first. ISO times in one zone sort as text; ids settle a tie so that rows never swap places. */
export function inOrder(library) {
  return [...library.docs.values()].sort((a, b) => compare(b.created_at, a.created_at) || compare(b.id, a.id));
}

/** Files inside an archive, as a person would look for them: note-2 before note-10. */
export function byTitle(library) {
  return [...library.docs.values()].sort((a, b) => a.title.localeCompare(b.title, "en", { numeric: true }) || compare(a.id, b.id));
}

function compare(a, b) {
  return a < b ? -1 : Number(a > b);
}

export function anyBusy(library) {
  return [...library.docs.values()].some(isActive);
}

/** Reads the same as long as no document came, went or changed its state: when it does not, the counts are old. */
export function fingerprint(library) {
  return [...library.docs.values()].map((doc) => `${doc.id}:${doc.state}:${JSON.stringify(doc.parts_by_state ?? {})}`).sort().join();
}

/** What changed between two looks that a person would want to be told. */
export function newsBetween(before, after) {
  const news = [];
  for (const [id, doc] of after.docs) {
    const was = before.docs.get(id)?.state;
    if (was && was !== doc.state && doc.state === "ready") news.push(`${doc.title} is ready.`);
    if (was && was !== doc.state && doc.state === "failed") news.push(doc.failure?.code === "cancelled" ? `${doc.title} was stopped.` : `${doc.title} could not be read.`);
  }
  return news;
}
