// Answers that people found good, from which an editor keeps golden questions at a click.
import { el, icon } from "./dom.js";
import { request } from "./http.js";

export class RatedAnswers {
  /** `onKept(question)` is awaited after one was kept; `onProblem(error)` takes an error, or null. */
  constructor(section, api, { onKept, onProblem }) {
    Object.assign(this, { section, onKept, onProblem, api });
    this.list = section.querySelector("[data-rated-list]");
    this.more = section.querySelector("[data-rated-more]");
    this.next = `${api}answers/rated/?page_size=20`;
    this.more.addEventListener("click", () => this.load());
    this.list.addEventListener("click", (event) => {
      const button = event.target.closest("[data-keep]");
      if (button) this.keep(button);
    });
  }

  async load() {
    try {
      const page = await request("GET", this.next);
      const fresh = page.results.filter((row) => !row.is_golden && row.documents.length);
      this.list.append(...fresh.map(ratedRow));
      this.next = page.next;
      this.more.hidden = !page.next;
      this.section.hidden = !this.list.childElementCount && !page.next;
    } catch (error) {
      this.onProblem(error);
    }
  }

  async keep(button) {
    button.disabled = true;
    try {
      const kept = await request("POST", `${this.api}answers/${button.dataset.keep}/golden/`);
      this.onProblem(null);
      button.closest("li").remove();
      this.section.hidden = !this.list.childElementCount && this.more.hidden;
      await this.onKept(kept.question);
    } catch (error) {
      this.onProblem(error);
      button.disabled = false;
    }
  }
}

export function ratedRow(row) {
  return el(
    "li",
    { class: "golden-row" },
    el(
      "div",
      { class: "golden-text" },
      el("p", { class: "golden-question" }, row.question),
      ...row.documents.map(({ id, title, page }) => el("p", { class: "golden-target" }, el("a", { href: `/documents/${id}/` }, title), page ? `, page ${page}` : "")),
    ),
    el("div", { class: "golden-state" }, el("button", { type: "button", class: "button button-small", "data-keep": row.answer, "aria-label": `Keep: ${row.question.slice(0, 80)}` }, icon("plus"), "Keep")),
  );
}
