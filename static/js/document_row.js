// One row of the documents page: a stored document, or a file on its way up.
import { el, icon } from "./dom.js";
import { ago, bytes, plural } from "./format.js";
import { isBusy } from "./library.js";

const WORK = { queued: "Waiting its turn", reading: "Reading", chunking: "Cutting into passages", embedding: "Indexing", deleting: "Deleting" };

const KINDS = [
  [/wordprocessing|msword/, "doc"], [/spreadsheet|excel/, "xls"], [/presentation|powerpoint/, "ppt"], [/pdf/, "pdf"],
  [/markdown/, "md"], [/html/, "html"], [/csv/, "csv"], [/rfc822/, "eml"],
];

export function kindOf({ title = "", media_type: mediaType = "" }) {
  const extension = /\.([a-z0-9]{1,4})$/i.exec(title)?.[1];
  return extension?.toLowerCase() ?? KINDS.find(([pattern]) => pattern.test(mediaType))?.[1] ?? "txt";
}

/** "Indexing 12 of 48": what is being done, and how far it is when that is known. */
export function workSentence({ state, progress }) {
  const counted = progress?.total ? ` ${progress.done.toLocaleString("en-GB")} of ${progress.total.toLocaleString("en-GB")}` : "";
  if (state === "queued" || state === "deleting") return WORK[state];
  return WORK[state] + (state === "reading" && counted ? `${counted} pages` : counted);
}

export function documentRow(doc, { mayEdit }) {
  return el(
    "li",
    { class: "document-row", "data-id": doc.id, "data-state": doc.state },
    el("span", { class: "document-kind", "aria-hidden": "true" }, kindOf(doc)),
    el("div", {}, titleOf(doc), facts(doc)),
    el("div", { class: "document-state" }, mayEdit && doc.state !== "deleting" && actionButton("delete", "trash", `Delete ${doc.title}`)),
    isBusy(doc) && work(doc),
    doc.state === "failed" && failure(doc, mayEdit),
  );
}

function titleOf(doc) {
  if (doc.url && doc.state !== "deleting") return el("a", { class: "document-title", href: doc.url }, doc.title);
  return el("span", { class: "document-title" }, doc.title);
}

function facts(doc) {
  const parts = [
    bytes(doc.size),
    doc.pages && plural(doc.pages, "page"),
    doc.state === "ready" && plural(doc.chunks, "passage"),
    doc.uploaded_by,
  ].filter(Boolean);
  const added = el("time", { datetime: doc.created_at, title: new Date(doc.created_at).toLocaleString("en-GB") }, ago(doc.created_at));
  return el("p", { class: "document-facts" }, stateBadge(doc), ...parts.map((part) => el("span", {}, part)), added);
}

function stateBadge({ state }) {
  if (state === "ready") return el("span", { class: "badge badge-good" }, "Ready");
  if (state === "failed") return el("span", { class: "badge badge-bad" }, "Failed");
  return null;
}

function work(doc) {
  const known = doc.progress?.total > 0 && doc.state !== "queued" && doc.state !== "deleting";
  const bar = el("progress", { "aria-label": `${doc.title}: ${WORK[doc.state]}`, max: known && doc.progress.total, value: known && doc.progress.done });
  return el("div", { class: "document-work" }, el("span", {}, workSentence(doc)), doc.state !== "queued" && bar);
}

function failure(doc, mayEdit) {
  const sentence = doc.failure?.detail || "Vena could not read this file.";
  const retry = el("button", { type: "button", class: "button button-small", "data-action": "retry" }, icon("retry"), "Retry");
  return el("div", { class: "document-failure" }, el("p", {}, sentence), mayEdit && retry);
}

function actionButton(action, iconName, label) {
  return el("button", { type: "button", class: "icon-button", "data-action": action, "aria-label": label, title: label }, icon(iconName));
}

export function uploadRow(upload) {
  const title = upload.file.name;
  return el(
    "li",
    { class: "document-row", "data-upload": upload.key, "data-state": upload.state },
    el("span", { class: "document-kind", "aria-hidden": "true" }, kindOf({ title, media_type: upload.file.type })),
    el("div", {}, el("span", { class: "document-title" }, title), el("p", { class: "document-facts" }, upload.state === "failed" && el("span", { class: "badge badge-bad" }, "Not added"), el("span", {}, bytes(upload.file.size)))),
    upload.state === "failed" ? uploadFailure(upload) : uploadWork(upload),
  );
}

function uploadWork(upload) {
  const percent = Math.round(upload.sent * 100);
  const label = upload.state === "waiting" ? "Waiting to be sent" : percent < 100 ? `Sending ${percent} %` : "Sent, waiting for Vena";
  const bar = upload.state === "sending" && el("progress", { "aria-label": `Sending ${upload.file.name}`, max: 100, value: percent < 100 && percent });
  return el("div", { class: "document-work" }, el("span", {}, label), bar);
}

function uploadFailure(upload) {
  const again = upload.mayRetry && el("button", { type: "button", class: "button button-small", "data-action": "resend" }, icon("retry"), "Retry");
  const dismiss = el("button", { type: "button", class: "button button-small button-quiet", "data-action": "dismiss" }, "Dismiss");
  return el("div", { class: "document-failure" }, el("p", {}, upload.problem), again, dismiss);
}
