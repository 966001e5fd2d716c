// Sets the passages as the Markdown they are, brings the cited one into view, and points "Open the original" at its page.
import { createMarkdown } from "../markdown.js";

const cited = document.querySelector("[data-cited]");

setPassages(createMarkdown(window));

if (cited) {
  cited.scrollIntoView({ block: "center" });
  cited.focus({ preventScroll: true });
  pointOriginalAt(cited.dataset.page);
  wireReturn();
}

function setPassages(markdown) {
  for (const node of document.querySelectorAll("[data-passage]")) {
    node.replaceChildren(markdown.toPassage(node.textContent, { marked: Boolean(cited?.contains(node)) }));
    node.classList.remove("chunk-plain");
  }
}

function pointOriginalAt(page) {
  const original = document.querySelector("[data-original]");
  if (original && page) original.href = `${original.getAttribute("href").split("#")[0]}#page=${page}`;
}

function wireReturn() {
  const link = document.querySelector("[data-to-cited]");
  link.hidden = false;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    cited.scrollIntoView({ block: "center", behavior: "smooth" });
    cited.focus({ preventScroll: true });
  });
}
