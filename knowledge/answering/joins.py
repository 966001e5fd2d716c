"""Where a second model goes on from what a first one has shown. Pure.

Told to continue, models often say the last words again, or start over; and where a space belongs between the old text
and the new they mostly leave it out. Whether a word was cut in its middle is told by the words we know: those of the
passages, the question and the answer so far.
"""

from __future__ import annotations

import re
from collections.abc import Collection

LONGEST = 400  # characters of the shown text in which a repetition is looked for
SURE = 12  # so many characters in common are no chance
_WORD = re.compile(r"[^\W_]+")
_LAST_WORD = re.compile(r"[^\W_]{1,80}\Z")
_APART = tuple(",;:.!?])")
_LEAD_IN = re.compile(r"\s*(?:\.\.\.|\u2026)\s*")
# A mark that has begun: the text behind it decides what it is, so at a break it counts as not shown.
_MARK_BEGUN = re.compile(
    r" *(?:(?:[\[\uff3b][0-9 ,;\u2013-]{0,40})+(?:\u3010[^\u3011\n]{0,48})?|\u3010[^\u3011\n]{0,48})\Z"
)


class MarkHolder:
    """Holds back the beginning of a citation mark until the text behind it is there."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        text = self._held + text
        begun = _MARK_BEGUN.search(text)
        end = begun.start() if begun else len(text)
        self._held = text[end:]
        return text[:end]

    def flush(self) -> str:
        held, self._held = self._held, ""
        return held


class Join:
    """Feed it the second model's text. It holds back the beginning until it knows how much of that is repetition."""

    def __init__(self, shown: str, words: Collection[str]) -> None:
        self._shown, self._words = shown, words
        self._held = ""
        self._is_open = bool(shown.strip())

    def feed(self, text: str) -> str:
        if not self._is_open:
            return text
        self._held += text
        return "" if self._may_still_repeat() else self.flush()

    def flush(self) -> str:
        if not self._is_open:
            return ""
        self._is_open = False
        held, self._held = self._held, ""
        return continuation(self._shown, held, self._words)

    def _may_still_repeat(self) -> bool:
        """What came so far, less a word that may not be whole yet, stands in the shown text."""
        fresh = without_lead_in(self._held)
        whole = fresh[: len(fresh) - len(last_word(fresh))].rstrip()
        return whole in self._shown[-LONGEST:] or self._shown.strip().startswith(whole)


def continuation(shown: str, more: str, words: Collection[str]) -> str:
    """What of `more` is to be shown behind `shown`."""
    fresh, all_of_it = without_lead_in(more), shown.strip()
    if len(all_of_it) >= SURE and fresh.startswith(all_of_it):
        return beside(shown, fresh[len(all_of_it) :], words)
    for length in range(min(len(fresh), len(shown), LONGEST), 0, -1):
        if is_repeated(shown, fresh, length) and (length >= SURE or makes_a_word(shown, fresh[length:], words)):
            return fresh[length:]
    return beside(shown, more if more[:1].isspace() else fresh, words)


def without_lead_in(text: str) -> str:
    """Without the dots that some put before they go on."""
    lead = _LEAD_IN.match(text)
    return text[lead.end() :] if lead else text.lstrip()


def is_repeated(shown: str, fresh: str, length: int) -> bool:
    """The first `length` characters of `fresh` are the last ones shown, from the beginning of a word on."""
    start = len(shown) - length
    is_inside_word = start > 0 and shown[start - 1].isalnum() and shown[start].isalnum()
    return not is_inside_word and shown.endswith(fresh[:length])


def makes_a_word(shown: str, rest: str, words: Collection[str]) -> bool:
    """What meets at the seam is one word we know, or no two pieces of words meet there."""
    left, right = last_word(shown), first_word(rest)
    return not left or (left + right).lower() in words


def beside(shown: str, more: str, words: Collection[str]) -> str:
    """Nothing is repeated: directly behind, or with a space where two whole words would run together."""
    left, right = last_word(shown), first_word(more)
    if right and ends_a_phrase(shown, right):
        return f" {more}"
    if not left or not right or (left + right).lower() in words:
        return more
    is_whole = left.isdigit() or left.lower() in words or right.lower() in words
    return f" {more}" if is_whole else more


def ends_a_phrase(shown: str, right: str) -> bool:
    """Behind a comma, a full stop and the like a word stands apart; a figure may go on behind them (1,500)."""
    if shown[-1:] not in _APART:
        return False
    return not (right[0].isdigit() and shown[-2:-1].isdigit())


def last_word(text: str) -> str:
    found = _LAST_WORD.search(text[-80:])
    return found[0] if found else ""


def first_word(text: str) -> str:
    found = _WORD.match(text)
    return found[0] if found else ""


def words_of(*texts: str) -> frozenset[str]:
    return frozenset(word.lower() for text in texts for word in _WORD.findall(text))
