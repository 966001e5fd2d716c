// The documents page: what is stored, what is on its way, and what went wrong.
import { wireAdding } from "../adding.js";
import { wireCollectionSettings, wireNewCollection } from "../collection_dialogs.js";
import { DetailsDialog } from "../details_dialog.js";
import { confirmed } from "../dialogs.js";
import { documentRow, morePartsRow, uploadRow } from "../document_row.js";
import { number, quotaSentence } from "../document_words.js";
import { newId, pageData, setText } from "../dom.js";
import { request } from "../http.js";
import { anyBusy, byTitle, emptyLibrary, fingerprint, inOrder, isBusy, listUrl, newsBetween, pagesToRefresh, withDocument, withPage } from "../library.js";
import { RowList } from "../row_list.js";
import { fileProblem, sendFiles, UploadQueue } from "../upload.js";
import { wireWebDialog } from "../web_dialog.js";

const POLL_BUSY = 1000;
const POLL_IDLE = 15_000;
const TYPING = 250; // milliseconds after the last key
const SLOW = 600;
const PARTS_A_PAGE = 100;

const config = pageData("documents-config");
const documentsUrl = `${config.api}documents/`;
const part = (name) => document.querySelector(`[data-${name}]`);
const mayEdit = config.may_edit;

let filters = { collection: config.collection ?? "", q: "", state: "" };
let library = emptyLibrary(listUrl(documentsUrl, filters));
const opened = new Map(); // parent id -> the library of the files inside
const troubles = new Map(); // document id -> {problem, pending}
let uploads = [];
let loaded = false;
let failures = 0; // polls in a row that failed
let acted = 0; // grows with every answer to a click: what was asked for before it is old
let timer = 0;

const rows = new RowList(part("documents"));
const queue = new UploadQueue({ send: (uploads, onProgress) => sendFiles(documentsUrl, uploads, onProgress), onChange: uploadChanged });
const details = new DetailsDialog({ api: config.api, mayEdit, act: actFromDetails, onChanged: learnt });

// -- showing ---------------------------------------------------------------------------------------

const isNarrowed = () => Boolean(filters.q || filters.state);

function draw() {
  const pending = uploads.map((upload) => ({ key: upload.key, value: uploadFacts(upload), build: () => uploadRow(upload) }));
  const stored = inOrder(library).flatMap((doc) => [rowOf(doc), ...partRows(doc)]);
  rows.show([...pending, ...stored]);
  const isEmpty = loaded && !pending.length && !stored.length;
  part("documents").hidden = isEmpty || !loaded && !pending.length;
  part("empty").hidden = !isEmpty || isNarrowed();
  part("no-match").hidden = !isEmpty || !isNarrowed();
  part("filters").hidden = isEmpty && !isNarrowed() && filters.collection === (config.collection ?? "");
  part("more").hidden = !library.next;
  const shown = details.doc && known(details.doc.id);
  if (shown) details.show(shown);
}

function rowOf(doc, { isPart = false } = {}) {
  const value = {
    doc, mayEdit, isPart,
    ...troubles.get(doc.id),
    isOpen: opened.has(doc.id),
    showParent: !isPart,
    collection: filters.collection ? "" : nameOf(doc.collection),
  };
  return { key: doc.id, value, build: documentRow };
}

function partRows(doc) {
  const inside = opened.get(doc.id);
  if (!inside) return [];
  const files = byTitle(inside).map((file) => rowOf(file, { isPart: true }));
  const more = { key: `more-${doc.id}`, value: { parent: doc.id }, build: morePartsRow };
  return inside.next ? [...files, more] : files;
}

const nameOf = (id) => config.collections.find((one) => one.id === id)?.name ?? "";

// A File cannot be compared as JSON; these are the facts a row shows.
function uploadFacts({ state, sent, problem }) {
  return { state, percent: Math.round(sent * 100), problem };
}

function known(id) {
  for (const one of [library, ...opened.values()]) if (one.docs.has(id)) return one.docs.get(id);
  return null;
}

/** A document as an answer of the server has it, put where the page shows it. */
function learnt(doc) {
  acted += 1;
  for (const [parent, inside] of opened) if (inside.docs.has(doc.id) || doc.parent === parent) opened.set(parent, withDocument(inside, doc));
  if (library.docs.has(doc.id) || (!doc.parent && doc.collection === config.collection)) library = withDocument(library, doc);
  draw();
}

function showProblem(error) {
  part("list-error").hidden = !error;
  if (error) setText(part("list-error").querySelector("p"), error.message);
}

function announce(sentences) {
  if (sentences.length) part("announcer").textContent = sentences.join(" ");
}

// -- keeping up ------------------------------------------------------------------------------------

/** False when something was done meanwhile: then what came is older than what is shown. */
async function refresh() {
  const before = acted;
  const fresh = await renewed(library);
  const files = await Promise.all([...opened].map(async ([parent, inside]) => [parent, await renewed(inside)]));
  if (before !== acted) return false;
  const news = [...newsBetween(library, fresh), ...files.flatMap(([parent, inside]) => newsBetween(opened.get(parent), inside))];
  const isOther = !loaded || fingerprint(fresh) !== fingerprint(library);
  library = fresh;
  for (const [parent, inside] of files) if (opened.has(parent)) opened.set(parent, inside);
  loaded = true;
  part("documents").removeAttribute("aria-busy");
  part("loading").hidden = true;
  announce(news);
  draw();
  if (isOther) await refreshCounts();
  return true;
}

async function renewed(list) {
  let fresh = list;
  for (const url of pagesToRefresh(list)) fresh = withPage(fresh, url, await request("GET", url));
  return fresh;
}

async function refreshCounts() {
  const { results } = await request("GET", `${config.api}collections/?page_size=200`);
  config.collections = results;
  for (const { id, name, document_count: count } of results) {
    const link = document.querySelector(`[data-collection="${id}"]`);
    if (!link) continue;
    setText(link.querySelector("[data-name]"), name);
    setText(link.querySelector(".collections-count"), number(count));
  }
  setText(part("quota"), quotaSentence(results, config.document_limit));
}

async function poll() {
  clearTimeout(timer);
  let isFresh = true;
  try {
    isFresh = await refresh();
    failures = 0;
    showProblem(null);
  } catch (error) {
    failures += 1;
    pollFailed(error);
  }
  clearTimeout(timer); // another poll may have been started while this one waited
  const isWorking = anyBusy(library) || [...opened.values()].some(anyBusy) || !isFresh || failures > 0;
  if (document.visibilityState === "visible") timer = setTimeout(poll, isWorking ? POLL_BUSY * Math.min(1 + failures, 10) : POLL_IDLE);
}

function pollFailed(error) {
  part("loading").hidden = true;
  const isFinal = error.status === 401 || error.status === 403;
  if (!loaded || isFinal) showProblem(error);
  else if (failures > 1) showProblem({ message: `${error.message} What you see may be old; Vena goes on trying.` });
}

async function loadMore() {
  part("more").disabled = true;
  try {
    const url = library.next;
    library = withPage(library, url, await request("GET", url));
    draw();
  } catch (error) {
    showProblem(error);
  }
  part("more").disabled = false;
}

// -- narrowing -------------------------------------------------------------------------------------

function wireFilters() {
  const form = part("filters");
  const { q, state, where } = form.elements;
  let typing = 0;
  const apply = () => {
    filters = { collection: where?.value === "all" ? "" : (config.collection ?? ""), q: q.value.trim(), state: state.value };
    library = emptyLibrary(listUrl(documentsUrl, filters), { isNarrowed: isNarrowed() });
    opened.clear();
    acted += 1;
    loaded = false;
    part("documents").setAttribute("aria-busy", "true");
    poll().then(() => announce([library.docs.size ? `${number(library.docs.size)}${library.next ? " or more" : ""} shown.` : "No document matches."]));
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  q.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(apply, TYPING);
  });
  for (const select of [state, where].filter(Boolean)) select.addEventListener("change", apply);
  part("filters-clear").addEventListener("click", () => {
    form.reset();
    apply();
    q.focus();
  });
}

// -- adding ----------------------------------------------------------------------------------------

function addFiles(files) {
  for (const file of files) {
    const upload = { key: newId(), file, collection: config.collection, sent: 0 };
    uploads.push(upload);
    const problem = fileProblem(file, config);
    if (problem) queue.change(upload, { state: "failed", problem, mayRetry: false });
    else queue.add(upload);
  }
}

const CHANGES = {
  unchanged: "is here already, and nothing in it has changed.",
  version: "was added as a new version.",
  refetched: "is here already, and is fetched again.",
};

function uploadChanged(upload) {
  if (upload.state === "sent") {
    uploads = uploads.filter((item) => item !== upload);
    added(upload.document, upload.file.name);
  }
  draw();
}

function added(doc, name) {
  const sentence = `${name} ${CHANGES[doc.change] ?? "was added."}`;
  learnt(doc);
  announce([sentence]);
  setText(part("added"), ["unchanged", "refetched"].includes(doc.change) ? sentence : "");
  poll();
}

// -- what the buttons of a row do --------------------------------------------------------------------

const ACTIONS = {
  async delete(row) {
    const doc = known(row.dataset.id);
    const neighbour = row.nextElementSibling ?? row.previousElementSibling;
    let isMeant = false;
    setText(part("delete-name"), doc.title);
    isMeant = await confirmed(part("delete-dialog"), () => buttonOf(isMeant ? neighbour?.dataset.id : doc.id, isMeant ? "details" : "delete"));
    if (!isMeant) return;
    await asking(doc, "delete", () => request("DELETE", `${documentsUrl}${doc.id}/`), { ...doc, state: "deleting", failure: null });
    (buttonOf(neighbour?.dataset.id, "details") ?? part("documents")).focus();
  },
  retry: (row) => act("retry", known(row.dataset.id)),
  cancel: (row) => act("cancel", known(row.dataset.id)),
  details: (row) => details.open(known(row.dataset.id), () => buttonOf(row.dataset.id, "details")),
  async parts(row) {
    const { id } = row.dataset;
    if (opened.delete(id)) return;
    const url = `${documentsUrl}?parent=${id}&page_size=${PARTS_A_PAGE}`;
    opened.set(id, withPage(emptyLibrary(url), url, await request("GET", url)));
  },
  async moreParts(row) {
    const inside = opened.get(row.dataset.id);
    opened.set(row.dataset.id, withPage(inside, inside.next, await request("GET", inside.next)));
  },
  resend: (row) => queue.add(uploads.find((item) => item.key === row.dataset.upload)),
  dismiss(row) {
    uploads = uploads.filter((item) => item.key !== row.dataset.upload);
  },
};

function buttonOf(id, action) {
  return id ? document.querySelector(`.document-row[data-id="${id}"] [data-action="${action}"]`) : null;
}

function act(name, doc) {
  return asking(doc, name, () => request("POST", `${documentsUrl}${doc.id}/${name}/`));
}

/** While the server has not answered the row says so; when it refuses, the row stays as it was and says why. */
async function asking(doc, pending, ask, otherwise = doc) {
  troubles.set(doc.id, { pending });
  draw();
  try {
    const answer = await ask();
    troubles.delete(doc.id);
    learnt(answer?.id ? answer : otherwise);
  } catch (error) {
    troubles.set(doc.id, { problem: error.message });
    draw();
    throw error;
  }
}

async function actFromDetails(name, doc) {
  await act(name, doc).finally(() => troubles.delete(doc.id)); // the dialog says what went wrong
  poll();
}

async function rowClicked(event) {
  const button = event.target.closest("[data-action]");
  if (!button || button.getAttribute("aria-disabled") === "true") return;
  const row = button.closest(".document-row");
  const { id } = row.dataset;
  if (id && !["details", "parts"].includes(button.dataset.action)) troubles.delete(id);
  try {
    await ACTIONS[button.dataset.action](row);
  } catch (error) {
    if (id) troubles.set(id, { problem: error.message });
  }
  draw();
  const doc = id && known(id);
  if (doc && isBusy(doc)) poll();
}

// -- start -------------------------------------------------------------------------------------------

part("documents").addEventListener("click", rowClicked);
part("more").addEventListener("click", loadMore);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && poll());
wireFilters();
if (config.may_create) wireNewCollection({ config, part });
if (mayEdit && config.collection) {
  wireAdding({ config, part, addFiles });
  wireWebDialog({ config, part, onAdded: (doc) => added(doc, doc.title || doc.source_url) });
  wireCollectionSettings({ config, part, onSaved: collectionSaved, onReindex: poll });
}
setTimeout(() => (part("loading").hidden = loaded || failures > 0), SLOW);
setText(part("quota"), quotaSentence(config.collections, config.document_limit));
poll();

function collectionSaved(collection) {
  config.collections = config.collections.map((one) => (one.id === collection.id ? { ...one, ...collection, document_count: one.document_count } : one));
  setText(part("collection-name"), collection.name);
  setText(part("collection-about"), collection.description || "What Vena reads before it answers.");
  setText(document.querySelector(`[data-collection="${collection.id}"] [data-name]`), collection.name);
}
