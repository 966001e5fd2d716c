import assert from "node:assert/strict";
import { test } from "node:test";
import { browser, html } from "./setup.mjs";
import { createMarkdown } from "../../static/js/markdown.js";
import { BlockStream, framePacer, withoutHalves } from "../../static/js/stream.js";

const window = browser();
const markdown = createMarkdown(window);
const known = new Set([1, 2]);

const TEXT = `# Heading

First paragraph [1] with **bold** and more.
Second line.

- one
- two

  still two
- three

1. first

2. second

| a | b |
|:--|--:|
| 1 | 2 |

\`\`\`js
const x = 1;

const y = 2;
\`\`\`

> quoted
> words [2]

Title below
===========

The end.`;

const whole = (text) => html(markdown.toFragment(text, known)).replace(/\n+/g, "\n");

function streamed(text, size) {
  const host = window.document.createElement("div");
  const stream = new BlockStream(host, markdown);
  for (let end = size; end < text.length + size; end += size) stream.update(text.slice(0, end), known);
  stream.update(text, known, false);
  return { host, stream };
}

for (const size of [1, 2, 3, 7, 30, 1000]) {
  test(`streamed ${size} characters at a time it looks as if rendered at once`, () => {
    const { host } = streamed(TEXT, size);
    assert.equal(host.innerHTML.replace(/\n+/g, "\n"), whole(TEXT));
  });
}

test("finished blocks keep their very nodes while the rest grows", () => {
  const { host, stream } = streamed("One.\n\nTwo.\n\nThree", 4);
  const [one] = host.children;
  stream.update("One.\n\nTwo.\n\nThree and more.\n\nFour", known);
  assert.equal(host.children[0], one);
  assert.equal(host.children.length, 4);
});

test("a frame parses the last block only", () => {
  const parsed = [];
  const spy = { ...markdown, toFragment: (source, numbers) => (parsed.push(source.length), markdown.toFragment(source, numbers)) };
  const host = window.document.createElement("div");
  const stream = new BlockStream(host, spy);
  const text = Array.from({ length: 400 }, (_, n) => `Paragraph ${n} says something of middling length.`).join("\n\n");
  for (let end = 20; end < text.length; end += 20) stream.update(text.slice(0, end), known);
  assert.ok(Math.max(...parsed) < 150, `largest piece was ${Math.max(...parsed)}`);
});

test("syntax that is half there is not shown as raw marks", () => {
  assert.equal(withoutHalves("see [the policy](/docu"), "see the policy");
  assert.equal(withoutHalves("two signatures [1"), "two signatures");
  assert.equal(withoutHalves("two signatures [1, "), "two signatures");
  assert.equal(withoutHalves("this is **very imp"), "this is **very imp**");
  assert.equal(withoutHalves("this is **"), "this is **");
  assert.equal(withoutHalves("call `run("), "call `run(`");
  assert.equal(withoutHalves("```py\na = b[1"), "```py\na = b[1");
  assert.equal(withoutHalves("all **done** [1]."), "all **done** [1].");
});

test("text that does not continue what was shown starts over", () => {
  const { host, stream } = streamed("Hello there", 5);
  stream.update("Other", known);
  assert.equal(host.textContent.trim(), "Other");
});

test("new source numbers redraw what was shown as text", () => {
  const { host, stream } = streamed("See [7].", 3);
  assert.equal(host.querySelector(".cite"), null);
  stream.update("See [7].", new Set([7]));
  assert.equal(host.querySelector(".cite").dataset.n, "7");
});

test("many changes in one frame draw once, and slow drawing draws less often", () => {
  let time = 0;
  const frames = [];
  let draws = 0;
  const soon = framePacer(() => ((draws += 1), (time += 20)), { raf: (run) => frames.push(run), now: () => time });
  const tick = () => ((time += 16), frames.splice(0).forEach((run) => run()));
  soon();
  soon();
  tick();
  assert.equal(draws, 1);
  soon();
  tick(); // 16 ms after a draw of 20 ms: too soon
  assert.equal(draws, 1);
  tick();
  tick();
  assert.equal(draws, 2);
});
