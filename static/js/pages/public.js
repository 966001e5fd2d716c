import { forgetDraftsAtSignOut } from "../drafts.js";
import { wirePasskeyProblems } from "../passkeys.js";
import { wireProvisioning } from "../provisioning.js";
import { wireSlugSuggestion } from "../slug.js";
import { wireThemeToggles } from "../theme.js";

wireThemeToggles();
wirePasskeyProblems();
forgetDraftsAtSignOut();

const signup = document.querySelector("[data-signup]");
if (signup) wireSlugSuggestion(signup);

const provisioning = document.querySelector("[data-provisioning]");
if (provisioning) wireProvisioning(provisioning);

const demo = document.querySelector("[data-demo]");
if (demo) wireDemo(demo);

// After a refused form the summary of what is wrong comes first, for eyes and for screen readers.
document.querySelector("[data-focus]")?.focus();

function wireDemo(root) {
  const fill = root.querySelector("[data-demo-fill]");
  fill.hidden = false;
  fill.addEventListener("click", () => {
    const form = document.querySelector("form.form");
    form.querySelector("[name=login]").value = root.querySelector("[data-demo-email]").textContent;
    form.querySelector("[name=password]").value = root.querySelector("[data-demo-password]").textContent;
    form.querySelector("[type=submit]").focus();
  });
}
