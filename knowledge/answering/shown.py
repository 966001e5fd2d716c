"""What of a model's text is shown: citations in order, no links to elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Collection

from knowledge.answering.citations import CitationFilter
from knowledge.answering.links import LinkFilter


class Shown:
    """Both filters, citations first: what that one drops may join to a link, which the other then sees.

    The other puts numbers that come out of a link into round brackets, so no citation comes of it.
    """

    def __init__(self, available: int, targets: Collection[str]) -> None:
        self._citations = CitationFilter(available)
        self._links = LinkFilter(targets)
        self._pieces: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    @property
    def cited(self) -> tuple[int, ...]:
        """The numbers that were cited, in order of first use."""
        return self._citations.cited

    def feed(self, text: str) -> str:
        return self.add(self._links.feed(self._citations.feed(text)))

    def flush(self) -> str:
        return self.add(self._links.feed(self._citations.flush()) + self._links.flush())

    def add(self, text: str) -> str:
        if text:
            self._pieces.append(text)
        return text
