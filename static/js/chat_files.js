// Files given to the chat: sent to a collection, followed until they answer, each as a small card above the composer.
import { wireDrop } from "./adding.js";
import { el, icon, newId, setText } from "./dom.js";
import { workSentence } from "./document_words.js";
import { request } from "./http.js";
import { fileProblem, sendFiles, UploadQueue } from "./upload.js";

const LOOK_EVERY = 1500;
const WORKING = new Set(["queued", "reading", "chunking", "embedding"]);

/** What a card says: {words, tone, share of the bar or null, ready}. Pure. */
export function cardOf(upload) {
  const { state, sent, problem, document } = upload;
  if (problem) return { words: problem, tone: "bad", share: null };
  if (state === "waiting") return { words: "Waiting to be sent", share: 0 };
  if (state === "sending") return { words: `Sending, ${Math.round(sent * 100)} %`, share: sent };
  if (document.state === "ready") return { words: "Ready: ask about it", tone: "good", share: null, ready: true };
  if (document.state === "failed") return { words: document.failure?.detail ?? "It could not be read.", tone: "bad", share: null };
  return { words: workSentence(document), share: null };
}

export class ChatFiles {
  /** `config`: {max_bytes, accept, collections}; `choose(files)` resolves to a collection's id or null. */
  constructor({ host, config, choose, onAskAbout, announce }) {
    Object.assign(this, { host, config, choose, onAskAbout, announce });
    this.queue = new UploadQueue({
      send: (uploads, onProgress) => sendFiles("/api/v1/documents/", uploads, onProgress),
      onChange: (upload) => this.changed(upload),
    });
  }

  async add(files) {
    if (!files.length) return;
    const good = files.filter((file) => !fileProblem(file, this.config));
    const collection = good.length ? await this.collectionFor(good) : null;
    if (good.length && !collection) return;
    for (const file of files) this.begin(file, collection);
  }

  collectionFor(files) {
    const { collections } = this.config;
    return collections.length === 1 ? collections[0].id : this.choose(files);
  }

  begin(file, collection) {
    const upload = { file, collection, key: newId(), card: card(file.name, () => upload.card.element.remove()) };
    this.host.append(upload.card.element);
    upload.card.element.scrollIntoView({ block: "nearest" });
    const problem = fileProblem(file, this.config);
    if (problem) this.changed(Object.assign(upload, { problem }));
    else this.queue.add(upload);
  }

  changed(upload) {
    this.draw(upload);
    if (upload.state === "sent" && !upload.followed) {
      upload.followed = true;
      this.follow(upload);
    }
  }

  async follow(upload) {
    while (WORKING.has(upload.document.state) && upload.card.element.isConnected) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
      // A blink of the network is no news about the document.
      upload.document = (await request("GET", `/api/v1/documents/${upload.document.id}/`).catch(() => null)) ?? upload.document;
      this.draw(upload);
    }
    this.announce(`${upload.file.name}: ${cardOf(upload).words}`);
  }

  draw(upload) {
    const shown = cardOf(upload);
    const { element, words, bar, actions } = upload.card;
    element.dataset.tone = shown.tone ?? "";
    setText(words, shown.words);
    bar.hidden = shown.share === null;
    bar.value = shown.share ?? 0;
    if (!shown.ready || actions.childElementCount) return;
    const title = upload.document.title || upload.file.name;
    actions.append(
      el("button", { type: "button", class: "button button-small", onclick: () => this.onAskAbout(title) }, "Ask about it"),
      el("a", { class: "button button-small button-quiet", href: `/documents/${upload.document.id}/` }, "Open"),
    );
  }
}

function card(name, onDismiss) {
  const words = el("p", { class: "file-card-words" });
  const bar = el("progress", { class: "file-card-bar", max: "1", value: "0", "aria-label": `Sending ${name}`, hidden: true });
  const actions = el("div", { class: "file-card-actions" });
  const element = el(
    "article",
    { class: "file-card", "aria-label": name },
    icon("document"),
    el("div", { class: "file-card-text" }, el("p", { class: "file-card-name" }, name), words, bar),
    actions,
    el("button", { type: "button", class: "icon-button", "aria-label": `Dismiss ${name}`, title: "Dismiss", onclick: onDismiss }, icon("close")),
  );
  return { element, words, bar, actions };
}

/** The paper clip, and files dropped anywhere on the page. `config`: as for ChatFiles. */
export function wireChatFiles(config, { onAskAbout, announce }) {
  const part = (name) => document.querySelector(`[data-${name}]`);
  const choose = (chosen) => chooseCollection(part("upload-dialog"), chosen);
  const files = new ChatFiles({ host: part("cards"), config, choose, onAskAbout, announce });
  const input = part("chat-file");
  input.accept = config.accept.join(",");
  part("attach").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    files.add([...input.files]);
    input.value = "";
  });
  wireDrop(part("chat-veil"), (chosen) => files.add(chosen));
}

/** Resolves to the collection that was chosen in the dialog, or null. */
export function chooseCollection(dialog, files) {
  setText(dialog.querySelector("[data-upload-names]"), files.map((file) => file.name).slice(0, 5).join(", ") + (files.length > 5 ? ` and ${files.length - 5} more` : ""));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const done = () => resolve(dialog.returnValue === "add" ? dialog.querySelector("[data-upload-collection]").value : null);
    dialog.addEventListener("close", done, { once: true });
  });
}
