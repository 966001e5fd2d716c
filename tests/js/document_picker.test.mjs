import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { browser } from "./setup.mjs";
import { DocumentPicker } from "../../static/js/document_picker.js";

const FOUND = [{ id: "1", title: "Travel <policy>", file_name: "travel.pdf", collection: "HR" }, { id: "2", title: "Travel notes", file_name: "", collection: "HR" }];
let picker;
let asked;

beforeEach(() => {
  const window = browser();
  globalThis.fetch = async (url) => {
    asked.push(url);
    return { ok: true, status: 200, text: async () => JSON.stringify(FOUND) };
  };
  asked = [];
  window.HTMLElement.prototype.scrollIntoView = () => {};
  picker = new DocumentPicker("/documents/");
  document.body.append(picker.node);
  picker.input.focus();
});

const key = (name) => picker.input.dispatchEvent(new window.KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

test("arrows move through the suggestions and Enter takes one", async () => {
  picker.input.value = "tra vel";
  await picker.ask();
  assert.equal(asked.at(-1), "/documents/?q=tra%20vel");
  assert.equal(picker.input.getAttribute("aria-expanded"), "true");
  key("ArrowDown");
  key("ArrowDown");
  key("ArrowDown"); // around the end
  assert.equal(document.getElementById(picker.input.getAttribute("aria-activedescendant")).firstChild.textContent, "Travel <policy>");
  key("Enter");
  assert.deepEqual([picker.value, picker.input.value, picker.list.hidden], ["1", "Travel <policy>", true]);
});

test("typing on lets go of what was chosen", async () => {
  await picker.ask();
  picker.choose(1);
  picker.input.value = "Travel n";
  picker.input.dispatchEvent(new window.Event("input"));
  assert.equal(picker.value, null);
  picker.close();
});

test("Escape closes the list alone, and a late answer does not open it again", async () => {
  await picker.ask();
  let heard = 0;
  document.body.addEventListener("keydown", () => (heard += 1));
  key("Escape");
  assert.deepEqual([picker.list.hidden, heard], [true, 0]);
  const late = picker.ask();
  picker.close();
  await late;
  await settled();
  assert.equal(picker.list.hidden, true);
});

test("a known document is chosen from the start", () => {
  assert.equal(new DocumentPicker("/documents/", { id: "9", title: "Known" }).value, "9");
});
