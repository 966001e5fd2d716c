// Sending files: small ones together, two requests at a time, each file with its own progress and safe to send again.
import { newId } from "./dom.js";
import { bytes } from "./format.js";
import { ApiError, csrfToken, parseJson } from "./http.js";
import { kinds } from "./kinds.js";

const AT_ONCE = 2; // requests
const TOGETHER = { files: 25, bytes: 2_000_000 }; // in one request: many small files come in faster that way

/** What is wrong with a file before any of it travels; null when nothing is. */
export function fileProblem(file, { max_bytes: maxBytes, accept }) {
  const dot = file.name.lastIndexOf(".");
  const extension = dot > 0 ? file.name.slice(dot).toLowerCase() : "";
  if (accept?.length && !accept.includes(extension)) {
    return `Vena can't read ${extension || "files without an ending"} yet. It reads ${kinds(accept, { last: "and", endings: true })} files.`;
  }
  if (file.size === 0) return "The file is empty.";
  if (maxBytes && file.size > maxBytes) {
    return `The file has ${bytes(file.size)}; the limit is ${bytes(maxBytes)}. Split it and add the parts.`;
  }
  return null;
}

/** Takes what travels in one request off the head of the queue: a large file alone, small ones of one collection together. */
export function takeTogether(waiting) {
  let size = 0;
  const end = waiting.findIndex((upload, index) => {
    size += upload.file.size;
    const fits = index < TOGETHER.files && size <= TOGETHER.bytes && upload.collection === waiting[0].collection;
    return index > 0 && !fits;
  });
  return waiting.splice(0, end < 0 ? waiting.length : end);
}

export class UploadQueue {
  /** `send(uploads, onProgress)` resolves to a document or a failure for each; `onChange(upload)` hears every step. */
  constructor({ send, onChange }) {
    Object.assign(this, { send, onChange });
    this.waiting = [];
    this.active = 0;
  }

  add(upload) {
    this.waiting.push(upload);
    this.change(upload, { state: "waiting", sent: 0, problem: null });
    queueMicrotask(() => this.next()); // so that files added one after the other can travel together
  }

  next() {
    while (this.active < AT_ONCE && this.waiting.length) {
      this.active += 1;
      this.run(takeTogether(this.waiting));
    }
  }

  async run(uploads) {
    const all = (fields) => uploads.forEach((upload) => this.change(upload, fields));
    all({ state: "sending" });
    try {
      const results = await this.send(uploads, (sent) => all({ sent }));
      uploads.forEach((upload, index) => this.change(upload, outcome(results[index])));
    } catch (error) {
      all({ state: "failed", problem: error.message, mayRetry: mayRetry(error.status) });
    }
    this.active -= 1;
    this.next();
  }

  change(upload, fields) {
    Object.assign(upload, fields);
    this.onChange(upload);
  }
}

function outcome(result) {
  if (result.change === "refused") return { state: "failed", problem: result.failure.detail, mayRetry: false };
  return { state: "sent", document: result };
}

// What the server refused on its merits it will refuse again.
function mayRetry(status) {
  return !status || status >= 500 || status === 429 || status === 408;
}

/** One result a file. fetch cannot tell how much has been sent; XMLHttpRequest can. */
export function sendFiles(url, uploads, onProgress) {
  return new Promise((resolve, reject) => {
    const isOne = uploads.length === 1;
    const body = new FormData();
    for (const upload of uploads) body.append(isOne ? "file" : "files", upload.file);
    if (uploads[0].collection) body.append("collection", uploads[0].collection);
    const xhr = new XMLHttpRequest();
    xhr.open("POST", url);
    xhr.setRequestHeader("Accept", "application/json");
    xhr.setRequestHeader("X-CSRFToken", csrfToken());
    // A retry after a lost answer must not add a file twice. Several that are sent again may be others than before, so
    // their request is a new one; the files themselves are known by name and content.
    xhr.setRequestHeader("Idempotency-Key", isOne ? uploads[0].key : newId());
    xhr.upload.addEventListener("progress", (event) => event.lengthComputable && onProgress(event.loaded / event.total));
    xhr.addEventListener("error", () => reject(new ApiError(0, null)));
    xhr.addEventListener("load", () => {
      const data = parseJson(xhr.responseText);
      if (xhr.status >= 200 && xhr.status < 300 && data) resolve(isOne ? [data] : data.results);
      else reject(new ApiError(xhr.status, data));
    });
    xhr.send(body);
  });
}

/** Files of a drop; folders are opened, which plain `dataTransfer.files` does not do. */
export async function droppedFiles(transfer) {
  const files = [...transfer.files]; // both must be read now: the drop is emptied when this turn of the event loop ends
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return files;
  return (await Promise.all(entries.map(filesOf))).flat();
}

async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  // readEntries gives a hundred at a time and an empty list at the end.
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const child of some) if (!child.name.startsWith(".")) found.push(...(await filesOf(child)));
  }
}
