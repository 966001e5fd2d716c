// Brings the cited passage into view, and points "Open the original" at its page.
const cited = document.querySelector("[data-cited]");

if (cited) {
  cited.scrollIntoView({ block: "center" });
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
    cited.scrollIntoView({ block: "center", behavior: "smooth" });
    cited.focus({ preventScroll: true });
  });
}
