// Sets the passages as the Markdown they are, brings the cited one into view, and points "Open the original" at its page.
import { setPassages } from "../document_panel.js";
import { createMarkdown } from "../markdown.js";

const cited = document.querySelector("[data-cited]");

const text = document.querySelector(".viewer-text");
setPassages(text, createMarkdown(window), text.dataset.quote);
const place = text.querySelector("mark.quote") ?? cited;

if (cited) {
  place.scrollIntoView({ block: "center" });
  cited.focus({ preventScroll: true });
  pointOriginalAt(cited.dataset.page);
  wireReturn();
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
    place.scrollIntoView({ block: "center", behavior: "smooth" });
    cited.focus({ preventScroll: true });
  });
}
