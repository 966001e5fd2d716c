// Small helpers to build elements. Text always goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/** el("a", {class: "x", href: "/"}, "text", child): attributes as written in markup, `on…` as listeners. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${document.body.dataset.sprite}#${name}`);
  svg.append(use);
  return svg;
}

/** The value a template left in a json_script element; null when there is none. */
export function pageData(id) {
  const node = document.getElementById(id);
  return node ? JSON.parse(node.textContent) : null;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Brings `node` into view in `scroller` and nowhere else: `scrollIntoView` would move the page around it as well. */
export function scrollTo(scroller, node, share = 0) {
  const above = node.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
  scroller.scrollTop += above - share * scroller.clientHeight;
}

/** True for addresses of this very site; everything else is never followed from an answer. */
export function sameOrigin(url, origin = location.origin) {
  try {
    const target = new URL(url, origin);
    return target.origin === origin && /^https?:$/.test(target.protocol);
  } catch {
    return false;
  }
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyThroughSelection(text);
  }
}

// The clipboard API is absent on plain http outside localhost, which is how some intranets run.
function copyThroughSelection(text) {
  const area = el("textarea", { class: "visually-hidden", "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}

export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  // randomUUID needs https; intranets on plain http get the same by hand.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
