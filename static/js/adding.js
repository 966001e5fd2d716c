// Files into the documents page: chosen, or dropped anywhere on it.
import { setText } from "./dom.js";
import { bytes } from "./format.js";
import { kinds } from "./kinds.js";
import { droppedFiles } from "./upload.js";

/** `addFiles(files)` takes what was chosen or dropped. */
export function wireAdding({ config, part, addFiles }) {
  const input = part("file-input");
  input.accept = config.accept.join(",");
  setText(part("dropzone-hint"), `${kinds(config.accept)}, up to ${bytes(config.max_bytes)} each`);
  for (const button of document.querySelectorAll("[data-pick]")) button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    addFiles([...input.files]);
    input.value = "";
  });
  wireDrop(part("veil"), addFiles);
}

/** `veil` covers the page while files are held over it. */
export function wireDrop(veil, addFiles) {
  let depth = 0; // enter and leave fire for every element passed on the way
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const show = (change) => {
    depth = Math.max(0, depth + change);
    veil.hidden = depth === 0;
  };
  addEventListener("dragenter", (event) => hasFiles(event) && show(1));
  addEventListener("dragleave", (event) => hasFiles(event) && show(-1));
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    show(-depth);
    addFiles(await droppedFiles(event.dataTransfer));
  });
}
