"""An answer as HTML, for whoever reads without JavaScript and for the first paint. The page's script draws the same."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from typing import Any

from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

MARK = r"\[\d{1,3}(?:\s*,\s*\d{1,3})*\]"
# A word, its marks and the full stop stay together: no line begins with a number.
RUN = re.compile(rf"(?P<word>\S{{1,24}}?\s?)??(?P<marks>(?:{MARK})+)(?P<end>[.,;:!?)]+)?")
OURS = re.compile(r"/(?![/\\])[^\\\s]*")

Source = Mapping[str, Any]


def answer_html(text: str, sources: Sequence[Source]) -> SafeString:
    """`sources` as `message_for_page` gives them: a number that was never offered stays text."""
    known = {int(source["n"]): source for source in sources}
    markup: str = parser().render(text, {"sources": known})
    return SafeString(markup)  # raw HTML is off in the parser, and our own rules escape what they are given


@cache
def parser() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    markdown.core.ruler.push("ours", keep_ours)
    for name, rule in RULES.items():
        markdown.add_render_rule(name, rule)
    return markdown


# -- tokens ----------------------------------------------------------------------------------------


def keep_ours(state: StateCore) -> None:
    """No link leaves the site, no picture is fetched, and offered numbers become links to their documents."""
    known = state.env.get("sources", {})
    for token in state.tokens:
        if token.type == "inline":
            token.children = list(cited(without_foreign_links(token.children or []), known))


def without_foreign_links(children: Sequence[Token]) -> list[Token]:
    """A link to elsewhere becomes its own words: a prompt hidden in a document must not carry data out."""
    kept: list[Token] = []
    is_open: list[bool] = []
    for token in children:
        if token.type == "link_open":
            is_open.append(bool(OURS.fullmatch(str(token.attrGet("href") or ""))))
            keep = is_open[-1]
        elif token.type == "link_close":
            keep = is_open.pop()
        else:
            keep = True
        if keep:
            kept.append(token)
    return kept


def cited(children: Sequence[Token], known: Mapping[int, Source]) -> list[Token]:
    inside_link = 0
    done: list[Token] = []
    for token in children:
        inside_link += token.nesting if token.type.startswith("link_") else 0
        done.extend([token] if token.type != "text" or inside_link else pieces(token.content, known))
    return done


def pieces(text: str, known: Mapping[int, Source]) -> list[Token]:
    found: list[Token] = []
    end = 0
    for run in RUN.finditer(text):
        parts = [part for mark in re.findall(MARK, run["marks"]) for part in parts_of(mark, known)]
        if all(isinstance(part, str) for part in parts):
            continue
        found.append(word(text[end : run.start()]))
        found.append(Token("run", "span", 0, content=run["word"] or "", info=run["end"] or "", meta={"parts": parts}))
        end = run.end()
    return [*found, word(text[end:])]


def parts_of(mark: str, known: Mapping[int, Source]) -> list[int | str]:
    """The offered numbers of "[1, 2]"; the mark itself, as text, when it has none."""
    return [n for n in map(int, re.findall(r"\d+", mark)) if n in known] or [mark]


def word(text: str) -> Token:
    return Token("text", "", 0, content=text)


# -- markup ----------------------------------------------------------------------------------------


def run_html(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    parts = token.meta["parts"]
    marks = "".join(escape(part) if isinstance(part, str) else citation_html(env["sources"][part]) for part in parts)
    return f'<span class="together">{escape(token.content)}{marks}{escape(token.info)}</span>'


def citation_html(source: Source) -> str:
    page = f", page {source['page']}" if source.get("page") else ""
    n, label = source["n"], escape(f"Source {source['n']}: {source['title']}{page}")
    return f'<a class="cite" data-n="{n}" href="{escape(str(source["url"]))}" aria-label="{label}">{n}</a>'


def code_html(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    language = (token.info.split() or ["text"])[0]
    return (
        f'<div class="code-block"><div class="code-head"><span>{escape(language)}</span></div>'
        f'<pre tabindex="0"><code class="hljs">{escape(token.content)}</code></pre></div>'
    )


def words_of_image(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    return escape(tokens[index].content)


def table_open(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    return '<div class="table-scroll" tabindex="0"><table>'


def table_close(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    return "</table></div>"


def cell_open(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    """Aligned by a class: the content security policy refuses style attributes."""
    token = tokens[index]
    align = re.search(r"text-align:(right|center)", str(token.attrGet("style") or ""))
    return f'<{token.tag} class="align-{align[1]}">' if align else f"<{token.tag}>"


RULES = {
    "run": run_html,
    "fence": code_html,
    "code_block": code_html,
    "image": words_of_image,
    "table_open": table_open,
    "table_close": table_close,
    "th_open": cell_open,
    "td_open": cell_open,
}
