import assert from "node:assert/strict";
import { test } from "node:test";
import { browser, html } from "./setup.mjs";
import { createMarkdown } from "../../static/js/markdown.js";

const markdown = createMarkdown(browser());
const render = (source, known = new Set([1, 2])) => html(markdown.toFragment(source, known));

test("markup in the source is shown, never run", () => {
  const out = render('<script>alert(1)</script> <img src=x onerror="alert(1)"> **bold**');
  assert.doesNotMatch(out, /<script|<img/);
  assert.match(out, /&lt;script&gt;/);
  assert.match(out, /<strong>bold<\/strong>/);
});

test("an image is replaced by its alternative text", () => {
  const out = render("before ![a chart](https://evil.test/p.png?d=secret) after");
  assert.equal(out, "<p>before a chart after</p>\n");
});

test("a link to another site becomes its words", () => {
  assert.equal(render("[here](https://evil.test/?q=1)"), "<p>here</p>\n");
  assert.equal(render("[here](//evil.test/)"), "<p>here</p>\n");
  assert.equal(render("<https://evil.test/>"), "<p>https://evil.test/</p>\n");
});

test("what the server took apart stays apart", () => {
  const out = render("at https:/\\/evil.test/a, www\\.evil.test, x]\\(//evil.test), &lt;img src=x> and\n\n[1]\\: https:/\\/evil.test");
  assert.doesNotMatch(out, /<a|<img/);
  assert.match(out, /at https:\/\/evil\.test\/a, www\.evil\.test, x\]\(\/\/evil\.test\), &lt;img src=x&gt; and/);
  assert.match(out, /data-n="1"/);
});

test("a scheme that is not http is never a link", () => {
  for (const url of ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "mailto:a@b.test"]) {
    assert.doesNotMatch(render(`[x](${url})`), /<a/);
  }
});

test("a link to this site stays, opens a tab and carries nothing along", () => {
  const out = render("[policy](/documents/1/?chunk=2)");
  assert.match(out, /<a [^>]*href="\/documents\/1\/\?chunk=2"/);
  assert.match(out, /rel="noopener noreferrer"/);
  assert.match(out, /target="_blank"/);
});

test("citations become buttons, also inside tables and emphasis", () => {
  const out = render("**Two [1]**\n\n| a |\n|--|\n| b [2] |");
  assert.match(out, /<button type="button" class="cite" data-n="1" aria-label="Source 1" aria-pressed="false">1<\/button>/);
  assert.match(out, /data-n="2"/);
});

test("code is left alone: no citations in it, and its language is named", () => {
  const out = render("`a[1]`\n\n```python\nrows[1]\n```");
  assert.doesNotMatch(out, /class="cite"/);
  assert.match(out, /<span>python<\/span>/);
  assert.match(out, /hljs-number/);
});

test("a language name cannot smuggle markup", () => {
  const out = render('```"><img/src=x>\nx\n```');
  assert.doesNotMatch(out, /<img/);
});

test("no style attribute survives: the page's policy would refuse it", () => {
  const out = render("| a | b |\n|--:|:-:|\n| 1 | 2 |");
  assert.doesNotMatch(out, /style=/);
  assert.match(out, /<td class="align-right">/);
  assert.match(out, /<td class="align-center">/);
});

test("block starts are offsets of the top-level blocks", () => {
  const source = "para\n\n- a\n- b\n\n```\nx\n\ny\n```\nend";
  assert.deepEqual(markdown.blockStarts(source).map((at) => source.slice(at, at + 3)), ["par", "- a", "```", "end"]);
});

const passage = (source, options) => html(markdown.toPassage(source, options));

test("a passage is set as Markdown, and its own [1] is no citation", () => {
  const out = passage("See [1]\n\n| a | b |\n| --- | --: |\n| 1 | 2 |");
  assert.match(out, /<p>See \[1\]<\/p>/);
  assert.match(out, /<td class="align-right">2<\/td>/);
  assert.doesNotMatch(out, /cite|mark|---/);
});

test("a passage can do no more than an answer", () => {
  const out = passage('<img src=x onerror=alert(1)> [x](https://evil.test/) ![p](https://evil.test/p.png) <mark>m</mark>');
  assert.doesNotMatch(out, /<img|<a|<mark>m/);
});

test("the marker lies on paragraphs, list items, cells and code", () => {
  const out = passage("para **bold**\n\n- item\n\n| a |\n| --- |\n| b |\n\n```\n1 < 2\n```", { marked: true });
  for (const words of ["para <strong>bold</strong>", "item", "a", "b", "1 &lt; 2\n"]) assert.ok(out.includes(`<mark>${words}</mark>`), words);
  assert.doesNotMatch(out, /<button/);
});

test("a passage keeps its line breaks, and indented lines are no code", () => {
  assert.equal(passage("one\ntwo"), "<p>one<br>\ntwo</p>\n");
  assert.equal(passage("    deep"), "<p>deep</p>\n");
  assert.doesNotMatch(passage("Total\n=====\n\nNet\n---"), /<h[1-6]/);
});

test("an answer marks nothing", () => {
  assert.doesNotMatch(render("a ==b== <mark>c</mark>"), /<mark>/);
});
