import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { browser } from "./setup.mjs";
import { contextSentence, reindexSentence } from "../../static/js/collection_dialogs.js";
import { DetailsDialog } from "../../static/js/details_dialog.js";
import { clearProblems, openDialog, showApiError, whileBusy } from "../../static/js/dialogs.js";
import { addressProblem, bodyOf, pagesProblem, wholeAddress, wireWebDialog } from "../../static/js/web_dialog.js";
import { ApiError } from "../../static/js/http.js";

const PROBLEM = `<div data-form-problem hidden><p></p></div>`;
const field = (name, type = "text") => `<div class="field"><input name="${name}" type="${type}"><p class="field-errors" hidden></p></div>`;
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
let asked;
let answers;

function open(markup) {
  const window = browser(markup);
  // jsdom has no modal dialogs; this much of them is what the code relies on.
  window.HTMLDialogElement.prototype.showModal = function showModal() {
    this.open = true;
  };
  window.HTMLDialogElement.prototype.close = function close(value = "") {
    this.open = false;
    this.returnValue = value;
    this.dispatchEvent(new window.Event("close"));
  };
  asked = [];
  globalThis.fetch = async (url, { method, headers, body }) => {
    asked.push({ method, url, headers, body: body && JSON.parse(body) });
    const [status, data] = answers(method, url) ?? [200, {}];
    return { ok: status < 400, status, text: async () => JSON.stringify(data) };
  };
  return window;
}

const part = (name) => document.querySelector(`[data-${name}]`);
const submit = async (form) => {
  form.dispatchEvent(new window.Event("submit", { bubbles: true, cancelable: true }));
  await settled();
};

beforeEach(() => (answers = () => undefined));

test("the API's errors stand at the field they are about, else at the top", () => {
  open(`<form>${PROBLEM}${field("url")}${field("max_pages")}</form>`);
  const form = document.querySelector("form");
  const line = (name) => form.elements[name].closest(".field").querySelector(".field-errors");
  showApiError(form, new ApiError(422, { code: "url_not_allowed", detail: "Only public pages." }), { url_not_allowed: "url" });
  assert.deepEqual([line("url").textContent, line("url").hidden, form.elements.url.getAttribute("aria-invalid")], ["Only public pages.", false, "true"]);
  assert.equal(document.activeElement, form.elements.url);
  showApiError(form, new ApiError(400, { code: "invalid", detail: "x", fields: { max_pages: ["A number, please."] } }));
  assert.deepEqual([line("url").hidden, line("max_pages").textContent], [true, "A number, please."]);
  showApiError(form, new ApiError(503, { code: "index_unavailable", detail: "Try again in a minute." }));
  assert.equal(part("form-problem").textContent, "Try again in a minute.");
  clearProblems(form);
  assert.deepEqual([part("form-problem").hidden, line("max_pages").hidden], [true, true]);
});

test("the focus goes to what stands there when the dialog closes, not to a row that was drawn anew", () => {
  open(`<dialog></dialog><p><button id="old"></button></p>`);
  openDialog(document.querySelector("dialog"), () => document.querySelector("p button"));
  document.querySelector("p").innerHTML = `<button id="fresh"></button>`;
  document.querySelector("dialog").close();
  assert.equal(document.activeElement.id, "fresh");
});

test("a button that is being asked does not ask twice", async () => {
  open(`<button></button>`);
  let count = 0;
  const slow = () => new Promise((resolve) => setTimeout(resolve, 2, (count += 1)));
  await Promise.all([whileBusy(document.querySelector("button"), slow), whileBusy(document.querySelector("button"), slow)]);
  assert.equal(count, 1);
  assert.equal(document.querySelector("button").hasAttribute("aria-disabled"), false);
});

// -- a web page ----------------------------------------------------------------------------------------

test("addresses as people type them", () => {
  assert.equal(wholeAddress(" example.com/page "), "https://example.com/page");
  assert.equal(wholeAddress("http://example.com"), "http://example.com");
  assert.equal(wholeAddress(""), "");
  assert.match(addressProblem(""), /Give the address/);
  assert.match(addressProblem("https://"), /not a web address/);
  assert.match(addressProblem("ftp://example.com/"), /must begin with https/);
  assert.equal(addressProblem("https://example.com/page"), "");
  assert.deepEqual(["", "0", "1001", "2.5"].map((value) => pagesProblem(value, 1000)), Array(4).fill("Give a number from 1 to 1,000."));
  assert.equal(pagesProblem("1000", 1000), "");
  assert.deepEqual(bodyOf({ url: "https://a.example", collection: "c", isSite: true, maxPages: "50" }), { url: "https://a.example", collection: "c", sitemap: true, max_pages: 50 });
  assert.deepEqual(bodyOf({ url: "https://a.example", collection: "c", isSite: false, maxPages: "50" }), { url: "https://a.example", collection: "c", sitemap: false });
});

test("a web page is sent once, and what is refused is said at its field", async () => {
  open(`<button data-web-open></button><dialog data-web-dialog><form data-web-form>${PROBLEM}${field("url")}${field("sitemap", "checkbox")}<div data-web-limit>${field("max_pages")}</div><button data-web-send></button><button type="button" data-web-cancel></button></form></dialog>`);
  const added = [];
  wireWebDialog({ config: { api: "/api/v1/", collection: "c", max_pages: 1000 }, part, onAdded: (doc) => added.push(doc) });
  const form = part("web-form");
  const line = () => form.elements.url.closest(".field").querySelector(".field-errors").textContent;
  part("web-open").click();
  assert.equal(part("web-limit").hidden, true);
  await submit(form);
  assert.deepEqual([asked.length, line()], [0, "Give the address of the page."]);
  form.elements.url.value = "intranet.example/page";
  answers = () => [422, { code: "url_not_allowed", detail: "Only public web pages can be added." }];
  await submit(form);
  assert.deepEqual([line(), added.length, part("web-dialog").open], ["Only public web pages can be added.", 0, true]);
  answers = () => [402, { code: "quota_exceeded", detail: "Your plan is full." }];
  await submit(form);
  assert.deepEqual([line(), part("form-problem").textContent], ["", "Your plan is full."]);
  answers = () => [202, { id: "9", title: "A page" }];
  await submit(form);
  assert.deepEqual(asked[2].body, { url: "https://intranet.example/page", collection: "c", sitemap: false });
  assert.equal(asked[0].headers["Idempotency-Key"], asked[2].headers["Idempotency-Key"]);
  assert.deepEqual([line(), added, part("web-dialog").open, document.activeElement], ["", [{ id: "9", title: "A page" }], false, part("web-open")]);
});

// -- a collection ---------------------------------------------------------------------------------------

test("what contextual sentences cost is said before they are switched on", () => {
  assert.match(contextSentence({ is_possible: true, chunks: 67, cost_gbp: "0.1712" }), /67 passages here now this costs about £0\.17, once/);
  assert.match(contextSentence({ is_possible: true, chunks: 67, cost_gbp: null }), /^What it costs for the 67 passages .* price of the model is not known\.$/);
  assert.match(contextSentence({ is_possible: false, chunks: 67, cost_gbp: null }), /Ask your administrator for a provider key/);
});

test("what reading again would do", () => {
  assert.equal(reindexSentence({ documents: 0, context_cost_gbp: null }), "Every document was read with the settings above.");
  assert.match(reindexSentence({ documents: 1200, context_cost_gbp: null }), /^1,200 documents were read with other settings\..*earlier passages answer\.$/);
  assert.match(reindexSentence({ documents: 1, context_cost_gbp: "0.5" }), /^1 document was .* cost up to £0\.50\.$/);
});

// -- details ---------------------------------------------------------------------------------------------

const DETAILS = `<dialog data-details-dialog><h2 data-details-title></h2><button data-details-close></button><div data-details-problem hidden><p></p></div><div data-details-now></div><ul data-details-versions></ul><ul data-details-attempts></ul></dialog>`;
const DOC = { id: "1", title: "Contract", file_name: "contract.md", url: "/documents/1/", state: "ready", version: 2, newest_version: 2, attempts: 1, size: 34, tags: [], dated: null, progress: { done: 0, total: 0 }, source_url: "", external_id: "", uploaded_by: "ada@example.org", failure: null };
const VERSIONS = [
  { number: 2, reason: "upload", size: 34, pages: null, chunks: 1, created_by: "ada@example.org", created_at: "2026-11-02T10:00:00Z", ready_at: "2026-11-02T10:00:01Z", is_current: true },
  { number: 1, reason: "upload", size: 30, pages: null, chunks: 1, created_by: "ada@example.org", created_at: "2026-11-01T10:00:00Z", ready_at: "2026-11-01T10:00:01Z", is_current: false },
];
const ATTEMPTS = [{ version: 2, started_at: "2026-11-02T10:00:00Z", finished_at: "2026-11-02T10:00:01Z", outcome: "failed", failure_code: "index_unavailable", failure_detail: "The search index is not answering.", stages: { reading: 0.5 }, embedded: 0, reused: 0 }];

function details({ mayEdit = true, act = async () => {} } = {}) {
  answers = (method, url) => [200, url.endsWith("versions/") ? VERSIONS : ATTEMPTS];
  const dialog = new DetailsDialog({ api: "/api/v1/", mayEdit: false, act });
  dialog.mayEdit = mayEdit; // without the form
  dialog.fillForm = () => {};
  return dialog;
}

test("details show the versions, who and when, and offer the older one back", async () => {
  open(DETAILS);
  const acts = [];
  const dialog = details({ act: async (...what) => acts.push(what) });
  dialog.open(DOC);
  await settled();
  const rows = [...part("details-versions").children].map((row) => row.querySelector("p").textContent);
  assert.deepEqual(rows, ["Version 2 Answers now", "Version 1 Kept"]);
  const restore = [...document.querySelectorAll("[data-restore]")];
  assert.deepEqual(restore.map((button) => button.textContent), ["Restore version 1"]);
  assert.match(part("details-attempts").textContent, /Failed index_unavailable.*Reading 500 ms.*The search index is not answering\./);
  restore[0].click();
  await settled();
  assert.deepEqual(acts, [["versions/1/restore", DOC]]);
});

test("what can't be restored now is said in the dialog, and it stays as it was", async () => {
  open(DETAILS);
  const dialog = details({
    act: async () => {
      throw new ApiError(409, { code: "upload_conflict", detail: "Try again in a moment." });
    },
  });
  dialog.open(DOC);
  await settled();
  document.querySelector("[data-restore]").click();
  await settled();
  assert.deepEqual([part("details-problem").textContent, part("details-problem").hidden, dialog.dialog.open], ["Try again in a moment.", false, true]);
  assert.equal(document.querySelectorAll("[data-restore]").length, 1);
});

test("who may only read sees versions and tries, and no buttons", async () => {
  open(DETAILS);
  details({ mayEdit: false }).open(DOC);
  await settled();
  assert.equal(part("details-versions").children.length, 2);
  assert.equal(document.querySelectorAll("[data-restore], [data-details]").length, 0);
});

test("a page of the web is fetched again, a file is read again", async () => {
  open(DETAILS);
  const offers = () => [...document.querySelectorAll("[data-details]")].map((button) => button.dataset.details);
  const dialog = details();
  dialog.open(DOC);
  assert.deepEqual(offers(), ["reindex"]);
  dialog.dialog.close();
  dialog.open({ ...DOC, source_url: "https://example.com/" });
  assert.deepEqual(offers(), ["refetch"]);
  assert.equal(part("details-now").querySelector("a").rel, "noopener noreferrer");
  await settled();
});

test("looks that bring nothing new ask for nothing", async () => {
  open(DETAILS);
  const dialog = details();
  dialog.open(DOC);
  await settled();
  assert.equal(asked.length, 2);
  dialog.show({ ...DOC });
  await settled();
  assert.equal(asked.length, 2);
  dialog.show({ ...DOC, state: "embedding", newest_version: 3, progress: { done: 1, total: 4 } });
  await settled();
  assert.equal(asked.length, 4);
  assert.match(part("details-now").textContent, /Indexing 1 of 4 passages.*Cancel/);
});
