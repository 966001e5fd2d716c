// Follows the making of an organisation, step by step, and goes there when it is ready.
import { el, icon, setText } from "./dom.js";
import { request } from "./http.js";

const EVERY = 300;
const AFTER_TROUBLE = 2000;

export function wireProvisioning(root) {
  const part = (name) => root.querySelector(`[data-${name}]`);
  const steps = part("steps");
  let announced = "";

  async function look() {
    let status;
    try {
      status = await request("GET", root.dataset.statusUrl);
    } catch {
      return setTimeout(look, AFTER_TROUBLE); // the work goes on without us; asking again is all there is to do
    }
    show(status);
    if (status.state === "running") setTimeout(look, EVERY);
    if (status.state === "done") location.assign(status.enter_url);
  }

  function show(status) {
    steps.replaceChildren(...status.steps.map(stepItem));
    const current = status.steps.find((step) => step.state === "running" || step.state === "failed");
    if (current && current.key !== announced) {
      announced = current.key;
      setText(part("announce"), current.title);
    }
    showEnd(status);
  }

  function showEnd({ state, steps: all, enter_url: enterUrl, retry_url: retryUrl }) {
    const failed = state === "failed";
    const sentence = all.find((step) => step.state === "failed")?.detail || "One step did not work.";
    part("failure").hidden = !failed;
    if (failed) setText(part("failure").querySelector("p"), sentence);
    part("retry").hidden = !(failed && retryUrl);
    part("retry").dataset.url = retryUrl ?? "";
    part("enter").hidden = state !== "done";
    if (state === "done") {
      part("enter").href = enterUrl;
      setText(part("summary"), "Everything is ready. Taking you there.");
    }
  }

  part("retry").addEventListener("click", async () => {
    part("retry").disabled = true;
    try {
      await request("POST", part("retry").dataset.url);
      part("failure").hidden = true;
      part("retry").hidden = true;
    } catch (error) {
      setText(part("failure").querySelector("p"), error.message);
    }
    part("retry").disabled = false;
    look();
  });

  look();
}

const STATE_WORDS = { waiting: "waiting", running: "in progress", done: "done", failed: "failed" };

function stepItem(step) {
  const detail = step.state === "failed" ? "" : step.detail;
  return el(
    "li",
    { class: "step", "data-state": step.state },
    el("span", { class: "step-dot" }, icon(step.state === "failed" ? "close" : "check")),
    el(
      "div",
      {},
      el("p", { class: "step-title" }, step.title, el("span", { class: "visually-hidden" }, `, ${STATE_WORDS[step.state]}`)),
      detail && el("p", { class: "step-detail" }, detail),
    ),
  );
}
