// The pages about quality: golden questions, measurements, and one measurement. Rows are the server's; this keeps them fresh.
import { GoldenDialog } from "../golden_dialog.js";
import { el, pageData, setText } from "../dom.js";
import { ApiError, csrfToken, parseJson, request } from "../http.js";
import { RatedAnswers } from "../rated_answers.js";
import { importSummary, runSentence, startersPlace } from "../quality_words.js";
import { readable } from "../trace.js";

const POLL = 900; // milliseconds
const STARTERS = 10;

const config = pageData("quality-config");
const part = (name) => document.querySelector(`[data-${name}]`);
const golden = `${config.api}golden-questions/`;
const evaluations = `${config.api}evaluations/`;

function announce(sentence) {
  const announcer = part("announcer");
  if (announcer) announcer.textContent = sentence;
}

function showProblem(error) {
  const problem = part("problem");
  if (!problem) return;
  problem.hidden = !error;
  if (error) setText(problem.querySelector("p"), error.message);
}

/** The page as the server has it now, put in the place of what is shown. */
async function refresh() {
  const response = await fetch(location.href, { credentials: "same-origin" });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const open = part("live").querySelector(".explain[open]");
  part("live").replaceChildren(...fresh.querySelector("[data-live]").childNodes);
  if (open) part("live").querySelector(".explain")?.setAttribute("open", "");
}

// -- a measurement under way ---------------------------------------------------------------------------

let timer = 0;

function showWork(run) {
  setText(part("work-text"), runSentence(run));
  const bar = part("work-bar");
  if (run.state === "running") {
    bar.max = run.progress.total;
    bar.value = run.progress.done;
  } else bar.removeAttribute("value");
}

function follow(id) {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    let run;
    try {
      run = await request("GET", `${evaluations}${id}/`);
    } catch (error) {
      if (error.status === 401 || error.status === 403 || error.status === 404) return showProblem(error);
      return follow(id); // the network may come back
    }
    if (run.state === "queued" || run.state === "running") {
      showWork(run);
      return follow(id);
    }
    if (!part("live")) return location.reload();
    await refresh();
    announce(runSentence(run));
    showProblem(run.failure ? { message: run.failure.detail } : null);
    part("measure")?.focus();
  }, POLL);
}

async function measure() {
  part("measure").disabled = true;
  try {
    const run = await request("POST", evaluations, {});
    showProblem(null);
    part("measure").hidden = true;
    part("work").hidden = false;
    showWork(run);
    announce("The measurement has begun.");
    follow(run.id);
  } catch (error) {
    showProblem(error);
  } finally {
    if (part("measure")) part("measure").disabled = false;
  }
}

// -- the list -------------------------------------------------------------------------------------------

const ACTIONS = {
  async edit(id) {
    editor.open(await request("GET", `${golden}${id}/`));
  },
  async delete(id, row) {
    if (!(await confirmDelete(row.querySelector(".golden-question").textContent))) return;
    await request("DELETE", `${golden}${id}/`);
    await refresh();
    announce("The question was deleted.");
    part("golden-new")?.focus();
  },
};

function confirmDelete(text) {
  const dialog = part("delete-dialog");
  setText(part("delete-name"), text);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "delete"), { once: true });
  });
}

let editor;

function wireList() {
  editor = new GoldenDialog(config.api, async () => {
    await refresh();
    announce("The question was saved.");
    part("golden-new")?.focus();
  });
  const opens = [["[data-golden-new]", () => editor.open()], ["[data-import-open]", openImport], ["[data-starters-open]", openStarters], ["[data-measure]", measure]];
  part("live").addEventListener("click", async (event) => {
    for (const [selector, act] of opens) if (event.target.closest(selector)) return act();
    const button = event.target.closest("[data-action]");
    if (!button) return;
    const row = button.closest("[data-id]");
    try {
      await ACTIONS[button.dataset.action](row.dataset.id, row);
      showProblem(null);
    } catch (error) {
      showProblem(error);
    }
  });
}

// -- import ---------------------------------------------------------------------------------------------

function openImport() {
  part("import-form").reset();
  importProblem("");
  part("import-ask").hidden = false;
  part("import-done").hidden = true;
  part("import-send").hidden = false;
  part("import-dialog").showModal();
}

function importProblem(sentence) {
  part("import-problem").hidden = !sentence;
  setText(part("import-problem").querySelector("p"), sentence);
}

async function sendImport() {
  const [file] = part("import-form").elements.file.files;
  if (!file) return importProblem("Choose a file first.");
  part("import-send").disabled = true;
  try {
    const body = new FormData();
    body.append("file", file);
    showImported(await upload(`${golden}import/`, body));
    await refresh();
  } catch (error) {
    importProblem(error.message);
  } finally {
    part("import-send").disabled = false;
  }
}

async function upload(url, body) {
  const response = await fetch(url, { method: "POST", body, credentials: "same-origin", headers: { Accept: "application/json", "X-CSRFToken": csrfToken() } }).catch(() => null);
  if (!response) throw new ApiError(0, null);
  const data = parseJson(await response.text());
  if (!response.ok) throw new ApiError(response.status, data);
  return data;
}

function showImported(found) {
  importProblem("");
  part("import-ask").hidden = true;
  part("import-send").hidden = true;
  part("import-done").hidden = false;
  setText(part("import-summary"), importSummary(found));
  part("import-problems").replaceChildren(
    ...found.problems.map(({ line, detail }) => el("li", {}, el("strong", {}, `Line ${line}`), ` ${detail}`)),
  );
}

function wireImport() {
  part("import-cancel").addEventListener("click", () => part("import-dialog").close());
  part("import-form").addEventListener("submit", (event) => {
    event.preventDefault();
    sendImport();
  });
}

// -- ten from passages -----------------------------------------------------------------------------------

const drawn = { passages: [], at: 0, saved: 0 };

async function openStarters() {
  try {
    const passages = await request("GET", `${golden}starters/?count=${STARTERS}`);
    if (!passages.length) throw new Error("No document is ready yet. Add documents first, then draw passages from them.");
    Object.assign(drawn, { passages, at: 0, saved: 0 });
    showProblem(null);
    showStarter();
    part("starters-dialog").showModal();
    part("starters-form").elements.question.focus();
  } catch (error) {
    showProblem(error);
  }
}

function showStarter() {
  const { document: id, title, page, heading, text } = drawn.passages[drawn.at];
  setText(part("starters-place"), startersPlace(drawn));
  const source = part("starters-source");
  setText(source, title);
  source.dataset.document = id;
  setText(part("starters-where"), [page && `page ${page}`, heading].filter(Boolean).join(" · "));
  setText(part("starters-text"), readable(text));
  part("starters-text").scrollTop = 0;
  part("starters-form").elements.question.value = "";
  startersProblem("");
}

function startersProblem(sentence) {
  part("starters-problem").hidden = !sentence;
  setText(part("starters-problem").querySelector("p"), sentence);
}

function nextStarter() {
  drawn.at += 1;
  if (drawn.at >= drawn.passages.length) return part("starters-dialog").close();
  showStarter();
  part("starters-form").elements.question.focus();
}

async function saveStarter() {
  const question = part("starters-form").elements.question.value.trim();
  if (!question) return startersProblem("Write a question, or skip this passage.");
  const { document: id, text } = drawn.passages[drawn.at];
  part("starters-save").disabled = true;
  try {
    await request("POST", golden, { question, targets: [{ document: id, quote: text }] });
    drawn.saved += 1;
    nextStarter();
  } catch (error) {
    startersProblem(error.message);
  } finally {
    part("starters-save").disabled = false;
  }
}

function wireStarters() {
  part("starters-close").addEventListener("click", () => part("starters-dialog").close());
  part("starters-skip").addEventListener("click", nextStarter);
  part("starters-form").addEventListener("submit", (event) => {
    event.preventDefault();
    saveStarter();
  });
  part("starters-form").elements.question.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    saveStarter();
  });
  part("starters-dialog").addEventListener("close", async () => {
    if (!drawn.saved) return;
    await refresh();
    announce(`${drawn.saved} saved.`);
  });
}

function wireRated() {
  const rated = new RatedAnswers(part("rated"), config.api, {
    onProblem: showProblem,
    async onKept(question) {
      await refresh();
      announce(`Kept: ${question}`);
    },
  });
  rated.load();
}

if (part("live")) {
  wireList();
  wireImport();
  wireStarters();
  wireRated();
}
const underWay = document.querySelector("[data-run]")?.dataset.run;
if (underWay) follow(underWay);
