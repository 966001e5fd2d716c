// Sending files: two at a time, each with its own progress, each safe to send again.
import { bytes } from "./format.js";
import { ApiError, csrfToken, parseJson } from "./http.js";
import { kinds } from "./kinds.js";

const AT_ONCE = 2;

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

export class UploadQueue {
  /** `send(upload, onProgress)` resolves to the document; `onChange(upload)` hears every step. */
  constructor({ send, onChange }) {
    Object.assign(this, { send, onChange });
    this.waiting = [];
    this.active = 0;
  }

  add(upload) {
    this.waiting.push(upload);
    this.change(upload, { state: "waiting", sent: 0, problem: null });
    this.next();
  }

  next() {
    while (this.active < AT_ONCE && this.waiting.length) {
      this.active += 1;
      this.run(this.waiting.shift());
    }
  }

  async run(upload) {
    this.change(upload, { state: "sending" });
    try {
      const document = await this.send(upload, (sent) => this.change(upload, { sent }));
      this.change(upload, { state: "sent", document });
    } catch (error) {
      this.change(upload, { state: "failed", problem: error.message, mayRetry: mayRetry(error.status) });
    }
    this.active -= 1;
    this.next();
  }

  change(upload, fields) {
    Object.assign(upload, fields);
    this.onChange(upload);
  }
}

// What the server refused on its merits it will refuse again.
function mayRetry(status) {
  return !status || status >= 500 || status === 429 || status === 408;
}

/** fetch cannot tell how much has been sent; XMLHttpRequest can. */
export function sendFile(url, upload, onProgress) {
  return new Promise((resolve, reject) => {
    const body = new FormData();
    body.append("file", upload.file);
    if (upload.collection) body.append("collection", upload.collection);
    const xhr = new XMLHttpRequest();
    xhr.open("POST", url);
    xhr.setRequestHeader("Accept", "application/json");
    xhr.setRequestHeader("X-CSRFToken", csrfToken());
    xhr.setRequestHeader("Idempotency-Key", upload.key); // a retry after a lost answer must not add the file twice
    xhr.upload.addEventListener("progress", (event) => event.lengthComputable && onProgress(event.loaded / event.total));
    xhr.addEventListener("error", () => reject(new ApiError(0, null)));
    xhr.addEventListener("load", () => {
      const data = parseJson(xhr.responseText);
      if (xhr.status >= 200 && xhr.status < 300 && data) resolve(data);
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
