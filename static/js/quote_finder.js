// Finding a quote in what is drawn: Markdown that became elements, or the text layer of a PDF page.
//
// Both sides are compared by their letters and digits alone, because markup, line breaks, hyphens and ligatures differ.

const KEPT = /[\p{L}\p{N}]/u;
const ANCHOR = 20; // letters at either end that must agree where the whole does not
const WIDEST = 1.6; // how much longer than the quote a stretch between two anchors may be

export function lettersOf(text) {
  return [...text.normalize("NFKC").toLowerCase()].filter((letter) => KEPT.test(letter)).join("");
}

/** The letters below `root`, and for each of them the text node and the offset it stands at. */
export class TextIndex {
  constructor(root, { skip = "" } = {}) {
    this.places = [];
    const letters = [];
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (skip && node.parentElement.closest(skip)) continue;
      this.add(node, letters);
    }
    this.letters = letters.join("");
  }

  add(node, letters) {
    let offset = 0;
    for (const character of node.data) {
      for (const letter of lettersOf(character)) {
        for (let unit = 0; unit < letter.length; unit += 1) this.places.push({ node, offset, length: character.length });
        letters.push(letter);
      }
      offset += character.length;
    }
  }

  /** Where the quote stands, [from, to) in letters, or null. `skipped`: how many equal ones stand before it. */
  find(quote, skipped = 0) {
    const wanted = lettersOf(quote);
    if (!wanted) return null;
    let at = this.letters.indexOf(wanted);
    for (let more = skipped; more > 0 && at >= 0; more -= 1) {
      const next = this.letters.indexOf(wanted, at + 1);
      if (next < 0) break;
      at = next;
    }
    return at >= 0 ? [at, at + wanted.length] : this.between(wanted);
  }

  // A page's running head may stand in the middle of a paragraph, so both ends are enough.
  between(wanted) {
    if (wanted.length < 3 * ANCHOR) return null;
    const from = this.letters.indexOf(wanted.slice(0, ANCHOR));
    const last = from < 0 ? -1 : this.letters.indexOf(wanted.slice(-ANCHOR), from + ANCHOR);
    const length = last + ANCHOR - from;
    return last >= 0 && length <= WIDEST * wanted.length && length >= wanted.length / WIDEST ? [from, last + ANCHOR] : null;
  }

  /** Wraps the letters [from, to), and what stands between them, into elements made by `wrapper`. */
  wrap([from, to], wrapper) {
    const marks = [];
    for (const { node, start, end } of this.runs(from, to).reverse()) {
      const range = document.createRange();
      range.setStart(node, start);
      range.setEnd(node, end);
      const mark = wrapper();
      range.surroundContents(mark);
      marks.unshift(mark);
    }
    return marks;
  }

  runs(from, to) {
    const runs = [];
    for (const { node, offset, length } of this.places.slice(from, to)) {
      const last = runs.at(-1);
      if (last?.node === node) last.end = offset + length;
      else runs.push({ node, start: offset, end: offset + length });
    }
    return closed(runs);
  }
}

// From the first to the last run everything is marked, spaces and commas as well.
function closed(runs) {
  return runs.map((run, index) => ({
    node: run.node,
    start: index === 0 ? run.start : 0,
    end: index === runs.length - 1 ? withStop(run) : run.node.data.length,
  }));
}

function withStop({ node, end }) {
  const stop = /^[.!?…。！？]+[)"'”’»]*/.exec(node.data.slice(end));
  return end + (stop ? stop[0].length : 0);
}
