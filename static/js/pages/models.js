// The page about the embedding model. What it shows is the server's; this asks, follows, and fetches it anew.
import { openDialog, whileBusy } from "../dialogs.js";
import { pageData, setText } from "../dom.js";
import { request } from "../http.js";
import { buildSentence, confirmWords, endSentence, estimateSentence } from "../model_words.js";

const POLL = 900; // milliseconds
const PATIENCE = 120_000; // for a switch, which takes seconds

const config = pageData("models-config");
const url = `${config.api}reembeddings/`;
const part = (name) => document.querySelector(`[data-${name}]`);
const live = part("live");
let timer = 0;
let asked = 0;

function announce(sentence) {
  part("announcer").textContent = sentence;
}

function showProblem(error) {
  part("problem").hidden = !error;
  if (error) setText(part("problem").querySelector("p"), error.message);
}

/** The page as the server has it now, put in the place of what is shown. */
async function refresh() {
  const response = await fetch(location.href, { credentials: "same-origin" });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const hadFocus = live.contains(document.activeElement);
  live.replaceChildren(...fresh.querySelector("[data-live]").childNodes);
  if (hadFocus) (live.querySelector("[data-act]") ?? live.querySelector("[name=provider]"))?.focus();
  followShown();
}

// -- what is going on --------------------------------------------------------------------------------

function followShown() {
  const row = live.querySelector("[data-follow]");
  if (row) follow(row.dataset.row, row.dataset.state, "switching" in row.dataset);
}

/** Until it is in another state than `state`. A switch has no progress to show, and an end that must come soon. */
function follow(id, state, isShort, since = Date.now()) {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    let row;
    try {
      row = await request("GET", `${url}${id}/`);
    } catch (error) {
      if ([401, 403, 404].includes(error.status)) return showProblem(error);
      return follow(id, state, isShort, since); // the network may come back
    }
    if (row.state === state) {
      if (isShort && Date.now() - since > PATIENCE) return gaveUp();
      if (!isShort) showProgress(row);
      return follow(id, state, isShort, since);
    }
    await refresh();
    announce(endSentence(row));
  }, POLL);
}

async function gaveUp() {
  await refresh();
  showProblem({ message: "This takes longer than it should. Reload the page in a minute; until then the model that answered goes on." });
}

function showProgress(row) {
  setText(part("work-text"), buildSentence(row));
  const bar = part("work-bar");
  if (row.total && row.done < row.total) {
    bar.max = row.total;
    bar.value = row.done;
  } else bar.removeAttribute("value");
}

// -- switching and discarding --------------------------------------------------------------------------

async function actOn(button) {
  const section = button.closest("[data-row]");
  const { row: id, state } = section.dataset;
  const { act, confirm, name } = button.dataset;
  if (confirm && !(await isMeant(confirmWords(confirm, name), button))) return;
  try {
    const answer = await request("POST", `${url}${id}/${act}/`);
    showProblem(null);
    if (answer.state !== state) return await refresh();
    showWaiting(section, act === "switch" ? "Switching" : "Discarding");
    follow(id, state, true);
  } catch (error) {
    showProblem(error);
  }
}

function showWaiting(section, words) {
  section.querySelector("[data-actions]").hidden = true;
  const work = section.querySelector("[data-work]");
  if (work) {
    work.hidden = false;
    setText(part("work-text"), words);
    part("work-bar").removeAttribute("value");
    part("work-bar").setAttribute("aria-label", words);
  }
  announce(`${words}.`);
}

function isMeant({ title, words, action }, button) {
  const dialog = part("confirm-dialog");
  setText(part("confirm-title"), title);
  setText(part("confirm-words"), words);
  setText(part("confirm-do"), action);
  openDialog(dialog, () => (button.isConnected ? button : live.querySelector("[data-act]")));
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "delete"), { once: true });
  });
}

// -- another model -------------------------------------------------------------------------------------

async function showEstimate(choice) {
  const mine = (asked += 1);
  part("start").hidden = true;
  setText(part("estimate"), "Working out what it takes …");
  try {
    const found = await request("POST", url, { provider: choice.value, dry_run: true });
    if (mine !== asked) return; // another one was chosen meanwhile
    setText(part("estimate"), estimateSentence(choice.dataset.name, found, choice.value === "local"));
    part("start").hidden = false;
    showProblem(null);
  } catch (error) {
    if (mine === asked) setText(part("estimate"), error.message);
  }
}

async function start(form) {
  try {
    await request("POST", url, { provider: form.elements.provider.value });
    showProblem(null);
    await refresh();
    announce("Building has begun.");
    live.querySelector("[data-act]")?.focus();
  } catch (error) {
    showProblem(error);
  }
}

live.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (button) whileBusy(button, () => actOn(button));
});
live.addEventListener("change", (event) => event.target.name === "provider" && showEstimate(event.target));
live.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-choose]")) return; // the others are sent as forms are
  event.preventDefault();
  whileBusy(part("start"), () => start(event.target));
});
followShown();
