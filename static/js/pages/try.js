// "Try a query": a search that shows its stages.
import { el, icon, pageData, setText } from "../dom.js";
import { plural } from "../format.js";
import { GoldenDialog } from "../golden_dialog.js";
import { request } from "../http.js";
import { columnsOf, filterCount, journeys, marked, milliseconds, pageOf, queryWords, quoteOf, readable, searchBody, stageLabel, stagesWithCandidates, timesOf } from "../trace.js";

const SVG = "http://www.w3.org/2000/svg";
const SCORES = { dense: "meaning", keyword: "keywords", fused: "joined", rerank: "reranked" };

const config = pageData("try-config");
const part = (name) => document.querySelector(`[data-${name}]`);
const form = part("try-form");
let shown = null; // {query, words, trace, results, ways}
let current = "ways";
let asked = 0;

const golden = new GoldenDialog(config.api, () => announce("The golden question was saved."));

function announce(sentence) {
  part("announcer").textContent = sentence;
}

function showProblem(error) {
  part("problem").hidden = !error;
  if (error) setText(part("problem").querySelector("p"), error.message);
}

// -- asking ----------------------------------------------------------------------------------------------

function bodyOfForm() {
  const { query, tags, since, until, limit, rerank } = form.elements;
  const collections = [...form.querySelectorAll("[name=collection]:checked")].map((box) => box.value);
  return searchBody({ query: query.value, collections, tags: tags.value, since: since.value, until: until.value, limit: limit.value, rerank: rerank.value });
}

async function search() {
  const body = bodyOfForm();
  if (!body.query) return form.elements.query.focus();
  const mine = (asked += 1);
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await request("POST", `${config.api}search/explain/`, body);
    if (mine !== asked) return;
    history.replaceState(null, "", `?q=${encodeURIComponent(body.query)}`);
    showProblem(null);
    show(body.query, answer);
  } catch (error) {
    if (mine === asked) showProblem(error);
  } finally {
    if (mine === asked) form.removeAttribute("aria-busy");
  }
}

function showFilterCount() {
  const count = filterCount(bodyOfForm());
  part("filter-count").hidden = !count;
  setText(part("filter-count"), String(count));
}

// -- showing ---------------------------------------------------------------------------------------------

function show(query, { trace, results, notices }) {
  shown = { query, words: queryWords(query), trace, results, ways: journeys(trace, results) };
  part("hint").hidden = true;
  part("result").hidden = false;
  part("notices").replaceChildren(...notices.map(({ detail }) => el("div", { class: "alert alert-warning" }, el("p", {}, detail))));
  setText(part("total"), milliseconds(trace.milliseconds));
  part("times").replaceChildren(timeBar(timesOf(trace)));
  if (!tabs().some(({ key }) => key === current)) current = "ways";
  drawTabs();
  drawPanel();
  announce(`${plural(results.length, "passage")} found in ${milliseconds(trace.milliseconds)}.`);
}

function tabs() {
  const stages = stagesWithCandidates(shown.trace);
  return [
    { key: "ways", label: "Way of each passage", count: shown.ways.length },
    { key: "result", label: "Result", count: shown.results.length },
    ...stages.map(({ name, candidates }) => ({ key: name, label: stageLabel(name), count: candidates.length })),
  ];
}

function drawTabs() {
  const buttons = tabs().map(({ key, label, count }) =>
    el(
      "button",
      { type: "button", class: "tab", role: "tab", id: `tab-${key}`, "data-tab": key, "aria-controls": "try-panel", "aria-selected": String(key === current), tabindex: key === current ? 0 : -1 },
      label, " ", el("span", { class: "tab-count" }, count),
    ),
  );
  part("tabs").replaceChildren(...buttons);
}

function drawPanel() {
  const stage = shown.trace.stages.find(({ name }) => name === current);
  const panel = part("panel");
  panel.setAttribute("aria-labelledby", `tab-${current}`);
  if (!shown.ways.length) panel.replaceChildren(el("p", { class: "muted" }, "Nothing was found. Loosen the filters, or add documents that say something about it."));
  else if (current === "ways") panel.replaceChildren(waysTable());
  else if (current === "result") panel.replaceChildren(resultList());
  else panel.replaceChildren(stageList(stage));
}

function timeBar(times) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of [["class", "time-bar"], ["viewBox", "0 0 1000 14"], ["preserveAspectRatio", "none"], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
  for (const [index, { from, share }] of times.entries()) {
    const rect = document.createElementNS(SVG, "rect");
    for (const [name, value] of [["x", from * 1000], ["y", 0], ["width", Math.max(share * 1000 - 1.5, 1)], ["height", 14], ["class", `time-${index % 6}`]]) rect.setAttribute(name, String(value));
    svg.append(rect);
  }
  const keys = times.map(({ label, detail, milliseconds: spent }, index) =>
    el("li", {}, el("span", { class: `time-key time-${index % 6}`, "aria-hidden": "true" }), el("span", {}, label, detail && el("span", { class: "muted" }, ` ${detail}`)), el("strong", {}, milliseconds(spent))),
  );
  return el("div", {}, svg, el("ul", { class: "time-keys" }, ...keys));
}

// -- the way of each passage --------------------------------------------------------------------------------

function waysTable() {
  const columns = columnsOf(shown.trace);
  const head = el("tr", {}, el("th", { scope: "col" }, "Passage"), ...columns.map(({ name }) => el("th", { scope: "col", class: "ways-rank" }, stageLabel(name))), el("th", { scope: "col" }, "What became of it"));
  const rows = shown.ways.map((way) =>
    el(
      "tr",
      { "data-fate": way.fate.kind },
      el("td", { class: "ways-passage" }, passageTitle(way), snippet(way.text, 150)),
      ...columns.map(({ name }) => el("td", { class: "ways-rank", "data-stage": stageLabel(name) }, way.ranks[name] ?? el("span", { class: "muted" }, "–"))),
      el("td", { class: "ways-fate" }, fateBadge(way.fate), keepButton(way)),
    ),
  );
  return el("div", { class: "ways-scroll" }, el("table", { class: "table ways" }, el("caption", { class: "visually-hidden" }, "Rank of each passage in each stage"), el("thead", {}, head), el("tbody", {}, ...rows)));
}

function fateBadge({ kind, words }) {
  const tone = { kept: "badge-good", merged: "badge-good", folded: "badge-warn", out: "badge-warn", gone: "badge-bad" }[kind] ?? "badge-quiet";
  return el("span", { class: `badge ${tone} fate` }, words);
}

function passageTitle({ document: id, title, heading, position, version, ...rest }) {
  const where = [pageOf(rest), heading].filter(Boolean).join(" · ");
  if (!title) return el("p", { class: "muted" }, "A passage that is gone from the database");
  return el("p", { class: "passage-title" }, el("a", { href: `/documents/${id}/?${version ? `version=${version}&` : ""}chunk=${position}` }, title), where && el("span", { class: "muted small" }, ` ${where}`));
}

function snippet(text, longest) {
  const plain = readable(text);
  const short = plain.length > longest ? `${plain.slice(0, longest).trimEnd()}…` : plain;
  return el("p", { class: "snippet" }, ...marked(short, shown.words).map(({ text: piece, hit }) => (hit ? el("mark", {}, piece) : piece)));
}

function keepButton({ document: id, title, text }) {
  if (!title) return null;
  const open = () => golden.open({ question: shown.query, targets: [{ document: id, title, quote: quoteOf(text) }] });
  return el("button", { type: "button", class: "button button-small button-quiet keep", onclick: open, title: "Make this a golden question" }, icon("plus"), "Golden question", el("span", { class: "visually-hidden" }, ` of ${title}`));
}

// -- one stage, and the result --------------------------------------------------------------------------------

function stageList(stage) {
  const fates = new Map(shown.ways.map((way) => [way.chunk, way.fate]));
  const about = [stage.detail, stage.milliseconds === null ? "in the same round trip" : milliseconds(stage.milliseconds)].filter(Boolean).join(" · ");
  const rows = stage.candidates.map((one) =>
    el(
      "li",
      { class: "seen", "data-fate": fates.get(one.chunk).kind },
      el("span", { class: "seen-rank" }, one.rank),
      el("div", {}, passageTitle(one), snippet(one.text, 280), el("p", { class: "seen-foot" }, ...scoreList(one.scores), fateBadge(fates.get(one.chunk)), keepButton(one))),
    ),
  );
  return el("div", {}, el("p", { class: "muted small" }, about), el("ol", { class: "seen-list" }, ...rows));
}

function scoreList(scores) {
  return Object.entries(scores).map(([name, value]) => el("span", { class: "score" }, SCORES[name] ?? name, " ", el("strong", {}, value.toFixed(3))));
}

function resultList() {
  const rows = shown.results.map((one) =>
    el(
      "li",
      { class: "seen", "data-fate": "kept" },
      el("span", { class: "seen-rank" }, one.n),
      el("div", {}, passageTitle(one), snippet(one.text, 900), el("p", { class: "seen-foot" }, ...scoreList({ joined: one.score, dense: one.similarity }), keepButton(one))),
    ),
  );
  return el("ol", { class: "seen-list" }, ...rows);
}

// -- wiring --------------------------------------------------------------------------------------------------

function select(key) {
  current = key;
  drawTabs();
  drawPanel();
  part("tabs").querySelector(`[data-tab="${key}"]`).focus();
}

part("tabs").addEventListener("click", (event) => {
  const tab = event.target.closest("[data-tab]");
  if (tab) select(tab.dataset.tab);
});
part("tabs").addEventListener("keydown", (event) => {
  const keys = tabs().map(({ key }) => key);
  const at = keys.indexOf(current);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: keys.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  select(keys[(to + keys.length) % keys.length]);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
form.addEventListener("change", showFilterCount);
if (form.elements.query.value.trim()) search();
