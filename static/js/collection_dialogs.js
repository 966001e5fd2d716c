// A new collection, and what an existing one is set to.
import { clearProblems, openDialog, showApiError, showFieldProblem, whileBusy } from "./dialogs.js";
import { isPriced, price } from "./document_words.js";
import { setText } from "./dom.js";
import { plural } from "./format.js";
import { request } from "./http.js";

export function wireNewCollection({ config, part }) {
  const dialog = part("collection-dialog");
  const form = part("collection-form");
  part("collection-new").addEventListener("click", () => {
    form.reset();
    clearProblems(form);
    openDialog(dialog, () => part("collection-new"));
  });
  part("collection-cancel").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy(part("collection-save"), create);
  });

  async function create() {
    const { name, description } = form.elements;
    if (!name.value.trim()) return showFieldProblem(name, "Give the collection a name."), name.focus();
    try {
      const made = await request("POST", `${config.api}collections/`, { name: name.value.trim(), description: description.value.trim() });
      location.assign(`/documents/?collection=${encodeURIComponent(made.id)}`);
    } catch (error) {
      showApiError(form, error);
    }
  }
}

/** What contextual sentences would cost, said before they are switched on. */
export function contextSentence({ is_possible: isPossible, chunks, cost_gbp: cost }) {
  if (!isPossible) return "No model that writes is set up. Ask your administrator for a provider key, then switch this on.";
  if (!chunks) return "There are no passages here yet. Each one that is added later costs a little.";
  if (!isPriced(cost)) return `What it costs for the ${plural(chunks, "passage")} here now can't be told: the price of the model is not known.`;
  return `For the ${plural(chunks, "passage")} here now this costs ${price(cost)}, once. Each one that is added later costs its share.`;
}

/** What "Read again" would do. */
export function reindexSentence({ documents, context_cost_gbp: cost }) {
  if (!documents) return "Every document was read with the settings above.";
  const many = documents === 1 ? "1 document was" : `${documents.toLocaleString("en-GB")} documents were`;
  const paid = !isPriced(cost) ? "" : ` The sentences cost up to ${price(cost).replace(/^about /, "")}.`;
  return `${many} read with other settings. Reading again goes on in the background; until then the earlier passages answer.${paid}`;
}

const ACCESS = ["readers", "writers"];

/** The groups ticked, by what they may do; {} where the form has no such part. */
export function accessIn(form) {
  if (!form.elements.access) return {};
  const ticked = (name) => [...form.querySelectorAll(`input[name=${name}]:checked`)].map((box) => box.value);
  return { access: form.elements.access.value, readers: ticked("readers"), writers: ticked("writers") };
}

export function showAccess(form, collection) {
  if (!form.elements.access) return;
  form.elements.access.value = collection.access;
  for (const name of ACCESS) for (const box of form.querySelectorAll(`input[name=${name}]`)) box.checked = collection[name].includes(box.value);
}

/** Only what differs: who may read is not asked for with every other change. */
export function accessChanges(form, saved) {
  const wanted = accessIn(form);
  const same = (name) => [wanted[name]].flat().sort().join() === [saved[name]].flat().sort().join();
  return Object.fromEntries(Object.entries(wanted).filter(([name]) => !same(name)));
}

/** `onSaved(collection)` hears what the server stored, `onReindex()` that documents are in line again. */
export function wireCollectionSettings({ config, part, onSaved, onReindex }) {
  const dialog = part("settings-dialog");
  const form = part("settings-form");
  const url = `${config.api}collections/${config.collection}/`;
  let saved = null;

  part("settings-open").addEventListener("click", async () => {
    fill(config.collections.find(({ id }) => id === config.collection));
    openDialog(dialog, () => part("settings-open"));
    await Promise.all([showEstimate(), showReindex()]);
  });
  part("settings-close").addEventListener("click", () => dialog.close());
  part("settings-reindex").addEventListener("click", () => whileBusy(part("settings-reindex"), reindex));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy(part("settings-save"), save);
  });

  function fill(collection) {
    saved = collection;
    clearProblems(form);
    setText(part("settings-saved"), "");
    const { name, description, language, is_contextual: contextual } = form.elements;
    name.value = collection.name;
    description.value = collection.description;
    language.value = collection.language;
    contextual.checked = collection.is_contextual;
    showAccess(form, collection);
    contextual.disabled = true; // until its cost is known
    setText(part("settings-cost"), "Working out what it costs …");
    setText(part("settings-stale"), "Counting …");
    part("settings-reindex").hidden = true;
  }

  async function showEstimate() {
    try {
      const estimate = await request("GET", `${url}context-estimate/`);
      setText(part("settings-cost"), contextSentence(estimate));
      form.elements.is_contextual.disabled = !estimate.is_possible && !saved.is_contextual;
    } catch (error) {
      setText(part("settings-cost"), `The cost could not be worked out, so this can't be switched on. ${error.message}`);
    }
  }

  async function showReindex() {
    try {
      const found = await request("POST", `${config.api}documents/reindex/`, { collection: config.collection, dry_run: true });
      setText(part("settings-stale"), reindexSentence(found));
      part("settings-reindex").hidden = !found.documents;
    } catch (error) {
      setText(part("settings-stale"), error.message);
    }
  }

  async function save() {
    clearProblems(form);
    const { name, description, language, is_contextual: contextual } = form.elements;
    if (!name.value.trim()) return showFieldProblem(name, "Give the collection a name."), name.focus();
    const body = { name: name.value.trim(), description: description.value.trim(), language: language.value, ...accessChanges(form, saved) };
    if (!contextual.disabled) body.is_contextual = contextual.checked;
    try {
      saved = await request("PATCH", url, body);
      setText(part("settings-saved"), "Saved.");
      onSaved(saved);
      await showReindex();
    } catch (error) {
      showApiError(form, error, { unknown_language: "language", context_impossible: "is_contextual" });
    }
  }

  async function reindex() {
    try {
      const begun = await request("POST", `${config.api}documents/reindex/`, { collection: config.collection });
      setText(part("settings-stale"), `${plural(begun.documents, "document")} put in line. The list shows how they get on.`);
      part("settings-reindex").hidden = true;
      part("settings-close").focus();
      onReindex();
    } catch (error) {
      showApiError(form, error);
    }
  }
}
