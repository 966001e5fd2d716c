import assert from "node:assert/strict";
import { test } from "node:test";
import { browser } from "./setup.mjs";
import { accessChanges, accessIn, showAccess } from "../../static/js/collection_dialogs.js";

const CLOSED = { access: "groups", readers: ["a"], writers: [] };

function form() {
  browser(`<form><select name="access"><option value="everyone"></option><option value="groups"></option></select>
    ${["a", "b"].map((id) => `<input type="checkbox" name="readers" value="${id}"><input type="checkbox" name="writers" value="${id}">`).join("")}</form>`);
  return document.querySelector("form");
}

test("what is shown is what is read back", () => {
  const shown = form();
  showAccess(shown, CLOSED);
  assert.deepEqual(accessIn(shown), CLOSED);
  assert.deepEqual(accessChanges(shown, CLOSED), {});
});

test("only what was changed is sent", () => {
  const shown = form();
  showAccess(shown, CLOSED);
  shown.querySelector("input[name=writers][value=b]").checked = true;
  assert.deepEqual(accessChanges(shown, CLOSED), { writers: ["b"] });
});

test("a form without that part sends nothing of it", () => {
  browser("<form></form>");
  const shown = document.querySelector("form");
  showAccess(shown, CLOSED);
  assert.deepEqual(accessChanges(shown, CLOSED), {});
});
