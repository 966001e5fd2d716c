// "Add a web page": one address, or a whole site by its sitemap.
import { clearProblems, openDialog, showApiError, showFieldProblem, whileBusy } from "./dialogs.js";
import { newId } from "./dom.js";
import { request } from "./http.js";

const ABOUT_ADDRESS = /^(url|sitemap)_/; // codes of what is wrong with an address, and there will be more of them

/** What is wrong with an address before it is sent; "" when nothing is. */
export function addressProblem(text) {
  if (!text) return "Give the address of the page.";
  let url;
  try {
    url = new URL(text);
  } catch {
    return "This is not a web address. It looks like https://example.com/page.";
  }
  return /^https?:$/.test(url.protocol) ? "" : "The address must begin with https:// or http://.";
}

/** People type "example.com/page"; the API wants the whole address. */
export function wholeAddress(text) {
  const trimmed = text.trim();
  return !trimmed || /^[a-z][a-z0-9+.-]*:/i.test(trimmed) ? trimmed : `https://${trimmed}`;
}

export function pagesProblem(value, most) {
  const count = Number(value);
  return Number.isInteger(count) && count >= 1 && count <= most ? "" : `Give a number from 1 to ${most.toLocaleString("en-GB")}.`;
}

export function bodyOf({ url, collection, isSite, maxPages }) {
  return isSite ? { url, collection, sitemap: true, max_pages: Number(maxPages) } : { url, collection, sitemap: false };
}

/** `onAdded(document)` hears what the server made of it. */
export function wireWebDialog({ config, part, onAdded }) {
  const dialog = part("web-dialog");
  const form = part("web-form");
  const { url, sitemap, max_pages: maxPages } = form.elements;
  let key = "";
  const showLimit = () => (part("web-limit").hidden = !sitemap.checked);
  part("web-open").addEventListener("click", () => {
    form.reset();
    clearProblems(form);
    showLimit();
    key = newId();
    openDialog(dialog, () => part("web-open"));
    url.focus();
  });
  form.addEventListener("input", () => (key = newId())); // another request from here on
  sitemap.addEventListener("change", showLimit);
  part("web-cancel").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy(part("web-send"), send);
  });

  async function send() {
    clearProblems(form);
    const address = wholeAddress(url.value);
    const problem = addressProblem(address);
    if (problem) return refuse(url, problem);
    const tooMany = sitemap.checked && pagesProblem(maxPages.value, config.max_pages);
    if (tooMany) return refuse(maxPages, tooMany);
    try {
      const body = bodyOf({ url: address, collection: config.collection, isSite: sitemap.checked, maxPages: maxPages.value });
      const added = await request("POST", `${config.api}documents/`, body, { "Idempotency-Key": key });
      dialog.close();
      onAdded(added);
    } catch (error) {
      showApiError(form, error, ABOUT_ADDRESS.test(error.code) ? { [error.code]: "url" } : {});
    }
  }

  function refuse(input, sentence) {
    showFieldProblem(input, sentence);
    input.focus();
  }
}
