// Markdown of a model or a document to safe DOM. Nothing in it may load, link out of, or script the page.
import createDOMPurify from "dompurify";
import MarkdownIt from "markdown-it";
import { citationPlugin } from "./citations.js";
import { sameOrigin } from "./dom.js";
import { highlight } from "./highlight.js";

const RULES = {
  ALLOWED_TAGS: [
    "a", "blockquote", "br", "button", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr",
    "li", "mark", "ol", "p", "pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
  ],
  ALLOWED_ATTR: ["aria-label", "aria-pressed", "class", "data-copy", "data-n", "href", "start", "tabindex", "title", "type"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

/** `window` is a parameter so that tests can bring their own. */
export function createMarkdown(window) {
  const purify = createDOMPurify(window);
  const md = createParser();
  const passages = createPassageParser();
  const safe = (markup) => {
    const fragment = purify.sanitize(markup, RULES);
    tameLinks(fragment, window.location.origin);
    return fragment;
  };
  return {
    toFragment: (source, known) => safe(md.render(source, { known })),
    /** A document's own words: no citations in them, and with `marked` the marker over all of them. */
    toPassage: (source, { marked = false } = {}) => safe(passages.render(source, { marked })),
    blockStarts: (source) => blockStarts(md, source),
  };
}

function createParser() {
  const md = safeParser({ breaks: false });
  md.use(citationPlugin);
  return md;
}

// Much of what a document says was never meant as Markdown: its line breaks count, and what makes sense in Markdown
// files alone (indented code, headings by underlining) is left as it stands.
function createPassageParser() {
  const md = safeParser({ breaks: true });
  md.disable(["code", "lheading"]);
  md.renderer.rules.fence = (tokens, index, options, env) => passageCode(tokens[index], env, md.utils.escapeHtml);
  md.core.ruler.push("marker", (state) => {
    if (!state.env.marked) return;
    for (const token of state.tokens) if (token.type === "inline") token.children = underMarker(token.children, state.Token);
  });
  return md;
}

function underMarker(children, Token) {
  return children.length ? [new Token("mark_open", "mark", 1), ...children, new Token("mark_close", "mark", -1)] : children;
}

function passageCode({ content, info }, { marked }, escape) {
  const coloured = colouredCode(content, languageOf(info), escape);
  return `<pre class="passage-code" tabindex="0"><code class="hljs">${marked ? `<mark>${coloured}</mark>` : coloured}</code></pre>`;
}

function safeParser(options) {
  const md = new MarkdownIt({ html: false, linkify: false, ...options });
  const rules = md.renderer.rules;
  const escape = md.utils.escapeHtml;
  rules.image = (tokens, index) => escape(tokens[index].content);
  rules.fence = (tokens, index) => codeBlock(tokens[index].content, languageOf(tokens[index].info), escape);
  rules.code_block = (tokens, index) => codeBlock(tokens[index].content, "", escape);
  rules.table_open = () => '<div class="table-scroll" tabindex="0"><table>';
  rules.table_close = () => "</table></div>";
  rules.th_open = rules.td_open = alignedCell;
  return md;
}

function languageOf(info) {
  return info.trim().split(/\s+/)[0];
}

function colouredCode(code, language, escape) {
  return highlight(code, language.toLowerCase()) ?? escape(code);
}

function codeBlock(code, language, escape) {
  return (
    `<div class="code-block"><div class="code-head"><span>${escape(language || "text")}</span>` +
    '<button type="button" class="code-copy" data-copy>Copy</button></div>' +
    `<pre tabindex="0"><code class="hljs">${colouredCode(code, language, escape)}</code></pre></div>`
  );
}

// markdown-it aligns cells by a style attribute, which the content security policy refuses.
function alignedCell(tokens, index) {
  const token = tokens[index];
  const align = /text-align:(right|center)/.exec(token.attrGet("style") ?? "")?.[1];
  return align ? `<${token.tag} class="align-${align}">` : `<${token.tag}>`;
}

/** A link that leaves the site becomes its own words: a prompt hidden in a document must not carry data out. */
function tameLinks(fragment, origin) {
  for (const link of fragment.querySelectorAll("a")) {
    const href = link.getAttribute("href");
    if (href && sameOrigin(href, origin)) {
      link.setAttribute("target", "_blank");
      link.setAttribute("rel", "noopener noreferrer");
    } else {
      link.replaceWith(...link.childNodes);
    }
  }
}

/** Offsets at which the top-level blocks of `source` begin. Block structure only, so it costs little. */
function blockStarts(md, source) {
  const tokens = [];
  md.block.parse(source, md, {}, tokens);
  const lines = tokens.filter((token) => token.level === 0 && token.map && token.nesting >= 0).map((token) => token.map[0]);
  return offsetsOfLines(source, lines);
}

function offsetsOfLines(source, lines) {
  const offsets = [];
  let line = 0;
  let offset = 0;
  for (const wanted of lines) {
    while (line < wanted) {
      offset = source.indexOf("\n", offset) + 1;
      line += 1;
    }
    offsets.push(offset);
  }
  return offsets;
}
