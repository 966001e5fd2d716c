// Finding [1] and [2, 3] in running text, and giving them to markdown-it as tokens of their own.

export const GLUE = Symbol("glue");
export const UNGLUE = Symbol("unglue");
const MARK = /\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]/g;

/**
 * Cuts text into strings and citation numbers: "a [1, 2] b" becomes ["a ", 1, 2, " b"].
 * A number that was never offered stays text, so that `list[9]` in a sentence is not mistaken for a source.
 */
export function splitCitations(text, known) {
  const pieces = [];
  let end = 0;
  for (const match of text.matchAll(MARK)) {
    const numbers = match[1].split(",").map(Number).filter((n) => known.has(n));
    if (!numbers.length) continue;
    if (match.index > end) pieces.push(text.slice(end, match.index));
    pieces.push(...numbers);
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push(text.slice(end));
  return pieces;
}

/** markdown-it plug-in. Reads the offered numbers from `env.known` (a Set). */
export function citationPlugin(md) {
  md.core.ruler.push("citations", (state) => {
    const known = state.env.known;
    if (!known?.size) return;
    for (const token of state.tokens) {
      if (token.type === "inline") token.children = markedChildren(token.children, known, state.Token);
    }
  });
  md.renderer.rules.glue_open = () => '<span class="together">';
  md.renderer.rules.citation = (tokens, index) => {
    const n = tokens[index].meta.n;
    return `<button type="button" class="cite" data-n="${n}" aria-label="Source ${n}" aria-pressed="false">${n}</button>`;
  };
}

function markedChildren(children, known, Token) {
  let insideLink = 0;
  return children.flatMap((child) => {
    if (child.type === "link_open") insideLink += 1;
    if (child.type === "link_close") insideLink -= 1;
    if (child.type !== "text" || insideLink) return [child];
    return keepTogether(splitCitations(child.content, known)).map((piece) => pieceToken(piece, Token));
  });
}

const LAST_WORD = /\S{1,24}\s*$/;
const FIRST_MARKS = /^[.,;:!?)]+/;

/** Puts GLUE and its end around "word [1][2]." so that no line begins with a number or a full stop. */
export function keepTogether(pieces) {
  const out = [...pieces];
  for (let index = 0; index < out.length; index += 1) {
    if (typeof out[index] !== "number") continue;
    let last = index;
    while (typeof out[last + 1] === "number") last += 1;
    index = glue(out, index, last);
  }
  return out.filter((piece) => piece !== "");
}

function glue(out, first, last) {
  const [before, after] = [out[first - 1] ?? "", out[last + 1] ?? ""];
  const word = LAST_WORD.exec(before)?.[0] ?? "";
  const marks = FIRST_MARKS.exec(after)?.[0] ?? "";
  const run = [GLUE, word, ...out.slice(first, last + 1), marks, UNGLUE];
  const from = first > 0 ? first - 1 : 0;
  const to = Math.min(last + 1, out.length - 1);
  out.splice(from, to - from + 1, before.slice(0, before.length - word.length), ...run, after.slice(marks.length));
  return from + run.length;
}

function pieceToken(piece, Token) {
  if (piece === GLUE) return new Token("glue_open", "span", 1);
  if (piece === UNGLUE) return new Token("glue_close", "span", -1);
  const isNumber = typeof piece === "number";
  const token = new Token(isNumber ? "citation" : "text", "", 0);
  if (isNumber) token.meta = { n: piece };
  else token.content = piece;
  return token;
}
