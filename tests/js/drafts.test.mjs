import assert from "node:assert/strict";
import { test } from "node:test";
import { browser } from "./setup.mjs";
import { Drafts, forgetDrafts, forgetDraftsAtSignOut } from "../../static/js/drafts.js";

const window = browser('<form data-sign-out></form><form class="other"></form>');
globalThis.localStorage = window.localStorage;

test("a draft belongs to its person and its conversation", () => {
  const [ada, ben] = [new Drafts("ada"), new Drafts("ben")];
  ada.write("c", "Half a ques");
  ada.write(null, "A new one");
  assert.equal(new Drafts("ada").read("c"), "Half a ques");
  assert.equal(ada.read(null), "A new one");
  assert.equal(ada.read("d"), "");
  assert.equal(ben.read("c"), "");
});

test("what was sent or emptied leaves nothing", () => {
  const drafts = new Drafts("ada");
  drafts.write("c", "Half");
  drafts.write("c", "  ");
  assert.equal(drafts.read("c"), "");
  assert.equal([...Array(localStorage.length).keys()].some((index) => localStorage.key(index).endsWith(":c")), false);
});

test("signing out removes every draft and nothing else", () => {
  localStorage.setItem("vena-theme", "dark");
  new Drafts("ada").write("c", "Secret");
  new Drafts("ada").write("d", "Secret too");
  forgetDraftsAtSignOut();
  const submit = (selector) => window.document.querySelector(selector).dispatchEvent(new window.Event("submit", { bubbles: true, cancelable: true }));
  submit(".other");
  assert.equal(new Drafts("ada").read("c"), "Secret");
  submit("[data-sign-out]");
  assert.equal(localStorage.length, 1);
  assert.equal(localStorage.getItem("vena-theme"), "dark");
});

test("a browser without storage still lets people type", () => {
  const broken = { getItem: () => assert.fail, setItem: () => { throw new Error("full"); }, removeItem: () => {} };
  const drafts = new Drafts("ada", broken);
  drafts.write("c", "Half");
  assert.doesNotThrow(() => forgetDrafts(null));
  assert.equal(new Drafts("ada", null).read("c"), "");
});
