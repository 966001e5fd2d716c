// Everything about one document: what it is called, its versions, every try at it, and what can be done now.
import { clearProblems, openDialog, showApiError, showFieldProblem, whileBusy } from "./dialogs.js";
import { mayRestore, outcome, stageTimes, tagsOf, versionState, workSentence } from "./document_words.js";
import { el, icon, setText } from "./dom.js";
import { bytes, plural } from "./format.js";
import { request } from "./http.js";
import { isBusy } from "./library.js";

const moment = (text) => new Date(text).toLocaleString("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

export class DetailsDialog {
  /** `act(name, doc)` is what a button asks for; `onChanged(document)` hears what the form saved. */
  constructor({ api, mayEdit, act, onChanged }) {
    Object.assign(this, { url: `${api}documents/`, mayEdit, act, onChanged, doc: null, print: "" });
    this.part = (name) => document.querySelector(`[data-details-${name}]`);
    this.dialog = this.part("dialog");
    this.part("close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => (this.doc = null));
    this.dialog.addEventListener("click", (event) => this.clicked(event));
    if (mayEdit) this.wireForm();
  }

  open(doc, opener) {
    this.doc = null;
    this.print = "";
    this.problem("");
    for (const name of ["versions", "attempts"]) this.part(name).replaceChildren(el("li", { class: "muted" }, "Loading …"));
    if (this.mayEdit) this.fillForm(doc);
    openDialog(this.dialog, opener);
    this.show(doc);
  }

  /** Called with every look at the list: only what reads differently is drawn or asked for again. */
  show(doc) {
    const isFirst = this.doc === null;
    this.doc = doc;
    if (!isFirst && !this.dialog.open) return;
    setText(this.part("title"), doc.title);
    this.showNow(doc);
    const print = [doc.state, doc.version, doc.newest_version, doc.attempts].join();
    if (print === this.print) return;
    this.print = print;
    this.load(doc);
  }

  showNow(doc) {
    const print = JSON.stringify([doc.state, doc.failure, doc.source_url, isBusy(doc) && workSentence(doc), doc.size]);
    if (this.now === print) return;
    this.now = print;
    const facts = [doc.file_name, Boolean(doc.size) && bytes(doc.size), doc.uploaded_by && `added by ${doc.uploaded_by}`, doc.external_id && `external id ${doc.external_id}`].filter(Boolean);
    const source = doc.source_url && el("p", {}, "From ", el("a", { href: doc.source_url, target: "_blank", rel: "noopener noreferrer" }, doc.source_url, el("span", { class: "visually-hidden" }, " (opens in a new tab)")));
    const failed = doc.state === "failed" && el("p", { class: "details-failure" }, doc.failure?.detail);
    const busy = isBusy(doc) && el("p", {}, el("span", { class: "badge" }, workSentence(doc)));
    const focused = this.dialog.contains(document.activeElement) ? document.activeElement.dataset.details : null;
    this.part("now").replaceChildren(...[el("p", { class: "document-facts" }, ...facts.map((fact) => el("span", {}, fact))), source, busy, failed, this.actions(doc)].filter(Boolean));
    if (focused) (this.part("now").querySelector(`[data-details="${focused}"]`) ?? this.part("close")).focus();
  }

  actions(doc) {
    if (!this.mayEdit || doc.state === "deleting") return null;
    const all = [
      doc.state === "failed" && actionButton("retry", "retry", "Retry"),
      isBusy(doc) && actionButton("cancel", "close", "Cancel"),
      !isBusy(doc) && doc.source_url && actionButton("refetch", "retry", "Fetch again"),
      !isBusy(doc) && !doc.source_url && actionButton("reindex", "retry", "Read again"),
    ].filter(Boolean);
    return el("p", { class: "form-actions details-actions" }, ...all);
  }

  async load(doc) {
    try {
      const [versions, attempts] = await Promise.all([request("GET", `${this.url}${doc.id}/versions/`), request("GET", `${this.url}${doc.id}/attempts/`)]);
      if (this.doc?.id !== doc.id) return; // another one was opened meanwhile
      this.showVersions(versions);
      this.showAttempts(attempts);
    } catch (error) {
      if (this.doc?.id !== doc.id) return;
      this.print = ""; // the next look tries again
      this.problem(error.message);
    }
  }

  showVersions(versions) {
    const focused = document.activeElement?.dataset.restore;
    this.part("versions").replaceChildren(...versions.map((version) => this.versionRow(version)));
    if (focused) (this.part("versions").querySelector(`[data-restore="${focused}"]`) ?? this.part("close")).focus();
  }

  versionRow(version) {
    const state = versionState(version, this.doc);
    const name = `Version ${version.number}`;
    const title = version.ready_at ? el("a", { href: `${this.doc.url}?version=${version.number}` }, name) : name;
    const facts = [
      moment(version.created_at),
      version.created_by,
      Boolean(version.size) && bytes(version.size),
      Boolean(version.pages) && plural(version.pages, "page"),
      Boolean(version.chunks) && plural(version.chunks, "passage"),
      version.reason === "reindex" && "the same file, read again",
    ].filter(Boolean);
    const restore = this.mayEdit && mayRestore(version, this.doc) && el("button", { type: "button", class: "button button-small", "data-restore": version.number }, "Restore", el("span", { class: "visually-hidden" }, ` version ${version.number}`));
    return el(
      "li",
      { class: "details-row" },
      el("div", {}, el("p", {}, el("strong", {}, title), " ", el("span", { class: `badge badge-${state.tone}` }, state.words)), el("p", { class: "document-facts" }, ...facts.map((fact) => el("span", {}, fact)))),
      restore,
    );
  }

  showAttempts(attempts) {
    const rows = attempts.map((attempt, index) => {
      const { words, tone } = outcome(attempt);
      const isLatest = index === 0 && this.doc.state === "failed";
      const sentence = (isLatest && this.doc.failure?.detail) || attempt.failure_detail;
      const facts = [moment(attempt.started_at), `version ${attempt.version}`, ...stageTimes(attempt.stages), attempt.embedded && `${plural(attempt.embedded, "passage")} indexed`, attempt.reused && `${plural(attempt.reused, "passage")} as before`].filter(Boolean);
      return el(
        "li",
        { class: "details-row" },
        el(
          "div",
          {},
          el("p", {}, el("span", { class: `badge badge-${tone}` }, words), " ", attempt.failure_code && el("code", { class: "details-code" }, attempt.failure_code)),
          el("p", { class: "document-facts" }, ...facts.map((fact) => el("span", {}, fact))),
          sentence && el("p", { class: "small" }, sentence),
        ),
      );
    });
    this.part("attempts").replaceChildren(...(rows.length ? rows : [el("li", { class: "muted" }, "None has ended yet.")]));
  }

  problem(sentence) {
    const line = this.part("problem");
    line.hidden = !sentence;
    setText(line.querySelector("p"), sentence);
  }

  async clicked(event) {
    const button = event.target.closest("[data-details], [data-restore]");
    if (!button) return;
    await whileBusy(button, async () => {
      try {
        const { details, restore } = button.dataset;
        await this.act(restore ? `versions/${restore}/restore` : details, this.doc);
        this.problem("");
      } catch (error) {
        this.problem(error.message);
      }
    });
  }

  // -- title, tags, day ------------------------------------------------------------------------------

  wireForm() {
    this.form = this.part("form");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      whileBusy(this.part("save"), () => this.save());
    });
    this.form.addEventListener("input", () => setText(this.part("saved"), ""));
  }

  fillForm(doc) {
    const { title, tags, dated } = this.form.elements;
    title.value = doc.title;
    tags.value = doc.tags.join(", ");
    dated.value = doc.dated ?? "";
    clearProblems(this.form);
    setText(this.part("saved"), "");
  }

  async save() {
    const { title, tags, dated } = this.form.elements;
    clearProblems(this.form);
    if (!title.value.trim()) return showFieldProblem(title, "Give the document a title."), title.focus();
    const body = { title: title.value.trim(), tags: tagsOf(tags.value) };
    if (body.tags.length > 20) return showFieldProblem(tags, "Give at most 20 tags."), tags.focus();
    if (dated.value) body.dated = dated.value;
    const id = this.doc.id;
    try {
      const changed = await request("PATCH", `${this.url}${id}/`, body);
      setText(this.part("saved"), "Saved.");
      this.onChanged(changed);
    } catch (error) {
      showApiError(this.form, error);
    }
  }
}

function actionButton(action, iconName, words) {
  return el("button", { type: "button", class: "button button-small", "data-details": action }, icon(iconName), words);
}
