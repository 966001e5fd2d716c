// A shared conversation: answers are set as the Markdown they are; a number goes to its source below the answer.
import { createMarkdown } from "../markdown.js";

const markdown = createMarkdown(window);

for (const answer of document.querySelectorAll(".shared-answer")) {
  const body = answer.querySelector("[data-markdown]");
  const known = new Set(body.dataset.known.split(" ").filter(Boolean).map(Number));
  body.replaceChildren(markdown.toFragment(JSON.parse(answer.querySelector("[data-text] script").textContent), known));
  body.addEventListener("click", (event) => {
    const n = event.target.closest(".cite")?.dataset.n;
    if (n) show(answer, Number(n));
  });
}

function show(answer, n) {
  const source = [...answer.querySelectorAll(".shared-sources li")].find((item) => item.value === n);
  source?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  source?.querySelector("a")?.focus({ preventScroll: true });
}
