// The list of gaps: a row's form saves what an editor decides about its topic.
import { pageData, setText } from "../dom.js";
import { request } from "../http.js";

const config = pageData("gaps-config");
const part = (name) => document.querySelector(`[data-${name}]`);

const SAID = {
  open: "The topic is open.",
  planned: "The topic is planned.",
  filled: "The topic is filled. Those who asked are told when they next open the chat.",
  dismissed: "The topic was dismissed.",
};

/** The list as the server has it now: a topic whose status changed is on another tab. */
async function refresh() {
  const response = await fetch(location.href, { credentials: "same-origin" });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  part("live").replaceChildren(...fresh.querySelector("[data-live]").childNodes);
}

function showProblem(error) {
  const problem = part("problem");
  problem.hidden = !error;
  if (error) setText(problem.querySelector("p"), error.message);
}

async function save(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const { status, note } = form.elements;
    const gap = await request("PATCH", `${config.api}gaps/${form.closest("[data-gap]").dataset.gap}/`, { status: status.value, note: note.value.trim() });
    showProblem(null);
    await refresh();
    setText(part("announcer"), SAID[gap.status]);
    part("live").querySelector("[aria-current]")?.focus();
  } catch (error) {
    showProblem(error);
    button.disabled = false;
  }
}

part("live").addEventListener("submit", (event) => {
  const form = event.target.closest("[data-gap-form]");
  if (!form) return;
  event.preventDefault();
  save(form);
});
