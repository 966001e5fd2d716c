"""Links in streamed answers. Pure: no Django, no vendor.

An answer may link to its own sources and to nothing else: a document may hold orders to carry words out by a link or
an image, and a model may follow them. Links to elsewhere become their words, images go, HTML becomes text, bare
addresses stay readable and are no links. Code stays as it is. The result does not depend on where the pieces were cut.

Whether a line is code is not guessed: where it may be, markdown-it's own block parser says, reading what was shown so
far. Backticks count as code where they open and close on one line; where that is not sure, it is text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cache

from markdown_it import MarkdownIt

from knowledge.types import Passage

_HELD = 400  # characters of a link's words, or of a code span, that are waited for
_TARGET_HELD = 2000
_SPECIAL = re.compile(
    r"[`\\\[<\n]|!(?=\[|\Z)|(?:(?<=\])|\A)\(|(?:(?<=/)|\A)/|(?:(?<=w)|\A)\.|(?:(?<=[op])|\A):", re.IGNORECASE
)
_RUN = re.compile(r"`+")
_BLOCK_START = re.compile(r"[ \t>]*(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t]+[ \t>]*)*")
_MARKER = re.compile(r"[-*+0-9.)]")
_FENCE = re.compile(r"`{3,}|~{3,}")
_ONLY_FENCE = re.compile(r"[ \t>]*(?:`{3,}|~{3,})[ \t]*")
_MAY_BE_INDENTED = re.compile(r"[ \t>*+0-9.)-]*(?: {4}|\t)")
_INSIDE_MARK = re.compile(r"[0-9 ,;\u2013-]*")
_MARK_BEGUN = re.compile(r"[\[\uff3b\u3010][0-9 ,;\u2013-]{0,40}\Z")
_TITLE = re.compile(r"""\s+(?:"[^"]*"|'[^']*'|\([^()]*\))\s*\Z""")
_PLAIN_LABEL = re.compile(r"[^\[\]`<>\\!|/:.]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/\Z")
_ADDRESS = re.compile(r"[^\s<>`\"\[\]|\\]*")
_SAFE_PATH = re.compile(r"(/[\w/-]+)(?:\?[\w=&-]*)?(?:#[\w=&-]*)?", re.ASCII)
_SENTINEL = "\ue000"

Step = tuple[int, str]  # how many characters are used up, and what is shown for them; (0, ""): wait for more
WAIT: Step = (0, "")


def targets_of(passages: Iterable[Passage]) -> frozenset[str]:
    """Where an answer from these passages may link to: their documents' pages, and the web pages they came from.

    A page's own address and no other of its host: what follows a host can carry words out.
    """
    found = {f"/documents/{passage.document_id}/" for passage in passages}
    return frozenset(found | {passage.source_url for passage in passages if passage.source_url})


class LinkFilter:
    """Feed it the answer as it comes; it holds back only what may still become a link, or code beside one."""

    def __init__(self, allowed: Collection[str] = ()) -> None:
        """`allowed` are whole addresses, and paths of ours that a query and a fragment may follow."""
        self._allowed = frozenset(allowed)
        self._has_addresses = any("://" in one for one in self._allowed)
        self._held = ""
        self._before: list[str] = []  # lines that were shown
        self._line = ""  # the one that is being shown
        self._has_fence = False  # something that may open a block of code was shown
        self._is_loose = False  # until the next blank line, backticks are no sure sign of code
        self._is_code: bool | None = None  # this line; None: not asked yet
        self._code_indent: int | None = None  # lines indented so far are code too, it was asked

    def feed(self, text: str) -> str:
        if text and not self._held and not self._is_code and "\r" not in text and _SPECIAL.search(text) is None:
            self._remember(text)  # most pieces mean nothing to us; they need no steps
            return text
        self._held += text.replace("\r", "")
        return self._advance(is_last=False)

    def flush(self) -> str:
        """What was held back, at the end of the answer."""
        return self._advance(is_last=True)

    def _advance(self, *, is_last: bool) -> str:
        shown: list[str] = []
        while self._held:
            used, piece = self._step(is_last)
            if not used:
                break
            self._held = self._held[used:]
            self._remember(piece)
            shown.append(piece)
        return "".join(shown)

    def _step(self, is_last: bool) -> Step:
        held = self._held
        if self._is_code and held[0] != "\n":
            line = held.partition("\n")[0]
            return len(line), line
        special = _SPECIAL.search(held)
        if special is None:
            return len(held), held
        if special.start():
            return special.start(), held[: special.start()]
        if not self._matters(held[0]):
            return 1, held[0]
        if held[0] != "\n" and self._in_code():
            return self._step(is_last)
        return _STEPS[held[0]](self, held, is_last)

    def _matters(self, character: str) -> bool:
        """Some characters mean something only behind others, which may be shown already."""
        tail = self._line[-6:].lower()
        match character:
            case "(":
                return tail.endswith("]")
            case "/":
                return tail.endswith(":/")
            case ".":
                return tail.endswith("www")
            case ":":
                return tail.endswith(("mailto", "xmpp"))
        return True

    # -- steps, by the character at the beginning of what is held ---------------------------------

    def _newline(self, held: str, is_last: bool) -> Step:
        line = self._line
        prefix = _block_start(line)
        if not self._is_code and line.startswith("```", len(prefix)):
            inside = _is_code(f"{''.join(self._before)}{line}\n{_MARKER.sub(' ', prefix)}")
            self._is_loose = self._is_loose or not inside
        if not line.strip():
            self._is_loose = False
        elif _ONLY_FENCE.fullmatch(line) or _indent(line) < (self._code_indent or 0):
            self._code_indent = None
        return 1, "\n"

    def _escape(self, held: str, is_last: bool) -> Step:
        if len(held) == 1 and not is_last:
            return WAIT
        return (1, "\\") if held[1:2] == "\n" else (len(held[:2]), held[:2])

    def _tag(self, held: str, is_last: bool) -> Step:
        if len(held) == 1 and not is_last:
            return WAIT
        return 1, "<" if held[1:2] in tuple(" \t\n=0123456789") or len(held) == 1 else "&lt;"

    def _escaped(self, held: str, is_last: bool) -> Step:
        r"""What would make an address or a link: `https:/\/example.org` reads as it should, and is neither."""
        return 1, "\\" + held[0]

    def _slash(self, held: str, is_last: bool) -> Step:
        scheme = _SCHEME.search(self._line)
        rest = _ADDRESS.match(held)
        if not self._has_addresses or scheme is None or rest is None:
            return self._escaped(held, is_last)
        if rest.end() == len(held) < _TARGET_HELD and not is_last:
            return WAIT
        address = rest[0][:_TARGET_HELD].rstrip(".,;:!?)*_~'")
        return (len(address), address) if self._is_allowed(scheme[0] + address) else self._escaped(held, is_last)

    def _ticks(self, held: str, is_last: bool) -> Step:
        run = _run_at(held)
        if len(run) == len(held) and not is_last:
            return WAIT
        if self._is_loose:
            return len(run), run
        line = held[:_HELD].partition("\n")[0]
        closing = next((one for one in _RUN.finditer(held, len(run)) if one[0] == run), None)
        if closing is not None and closing.end() <= len(line):
            if closing.end() == len(held) and not is_last:
                return WAIT  # the run may go on
            if "|" not in closing.string[: closing.start()]:
                return closing.end(), held[: closing.end()]
        elif len(line) == len(held) < _HELD and not is_last:
            return WAIT
        # A span over several lines, or cells; or a fence, whose end of line will tell.
        opens = len(run) >= 3 and _block_start(self._line) == self._line and len(line) < len(held[:_HELD])
        self._is_loose = closing is not None and closing.end() <= len(line) or not opens
        return len(run), run

    def _image(self, held: str, is_last: bool) -> Step:
        if len(held) == 1:
            return (1, "!") if is_last else WAIT
        end = self._end_of_link(held, 1, is_last)
        if end is None:
            return WAIT
        if end == -1:
            return 1, "!"
        return end, self._in_brackets("") if _MARK_BEGUN.search(self._line) else ""

    def _bracket(self, held: str, is_last: bool) -> Step:
        end = self._end_of_link(held, 0, is_last)
        if end is None:
            return WAIT
        close = _closing(held, 0, _HELD, is_last=True)
        if end == -1 or close is None:
            return self._no_link(held, -1 if close is None else close)
        label, target = held[1:close], _target(held[close + 2 : end - 1])
        if _PLAIN_LABEL.fullmatch(label) and self._is_allowed(target):
            return end, f"[{label}]({target})"
        if _INSIDE_MARK.fullmatch(label):
            return end, self._in_brackets(label.strip())  # it must not become the inside of a citation
        self._held = label + held[end:]
        return self._step(is_last)

    def _in_brackets(self, words: str) -> str:
        return f"\\({words})" if self._line.endswith("]") else f"({words})"

    def _no_link(self, held: str, close: int) -> Step:
        """At the beginning of a line it may still define where other brackets lead."""
        if _block_start(self._line) != self._line or (close != -1 and held[close + 1 : close + 2] != ":"):
            return 1, "["
        if _INSIDE_MARK.fullmatch(held[1:close]) and close != -1:
            return close + 2, held[: close + 1] + r"\:"
        return 1, r"\["

    def _end_of_link(self, held: str, at: int, is_last: bool) -> int | None:
        """Behind the link whose bracket stands at `at`; -1: there is none; None: more must come to tell."""
        close = _closing(held, at, _HELD, is_last=is_last)
        if close is None or close == -1:
            return close
        if close + 1 == len(held):
            return -1 if is_last else None
        if held[close + 1] != "(":
            return -1
        end = _closing(held, close + 1, _TARGET_HELD, is_last=is_last)
        return end + 1 if end is not None and end != -1 else end

    def _is_allowed(self, target: str) -> bool:
        if target.partition("#")[0] in self._allowed and "://" in target:
            return _ADDRESS.fullmatch(target) is not None and not set(target) & set("()*_~")
        path = _SAFE_PATH.fullmatch(target)
        return path is not None and path[1] in self._allowed

    # -- what is code -----------------------------------------------------------------------------

    def _in_code(self) -> bool:
        if self._is_code is None:
            self._is_code = self._ask()
        return self._is_code

    def _ask(self) -> bool:
        line = self._line
        if not self._has_fence and not _MAY_BE_INDENTED.match(line):
            return False
        if self._code_indent is not None and not line.strip() and _indent(line) >= self._code_indent:
            return True
        found = _is_code("".join([*self._before, line]))
        self._code_indent = _indent(line) if found and not line.strip() else None
        return found

    def _remember(self, piece: str) -> None:
        if piece == "\n":
            self._before.append(f"{self._line}\n")
            self._line, self._is_code = "", None
        else:
            self._line += piece
            if not self._has_fence:
                self._has_fence = _FENCE.search(self._line, max(0, len(self._line) - len(piece) - 2)) is not None


_STEPS = {
    "\n": LinkFilter._newline,
    "\\": LinkFilter._escape,
    "<": LinkFilter._tag,
    "(": LinkFilter._escaped,
    ".": LinkFilter._escaped,
    ":": LinkFilter._escaped,
    "/": LinkFilter._slash,
    "`": LinkFilter._ticks,
    "!": LinkFilter._image,
    "[": LinkFilter._bracket,
}


def plain_links(text: str, allowed: Collection[str] = ()) -> str:
    """A whole text at once."""
    links = LinkFilter(allowed)
    return links.feed(text) + links.flush()


def _closing(text: str, at: int, most: int, *, is_last: bool) -> int | None:
    """Where the bracket at `at` closes, on its line and within `most`; -1: it does not; None: more must come."""
    opening = text[at]
    closing = {"[": "]", "(": ")"}[opening]
    depth, position = 0, at
    while position < min(len(text), at + most):
        character = text[position]
        if character == "\n":
            return -1
        if character == opening:
            depth += 1
        elif character == closing:
            depth -= 1
            if not depth:
                return position
        position += 2 if character == "\\" and text[position + 1 : position + 2] != "\n" else 1
    return -1 if is_last or position >= at + most else None


def _target(inside: str) -> str:
    """Of what stands between the round brackets, without a title."""
    return _TITLE.sub("", inside).strip().removeprefix("<").removesuffix(">")


def _run_at(text: str) -> str:
    return text[: len(text) - len(text.lstrip("`"))]


def _block_start(line: str) -> str:
    """What precedes the text of a line: indentation, marks of lists and quotations."""
    found = _BLOCK_START.match(line)
    return found[0] if found else ""


def _indent(line: str) -> int:
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip(" "))


def _is_code(shown: str) -> bool:
    """Whether a letter behind `shown` would be part of a block of code."""
    tokens = _blocks().parse(shown + _SENTINEL)
    return any(
        token.type in ("fence", "code_block") and token.content.rstrip("\n").endswith(_SENTINEL) for token in tokens
    )


@cache
def _blocks() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser
