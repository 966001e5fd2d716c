// A page of a PDF with a passage marked. A file of its own: it is fetched when the first PDF is opened.
import { getDocument, GlobalWorkerOptions, TextLayer } from "pdfjs-dist/legacy/build/pdf.mjs";
import { el, icon, scrollTo, setText } from "../dom.js";
import { TextIndex } from "../quote_finder.js";

const ZOOMS = [0.5, 0.75, 1, 1.25, 1.5, 2, 3]; // of the width there is
const SHARPEST = 2; // device pixels a point; more costs memory and is not seen
const EDGE = 4; // pixels from the end at which a page counts as read

/** Draws into `host` and resolves when the page with the passage is there. Rejects when the file can't be read. */
export async function openPdf(host, options) {
  const view = new PdfView(host, options);
  try {
    await view.load();
  } catch (error) {
    view.destroy();
    throw error;
  }
  return view;
}

class PdfView {
  constructor(host, { url, worker, assets, page, quote, boxes }) {
    Object.assign(this, { host, url, quote, boxes });
    this.wanted = page || boxes[0]?.[0] || 1;
    this.zoom = ZOOMS.indexOf(1);
    this.drawing = 0;
    GlobalWorkerOptions.workerSrc = worker;
    this.assets = assets;
    this.build();
  }

  build() {
    const button = (name, label, act, more = "") => el("button", { type: "button", class: `icon-button ${more}`, "aria-label": label, onclick: act }, icon(name));
    this.before = button("chevron", "Previous page", () => this.turn(-1), "icon-left");
    this.after = button("chevron", "Next page", () => this.turn(1), "icon-right");
    this.number = el("span", { class: "pdf-number", role: "status" });
    this.smaller = button("minus", "Zoom out", () => this.zoomBy(-1));
    this.larger = button("plus", "Zoom in", () => this.zoomBy(1));
    this.scale = el("span", { class: "pdf-scale" });
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.text = el("div", { class: "pdf-text textLayer" });
    this.overlay = el("div", { class: "pdf-boxes", "aria-hidden": "true" });
    this.sheet = el("div", { class: "pdf-sheet" }, this.canvas, this.overlay, this.text);
    this.scroller = el("div", { class: "pdf-scroll", tabindex: "0", role: "region", "aria-label": "Page of the document", onkeydown: (event) => this.key(event) }, this.sheet);
    const bar = el("div", { class: "pdf-bar", role: "toolbar", "aria-label": "Pages and zoom" }, this.before, this.number, this.after, el("span", { class: "pdf-gap" }), this.smaller, this.scale, this.larger);
    this.element = el("div", { class: "pdf" }, bar, this.scroller);
  }

  async load() {
    const { assets, url } = this;
    const shared = { cMapUrl: `${assets}cmaps/`, standardFontDataUrl: `${assets}standard_fonts/`, wasmUrl: `${assets}wasm/` };
    const safe = { useWasm: false, enableXfa: false, disableAutoFetch: true, disableStream: true };
    this.task = getDocument({ url, ...shared, ...safe });
    this.file = await this.task.promise;
    this.host.replaceChildren(this.element);
    this.resized = new ResizeObserver(() => this.refit());
    await this.draw(await this.pageOfQuote());
    this.resized.observe(this.scroller);
  }

  /** The page that holds the quote: the one it was cited from, unless the text stands on one beside it. */
  async pageOfQuote() {
    const wanted = Math.min(Math.max(1, this.wanted), this.file.numPages);
    if (!this.quote) return wanted;
    for (const page of [wanted, wanted + 1, wanted - 1]) {
      if (page >= 1 && page <= this.file.numPages && (await this.holdsQuote(page))) return page;
    }
    return wanted;
  }

  async holdsQuote(number) {
    const content = await (await this.file.getPage(number)).getTextContent();
    const words = el("div", {}, ...content.items.map((item) => el("span", {}, item.str ?? "")));
    return new TextIndex(words).find(this.quote) !== null;
  }

  async draw(number, { keepPlace = false } = {}) {
    const drawing = (this.drawing += 1);
    const page = await this.file.getPage(number);
    if (drawing !== this.drawing) return;
    this.page = number;
    const viewport = page.getViewport({ scale: this.scaleFor(page) });
    const canvas = el("canvas", { "aria-hidden": "true" });
    const text = el("div", { class: "pdf-text textLayer" });
    this.rendering?.cancel();
    this.rendering = page.render(this.canvasFor(canvas, viewport));
    const layer = new TextLayer({ textContentSource: page.streamTextContent(), container: text, viewport });
    try {
      await Promise.all([this.rendering.promise, layer.render()]);
    } catch (error) {
      if (error.name === "RenderingCancelledException") return;
      throw error;
    }
    if (drawing !== this.drawing) return;
    this.fit(viewport, canvas, text);
    this.showNumbers();
    this.mark(page, viewport);
    if (!keepPlace) this.bringIntoView();
  }

  canvasFor(canvas, viewport) {
    const sharpness = Math.min(devicePixelRatio || 1, SHARPEST);
    canvas.width = Math.floor(viewport.width * sharpness);
    canvas.height = Math.floor(viewport.height * sharpness);
    return { canvas, viewport, transform: sharpness === 1 ? undefined : [sharpness, 0, 0, sharpness, 0, 0] };
  }

  fit(viewport, canvas, text) {
    this.sheet.style.width = `${Math.floor(viewport.width)}px`;
    this.sheet.style.height = `${Math.floor(viewport.height)}px`;
    this.sheet.style.setProperty("--total-scale-factor", String(viewport.scale));
    this.canvas.replaceWith(canvas);
    this.text.replaceWith(text);
    Object.assign(this, { canvas, text });
  }

  scaleFor(page) {
    const width = Math.max(200, this.scroller.clientWidth - 2 * EDGE);
    this.width = this.scroller.clientWidth;
    return (width / page.getViewport({ scale: 1 }).width) * ZOOMS[this.zoom];
  }

  /** The quote's own letters; where the page does not have them as text, the boxes of the passage. */
  mark(page, viewport) {
    const index = this.quote ? new TextIndex(this.text) : null;
    const found = index?.find(this.quote);
    this.marks = found ? index.wrap(found, () => el("mark", { class: "pdf-quote" })) : this.markBoxes(page, viewport);
  }

  markBoxes(page, { scale }) {
    const own = this.boxes.filter(([number]) => number === this.page);
    const boxes = own.map(([, left, top, right, bottom]) => {
      const box = el("div", { class: "pdf-box" });
      const place = { left, top, width: right - left, height: bottom - top };
      for (const [name, points] of Object.entries(place)) box.style[name] = `${points * scale}px`;
      return box;
    });
    this.overlay.replaceChildren(...boxes);
    return boxes;
  }

  bringIntoView() {
    const first = this.marks[0];
    if (!first) return this.scroller.scrollTo(0, 0);
    scrollTo(this.scroller, first, 1 / 3);
  }

  showNumbers() {
    setText(this.number, `Page ${this.page} of ${this.file.numPages}`);
    setText(this.scale, `${Math.round(ZOOMS[this.zoom] * 100)} %`);
    this.before.disabled = this.page <= 1;
    this.after.disabled = this.page >= this.file.numPages;
    this.smaller.disabled = this.zoom === 0;
    this.larger.disabled = this.zoom === ZOOMS.length - 1;
  }

  async turn(by) {
    const number = this.page + by;
    if (number < 1 || number > this.file.numPages) return;
    await this.draw(number);
    if (!this.marks.length && by < 0) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  zoomBy(steps) {
    const zoom = Math.min(Math.max(0, this.zoom + steps), ZOOMS.length - 1);
    if (zoom === this.zoom) return;
    this.zoom = zoom;
    this.draw(this.page);
  }

  refit() {
    if (!this.page || Math.abs(this.scroller.clientWidth - this.width) <= 1) return;
    clearTimeout(this.refitting);
    this.refitting = setTimeout(() => this.draw(this.page, { keepPlace: true }), 120);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = this.actionOf(event.key);
    if (!act) return;
    event.preventDefault();
    act();
  }

  // Page down reads on: through a page first, then to the next one.
  actionOf(key) {
    const { scroller } = this;
    const atEnd = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - EDGE;
    const read = (by) => scroller.scrollBy({ top: by * scroller.clientHeight * 0.9 });
    if (key === "PageDown") return () => (atEnd ? this.turn(1) : read(1));
    if (key === "PageUp") return () => (scroller.scrollTop <= EDGE ? this.turn(-1) : read(-1));
    if (key === "+" || key === "=") return () => this.zoomBy(1);
    if (key === "-") return () => this.zoomBy(-1);
    if (key === "0") return () => this.zoomBy(ZOOMS.indexOf(1) - this.zoom);
    return null;
  }

  destroy() {
    this.drawing += 1;
    clearTimeout(this.refitting);
    this.resized?.disconnect();
    this.rendering?.cancel();
    this.task?.destroy();
    this.element.remove();
  }
}
