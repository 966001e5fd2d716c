"""HTML: the page's main content in reading order, without what stands around it on every page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from lxml import etree, html  # type: ignore[import-untyped]

from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.tables import markdown_table
from knowledge.ingestion.readers.text import cleaned, decoded
from knowledge.types import Block, BlockKind, ParsedDocument

_DECLARED = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_INVISIBLE = frozenset(
    "head script style noscript template svg canvas iframe object embed map audio video"
    " button select option datalist input textarea progress meter dialog".split()
)
_AROUND = frozenset(["nav", "aside", "footer", "menu"])
_AROUND_ROLES = frozenset(
    ["navigation", "banner", "contentinfo", "search", "complementary", "menu", "menubar", "toolbar", "dialog"]
)
_AROUND_NAMES = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|menu|breadcrumbs?|sidebar|cookies?|consent|pagination|pager|share|social|"
    r"skip-?link|site-?footer|site-?header|related-?posts)(?:$|[\s_-])",
    re.IGNORECASE,
)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark output q ruby rt rp s samp"
    " small span strike strong sub sup time tt u var wbr".split()
)
_LISTS = frozenset(["ul", "ol"])
_ENOUGH = 200  # characters: a <main> with less than this, beside a longer page, is not the main content
_TAG = re.compile(r"<[^>]*>")
_NOT_SHOWN = re.compile(r"<!--.*?-->|<(script|style|head|nav)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_SPACES = re.compile(r"[^\S\n]+")
_ANY_SPACES = re.compile(r"\s+")


def read_html(source: Source) -> ParsedDocument:
    text = _text_of(source.path.read_bytes())
    root = _parsed(text)
    if root is None:
        return ParsedDocument(tuple(_bare(text)))
    titles = [*root.xpath("//title"), *root.xpath("//h1")]
    title = next((name for name in (_flat(element) for element in titles) if name), "")
    return ParsedDocument(tuple(_Reader().blocks(_main_of(root))), title=title)


def blocks_of_html_bytes(data: bytes) -> list[Block]:
    """The main content of a whole page inside another format."""
    text = _text_of(data)
    root = _parsed(text)
    return _bare(text) if root is None else _Reader().blocks(_main_of(root))


def blocks_of_html(fragment: str) -> list[Block]:
    """The blocks of a piece of HTML inside another format."""
    root = _parsed(fragment)
    return _bare(fragment) if root is None else _Reader().blocks(root)


def _text_of(data: bytes) -> str:
    declared = _DECLARED.search(data[:4096])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    if declared:
        try:
            return data.decode(declared[1].decode("ascii"))
        except (LookupError, UnicodeDecodeError):
            pass
    return decoded(data)


def _parsed(text: str) -> html.HtmlElement | None:
    """The page's tree; none where there is no element, or elements within elements without end."""
    parser = html.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True, huge_tree=True, recover=True
    )
    data = cleaned(text).encode()
    try:
        root = html.document_fromstring(data, parser=parser) if data.strip() else None
    except etree.ParserError:  # nothing but comments
        return None
    gave_up = any(entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for entry in parser.error_log)
    return None if gave_up else root


def _bare(text: str) -> list[Block]:
    """What is left of a page without its tags."""
    words = unescape(_TAG.sub("\n", _NOT_SHOWN.sub("", cleaned(text))))
    lines = (" ".join(line.split()) for line in words.split("\n"))
    return [Block(BlockKind.PARAGRAPH, line) for line in lines if line]


def _main_of(root: html.HtmlElement) -> html.HtmlElement:
    bodies = root.xpath("//body")
    body = bodies[0] if bodies else root
    for path in ("//main", "//*[@role='main']", "//article"):
        found = root.xpath(path)
        if len(found) == 1 and len(_flat(found[0])) >= min(_ENOUGH, len(_flat(body)) / 2):
            return found[0]
    return body


def _flat(element: html.HtmlElement) -> str:
    return " ".join("".join(element.itertext()).split())


def _is_around(element: html.HtmlElement, *, in_content: bool) -> bool:
    """Menus, banners, cookie notices: recognised by what they call themselves, never by guesswork on their words."""
    get = element.get
    if element.tag in _INVISIBLE or get("hidden") is not None or get("aria-hidden") == "true":
        return True
    if _HIDDEN_STYLE.search(get("style", "")) or get("role", "").lower() in _AROUND_ROLES or element.tag in _AROUND:
        return True
    if element.tag == "header":
        return not in_content and not element.xpath(".//h1")
    if element.tag in ("body", "main", "article", "html"):
        return False
    named = _AROUND_NAMES.search(f"{get('class', '')} {get('id', '')}")
    return bool(named) and not element.xpath(".//h1|.//article|.//main")


class _Reader:
    """Walks the tree without recursion, however deep it is."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._words: list[str] = []
        self._items: list[str] = []  # lines of the list we are in
        self._lists: list[int | None] = []  # for every open list: its next number, None for bullets
        self._marker: str | None = None
        self._content_depth = 0

    def blocks(self, root: html.HtmlElement) -> list[Block]:
        self._content_depth = 1 if root.tag in ("main", "article") else 0
        skipped = None
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if event == "end":
                if element is not skipped:
                    self._end(element)
                if element is not root:
                    self._words.append(_collapsed(element.tail))
            elif element is not root and _is_around(element, in_content=self._content_depth > 0):
                skipped = element
                walk.skip_subtree()
            elif element.tag == "pre" or (element.tag == "table" and _is_data(element)):
                self._flush(BlockKind.PARAGRAPH)
                self._whole(element)
                skipped = element
                walk.skip_subtree()
            else:
                self._start(element)
        self._flush(BlockKind.PARAGRAPH)
        return self._blocks

    def _start(self, element: html.HtmlElement) -> None:
        tag = element.tag
        if tag == "br":
            self._words.append("\n")
        elif tag == "img":
            self._words.append(element.get("alt", ""))
        elif tag not in _INLINE:
            self._flush(BlockKind.PARAGRAPH)
        if tag in ("main", "article"):
            self._content_depth += 1
        elif tag in _LISTS:
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "li" and self._lists:
            self._open_item()
        self._words.append(_collapsed(element.text))

    def _end(self, element: html.HtmlElement) -> None:
        tag = element.tag
        if tag in _INLINE or tag in ("br", "img"):
            return
        if tag in _HEADINGS and not self._lists:
            self._flush(BlockKind.HEADING, level=_HEADINGS[tag])
            return
        self._flush(BlockKind.PARAGRAPH)
        if tag in ("main", "article"):
            self._content_depth -= 1
        elif tag in _LISTS and self._lists:
            self._lists.pop()
            if not self._lists:
                self._blocks.append(Block(BlockKind.LIST, "\n".join(self._items)))
                self._items = []

    def _open_item(self) -> None:
        number = self._lists[-1]
        self._marker = "- " if number is None else f"{number}. "
        if number is not None:
            self._lists[-1] = number + 1

    def _flush(self, kind: BlockKind, *, level: int = 0) -> None:
        """What has been gathered becomes a block, or lines of the open list."""
        text, self._words = _SPACES.sub(" ", "".join(self._words)), []
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        if lines and self._lists:
            self._add_to_list(lines)
        elif lines:
            self._blocks.append(Block(kind, (" " if level else "\n").join(lines), level=level))

    def _add_to_list(self, lines: list[str]) -> None:
        indent = "  " * (len(self._lists) - 1)
        for line in lines:
            self._items.append(f"{indent}{self._marker or '  '}{line}")
            self._marker = None

    def _whole(self, element: html.HtmlElement) -> None:
        """Code and tables are read in one go."""
        if element.tag == "table":
            captions = [_flat(caption) for caption in element.xpath("./caption")]
            block = Block(BlockKind.TABLE, markdown_table(list(_rows(element))))
            self._blocks += [Block(BlockKind.PARAGRAPH, caption) for caption in captions if caption and not self._lists]
        else:
            block = Block(BlockKind.CODE, "".join(element.itertext()).strip("\n").rstrip())
        if not block.text.strip():
            return
        if self._lists:
            self._add_to_list(block.text.split("\n"))
        else:
            self._blocks.append(block)


def _collapsed(text: str | None) -> str:
    return _ANY_SPACES.sub(" ", text) if text else ""


def _is_data(table: html.HtmlElement) -> bool:
    """Tables that only place things on the page hold other tables, headings, or one cell a row."""
    if table.xpath(".//table|.//h1|.//h2|.//h3"):
        return False
    return any(len(row.xpath("./td|./th")) > 1 for row in table.iter("tr"))


def _rows(table: html.HtmlElement) -> Iterator[list[str]]:
    for row in table.iter("tr"):
        cells: list[str] = []
        for cell in row.xpath("./td|./th"):
            cells.append(_flat(cell))
            cells += [""] * (_span(cell) - 1)
        if any(cells):
            yield cells


def _span(cell: html.HtmlElement) -> int:
    span = cell.get("colspan", "1").strip()
    return min(int(span), 50) if span.isdecimal() else 1
