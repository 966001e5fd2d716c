"""A conversation as a Markdown file, its sources as footnotes. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

LONGEST_NAME = 80
RESERVED = re.compile(r"[^\w\- ]+")
MARK = re.compile(r"\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
FENCE = re.compile(r"^(`{3,}|~{3,})", re.MULTILINE)


def file_name(title: str, extension: str) -> str:
    """ASCII letters, digits, dashes: safe in a header and on every file system."""
    ascii_title = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    name = "-".join(RESERVED.sub(" ", ascii_title).split())[:LONGEST_NAME].strip("-_")
    return f"{name or 'conversation'}.{extension}"


def markdown(title: str, messages: list[dict[str, Any]], base: str) -> str:
    """The open branch, sources as footnotes. `base` is the organisation's address, for links that work anywhere.

    Numbers start again in every answer, so a footnote is named by its answer as well: [^2-1].
    """
    parts = [f"# {one_line(title)}"]
    answers = 0
    for message in messages:
        if message["role"] == "user":
            parts.append(f"## {one_line(message['text'])}")
            continue
        answers += 1
        parts.append(answer(message, answers, base))
    return "\n\n".join(parts) + "\n"


def answer(message: dict[str, Any], number: int, base: str) -> str:
    cited = {source["n"]: source for source in message["sources"] if source["cited"]}
    text = with_footnotes(message["text"], set(cited), number) or "*(no text)*"
    end = "" if message["status"] == "complete" else f"\n\n*({message['status']})*"
    notes = "\n".join(f"[^{number}-{n}]: {footnote(source, base)}" for n, source in sorted(cited.items()))
    return text + end + (f"\n\n{notes}" if notes else "")


def with_footnotes(text: str, known: set[int], number: int) -> str:
    """[1, 2] becomes [^3-1][^3-2] outside of fenced code; a number that is no source stays."""

    def marks(found: re.Match[str]) -> str:
        numbers = [int(one) for one in found.group(1).split(",")]
        return "".join(f"[^{number}-{n}]" for n in numbers) if known.issuperset(numbers) else found.group()

    pieces, fence = [], ""
    for line in text.split("\n"):
        opened = FENCE.match(line.lstrip())
        if opened and (not fence or opened.group(1).startswith(fence)):
            fence = "" if fence else opened.group(1)
            pieces.append(line)
        else:
            pieces.append(line if fence else MARK.sub(marks, line))
    return "\n".join(pieces)


def footnote(source: dict[str, Any], base: str) -> str:
    page = f", page {source['page']}" if source["page"] else ""
    title = one_line(source["title"]).replace("[", "\\[").replace("]", "\\]")
    return f"[{title}]({base}{source['url']}){page}"


def one_line(text: str) -> str:
    return " ".join(text.split())
