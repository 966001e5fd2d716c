// The documents page: what is stored, what is on its way, and what went wrong.
import { documentRow, uploadRow } from "../document_row.js";
import { newId, pageData, setText } from "../dom.js";
import { bytes } from "../format.js";
import { request } from "../http.js";
import { kinds } from "../kinds.js";
import { anyBusy, emptyLibrary, inOrder, newsBetween, pagesToRefresh, withDocument, withPage } from "../library.js";
import { RowList } from "../row_list.js";
import { droppedFiles, fileProblem, sendFile, UploadQueue } from "../upload.js";

const POLL_BUSY = 1000;
const POLL_IDLE = 15_000;

const config = pageData("documents-config");
const documentsUrl = `${config.api}documents/`;
const listUrl = config.collection ? `${documentsUrl}?collection=${encodeURIComponent(config.collection)}` : documentsUrl;
const part = (name) => document.querySelector(`[data-${name}]`);
const mayEdit = Boolean(part("dropzone"));

let library = emptyLibrary(listUrl);
let uploads = [];
let loaded = false;
let timer = 0;

const rows = new RowList(part("documents"));
const queue = new UploadQueue({ send: (upload, onProgress) => sendFile(documentsUrl, upload, onProgress), onChange: uploadChanged });

// -- showing ---------------------------------------------------------------------------------------

function draw() {
  const pending = uploads.map((upload) => ({ key: upload.key, value: uploadFacts(upload), build: () => uploadRow(upload) }));
  const stored = inOrder(library).map((doc) => ({ key: doc.id, value: doc, build: () => documentRow(doc, { mayEdit }) }));
  rows.show([...pending, ...stored]);
  const isEmpty = loaded && !pending.length && !stored.length;
  part("documents").hidden = isEmpty;
  part("empty").hidden = !isEmpty;
  part("more").hidden = !library.next;
}

// A File cannot be compared as JSON; these are the facts a row shows.
function uploadFacts({ state, sent, problem }) {
  return { state, percent: Math.round(sent * 100), problem };
}

function showProblem(error) {
  part("list-error").hidden = !error;
  if (error) setText(part("list-error").querySelector("p"), error.message);
}

function announce(sentences) {
  if (sentences.length) part("announcer").textContent = sentences.join(" ");
}

// -- keeping up ------------------------------------------------------------------------------------

async function refresh() {
  const before = library;
  for (const url of pagesToRefresh(library)) library = withPage(library, url, await request("GET", url));
  loaded = true;
  part("documents").removeAttribute("aria-busy");
  announce(newsBetween(before, library));
  draw();
}

async function poll() {
  clearTimeout(timer);
  try {
    await refresh();
    showProblem(null);
  } catch (error) {
    if (!loaded || error.status === 401 || error.status === 403) showProblem(error);
  }
  clearTimeout(timer); // another poll may have been started while this one waited
  if (document.visibilityState === "visible") timer = setTimeout(poll, anyBusy(library) ? POLL_BUSY : POLL_IDLE);
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

function uploadChanged(upload) {
  if (upload.state === "sent") {
    uploads = uploads.filter((item) => item !== upload);
    library = withDocument(library, upload.document);
    announce([`${upload.file.name} was added.`]);
    poll();
  }
  draw();
}

function wireAdding() {
  const input = part("file-input");
  input.accept = config.accept.join(",");
  setText(part("dropzone-hint"), `${kinds(config.accept)}, up to ${bytes(config.max_bytes)} each`);
  for (const button of document.querySelectorAll("[data-pick]")) button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    addFiles([...input.files]);
    input.value = "";
  });
  wireDrop();
}

function wireDrop() {
  const veil = part("veil");
  let depth = 0; // enter and leave fire for every element passed on the way
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const show = (change) => {
    depth = Math.max(0, depth + change);
    veil.hidden = depth === 0;
  };
  addEventListener("dragenter", (event) => hasFiles(event) && show(1));
  addEventListener("dragleave", (event) => hasFiles(event) && show(-1));
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    show(-depth);
    addFiles(await droppedFiles(event.dataTransfer));
  });
}

// -- what the buttons of a row do --------------------------------------------------------------------

const ACTIONS = {
  async delete(row) {
    const doc = library.docs.get(row.dataset.id);
    if (!(await confirmDelete(doc))) return;
    const answer = await request("DELETE", `${documentsUrl}${doc.id}/`);
    library = withDocument(library, answer?.id ? answer : { ...doc, state: "deleting", failure: null });
  },
  async retry(row) {
    const doc = library.docs.get(row.dataset.id);
    const answer = await request("POST", `${documentsUrl}${doc.id}/retry/`);
    library = withDocument(library, answer?.id ? answer : { ...doc, state: "queued", failure: null });
  },
  resend(row) {
    const upload = uploads.find((item) => item.key === row.dataset.upload);
    queue.add(upload);
  },
  dismiss(row) {
    uploads = uploads.filter((item) => item.key !== row.dataset.upload);
  },
};

async function rowClicked(event) {
  const button = event.target.closest("[data-action]");
  if (!button) return;
  const row = button.closest(".document-row");
  try {
    await ACTIONS[button.dataset.action](row);
    showProblem(null);
  } catch (error) {
    showProblem(error);
  }
  draw();
  if (anyBusy(library)) poll();
}

function confirmDelete(doc) {
  const dialog = part("delete-dialog");
  setText(part("delete-name"), doc.title);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "delete"), { once: true });
  });
}

// -- a new collection --------------------------------------------------------------------------------

function wireNewCollection() {
  const dialog = part("collection-dialog");
  const form = part("collection-form");
  const problem = part("collection-error");
  const fail = (sentence) => {
    problem.hidden = !sentence;
    setText(problem.querySelector("p"), sentence);
  };
  part("collection-new").addEventListener("click", () => {
    form.reset();
    fail("");
    dialog.showModal();
  });
  part("collection-cancel").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { name, description } = form.elements;
    if (!name.value.trim()) return fail("Give the collection a name.");
    try {
      const made = await request("POST", `${config.api}collections/`, { name: name.value.trim(), description: description.value.trim() });
      location.assign(`/documents/?collection=${encodeURIComponent(made.id)}`);
    } catch (error) {
      fail(Object.values(error.fields).flat()[0] ?? error.message);
    }
  });
}

// -- start -------------------------------------------------------------------------------------------

part("documents").addEventListener("click", rowClicked);
part("more").addEventListener("click", loadMore);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && poll());
if (mayEdit) {
  wireAdding();
  wireNewCollection();
}
poll();
