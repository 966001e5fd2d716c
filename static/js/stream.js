// Renders growing Markdown. Finished blocks are touched once; a frame costs as much as the last block, however long the answer.

// A last line that may still turn into something that joins the block before it, or changes its kind.
const UNDECIDED = /(^|\n)[ \t]{0,3}(\d{1,9}[.)]?|[-*+=_|>~`#]{1,3})?[ \t]*$/;

export class BlockStream {
  constructor(host, markdown) {
    this.host = host;
    this.markdown = markdown;
    this.reset();
  }

  reset() {
    this.text = "";
    this.settled = 0; // everything before this offset is drawn for good
    this.tail = [];
    this.host.replaceChildren();
  }

  /** Shows `text`, which continues what was shown before; anything else starts over. `open` says that more is to come. */
  update(text, known, open = true) {
    if (this.known !== known || !text.startsWith(this.text)) this.reset();
    else if (text === this.text && open === this.open) return;
    this.known = known;
    this.text = text;
    this.open = open;
    this.settleFinished();
    this.drawTail();
  }

  settleFinished() {
    const open = this.text.slice(this.settled);
    if (UNDECIDED.test(open)) return;
    const lastStart = this.markdown.blockStarts(open).at(-1) ?? 0;
    if (lastStart === 0) return;
    this.replaceTail(open.slice(0, lastStart));
    this.tail = [];
    this.settled += lastStart;
  }

  drawTail() {
    const tail = this.text.slice(this.settled);
    this.replaceTail(this.open ? withoutHalves(tail) : tail);
  }

  replaceTail(source) {
    const fragment = this.markdown.toFragment(source, this.known);
    for (const node of this.tail) node.remove();
    this.tail = [...fragment.childNodes];
    this.host.append(fragment);
  }
}

const HALF_LINK = /!?\[([^\]\n]*)\]\([^)\n]*$/;
const HALF_CITATION = /[ ]?\[[\d, ]*$/;

/** The end of a text still being written, without syntax that is only half there: it would flicker by as raw marks. */
export function withoutHalves(tail) {
  if (/^ {0,3}(```|~~~)/.test(tail)) return tail;
  const whole = tail.replace(HALF_LINK, "$1").replace(HALF_CITATION, "");
  const lastLine = whole.slice(whole.lastIndexOf("\n") + 1);
  return whole + missingEnd(lastLine);
}

function missingEnd(line) {
  const odd = (pattern) => (line.match(pattern)?.length ?? 0) % 2 === 1;
  if (odd(/`/g)) return "`";
  // Right after the opening marks there is nothing to embolden yet; four asterisks would become a rule.
  return odd(/\*\*/g) && !/\*\*\s*$/.test(line) ? "**" : "";
}

/** Runs `draw` at most once per animation frame, and less often when drawing itself is slow. */
export function framePacer(draw, { raf = requestAnimationFrame, now = () => performance.now() } = {}) {
  let queued = false;
  let notBefore = 0;
  const run = () => {
    if (now() < notBefore) return raf(run);
    queued = false;
    const began = now();
    draw();
    notBefore = now() + 2 * (now() - began);
  };
  return () => {
    if (queued) return;
    queued = true;
    raf(run);
  };
}
