// One row of the documents page: a stored document, or a file on its way up.
import { kindOf, partsSentence, versionSentence, workLabel, workSentence } from "./document_words.js";
import { el, icon } from "./dom.js";
import { ago, bytes, plural } from "./format.js";
import { isBusy } from "./library.js";

/**
 * `item` is {doc, mayEdit, problem, pending, isOpen, isPart, showParent, collection}: `problem` is what went wrong with
 * the last click, `pending` what a click asked for and the server has not answered.
 */
export function documentRow(item) {
  const { doc, mayEdit, problem, isPart } = item;
  return el(
    "li",
    { class: `document-row${isPart ? " document-part" : ""}`, "data-id": doc.id, "data-state": doc.state },
    el("span", { class: "document-kind", "aria-hidden": "true" }, kindOf(doc)),
    el("div", { class: "document-main" }, titleOf(doc), facts(item), tags(doc), partsToggle(item)),
    el("div", { class: "document-state" }, ...buttons(item)),
    isBusy(doc) && work(item),
    doc.state === "failed" && failure(item),
    problem && el("p", { class: "document-problem", role: "alert" }, problem),
  );
}

function titleOf(doc) {
  const isReadable = doc.url && doc.state !== "deleting";
  const title = isReadable ? el("a", { class: "document-title", href: doc.url }, doc.title) : el("span", { class: "document-title" }, doc.title);
  return el("p", { class: "document-name" }, title, stateBadge(doc));
}

function facts({ doc, showParent, collection }) {
  const parts = [
    showParent && doc.parent_title && `In ${doc.parent_title}`,
    collection,
    Boolean(doc.size) && bytes(doc.size),
    Boolean(doc.pages) && plural(doc.pages, "page"),
    Boolean(doc.version) && (doc.chunks > 0 || !doc.parts) && plural(doc.chunks, "passage"),
    versionSentence(doc),
    doc.uploaded_by,
  ].filter(Boolean);
  const added = el("time", { datetime: doc.created_at, title: new Date(doc.created_at).toLocaleString("en-GB") }, ago(doc.created_at));
  return el("p", { class: "document-facts" }, ...parts.map((part) => el("span", {}, part)), added);
}

function tags({ tags: names = [] }) {
  if (!names.length) return null;
  return el("ul", { class: "tags", "aria-label": "Tags" }, ...names.map((name) => el("li", { class: "tag" }, name)));
}

function stateBadge({ state, failure }) {
  if (state === "ready") return el("span", { class: "badge badge-good" }, "Ready");
  if (state === "failed" && failure?.code === "cancelled") return el("span", { class: "badge badge-quiet" }, "Stopped");
  if (state === "failed") return el("span", { class: "badge badge-bad" }, "Failed");
  return null;
}

function partsToggle({ doc, isOpen }) {
  const sentence = partsSentence(doc);
  if (!sentence || doc.state === "deleting") return null;
  return el(
    "button",
    { type: "button", class: "parts-toggle", "data-action": "parts", "aria-expanded": String(Boolean(isOpen)), "aria-label": `${sentence}, in ${doc.title}` },
    icon("chevron"),
    sentence,
  );
}

function buttons({ doc, mayEdit, pending }) {
  if (doc.state === "deleting") return [];
  return [
    iconButton("details", "info", `Details of ${doc.title}`, pending),
    mayEdit && iconButton("delete", "trash", `Delete ${doc.title}`, pending),
  ].filter(Boolean);
}

function work({ doc, mayEdit, pending }) {
  const isCounted = doc.progress?.total > 0 && doc.state !== "queued" && doc.state !== "deleting";
  const bar = el("progress", { "aria-label": `${doc.title}: ${workLabel(doc)}`, max: isCounted && doc.progress.total, value: isCounted && doc.progress.done });
  return el(
    "div",
    { class: "document-work" },
    el("span", { class: "document-work-text" }, pending === "cancel" ? "Stopping" : workSentence(doc)),
    doc.state !== "queued" && bar,
    mayEdit && doc.state !== "deleting" && smallButton("cancel", "close", "Cancel", doc, pending),
  );
}

function failure({ doc, mayEdit, pending }) {
  const sentence = doc.failure?.detail || "Vena could not read this file. Retry it.";
  const still = doc.version ? ` Version ${doc.version} goes on answering.` : "";
  return el("div", { class: "document-failure" }, el("p", {}, sentence, still), mayEdit && smallButton("retry", "retry", pending === "retry" ? "Asking" : "Retry", doc, pending));
}

function smallButton(action, iconName, words, doc, pending) {
  return el(
    "button",
    { type: "button", class: "button button-small", "data-action": action, "aria-disabled": pending ? "true" : null },
    icon(iconName),
    words,
    el("span", { class: "visually-hidden" }, ` ${doc.title}`),
  );
}

function iconButton(action, iconName, label, pending) {
  return el("button", { type: "button", class: "icon-button", "data-action": action, "aria-label": label, title: label, "aria-disabled": pending ? "true" : null }, icon(iconName));
}

/** Behind the files of an archive whose list goes on. */
export function morePartsRow({ parent }) {
  return el("li", { class: "document-row document-part document-more-parts", "data-id": parent }, el("button", { type: "button", class: "button button-small", "data-action": "moreParts" }, "Show more files"));
}

export function uploadRow(upload) {
  const title = upload.file.name;
  const isFailed = upload.state === "failed";
  return el(
    "li",
    { class: "document-row", "data-upload": upload.key, "data-state": upload.state },
    el("span", { class: "document-kind", "aria-hidden": "true" }, kindOf({ title, media_type: upload.file.type })),
    el(
      "div",
      { class: "document-main" },
      el("p", { class: "document-name" }, el("span", { class: "document-title" }, title), isFailed && el("span", { class: "badge badge-bad" }, "Not added")),
      el("p", { class: "document-facts" }, el("span", {}, bytes(upload.file.size))),
    ),
    isFailed ? uploadFailure(upload) : uploadWork(upload),
  );
}

function uploadWork(upload) {
  const percent = Math.round(upload.sent * 100);
  const label = upload.state === "waiting" ? "Waiting to be sent" : percent < 100 ? `Sending ${percent} %` : "Sent, waiting for Vena";
  const bar = upload.state === "sending" && el("progress", { "aria-label": `Sending ${upload.file.name}`, max: 100, value: percent < 100 && percent });
  return el("div", { class: "document-work" }, el("span", { class: "document-work-text" }, label), bar);
}

function uploadFailure(upload) {
  const again = upload.mayRetry && el("button", { type: "button", class: "button button-small", "data-action": "resend" }, icon("retry"), "Retry");
  const dismiss = el("button", { type: "button", class: "button button-small button-quiet", "data-action": "dismiss" }, "Dismiss");
  return el("div", { class: "document-failure" }, el("p", {}, upload.problem), again, dismiss);
}
