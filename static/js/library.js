// The documents the page knows, page by page as the API gives them. Pure: no DOM, no network.

const BUSY = new Set(["queued", "reading", "chunking", "embedding", "deleting"]);

export function isBusy(doc) {
  return BUSY.has(doc.state);
}

export function emptyLibrary(firstUrl) {
  return { docs: new Map(), pages: [{ url: firstUrl, ids: [] }], next: null };
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
  return { docs, pages, next: isLast ? next : library.next };
}

function goneFrom(library, index, ids) {
  const before = index < 0 ? [] : library.pages[index].ids;
  const still = new Set(ids);
  return new Set(before.filter((id) => !still.has(id) && library.docs.get(id)?.state === "deleting"));
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
    .filter((page, index) => index === 0 || page.ids.some((id) => library.docs.has(id) && isBusy(library.docs.get(id))))
    .map((page) => page.url);
}

/** Newest first. ISO times in one zone sort as text; ids settle a tie so that rows never swap places. */
export function inOrder(library) {
  return [...library.docs.values()].sort((a, b) => compare(b.created_at, a.created_at) || compare(b.id, a.id));
}

function compare(a, b) {
  return a < b ? -1 : Number(a > b);
}

export function anyBusy(library) {
  return [...library.docs.values()].some(isBusy);
}

/** What changed between two looks that a person would want to be told. */
export function newsBetween(before, after) {
  const news = [];
  for (const [id, doc] of after.docs) {
    const was = before.docs.get(id)?.state;
    if (was && was !== doc.state && doc.state === "ready") news.push(`${doc.title} is ready.`);
    if (was && was !== doc.state && doc.state === "failed") news.push(`${doc.title} could not be read.`);
  }
  return news;
}
