"""Text of others inside our prompts: data that cannot end its own quotation. Pure."""

from __future__ import annotations

import re

# Our own tags, open or closed, however they are spaced. Text of others can't contain one that looks like ours: not
# with invisible characters inside, and not with letters or brackets that only look like the right ones.
LOOKALIKES = {
    "a": "\u0430\u0251\u03b1\u00e0-\u00e5",
    "c": "\u0441\u03f2\u00e7",
    "e": "\u0435\u0435\u00e8-\u00eb",
    "g": "\u0261\u0581",
    "i": "\u0456\u03b9\u0131\u00ec-\u00ef",
    "m": "\u043c",
    "n": "\u0578\u00f1",
    "o": "\u043e\u03bf\u0585\u00f2-\u00f6",
    "p": "\u0440\u03c1",
    "q": "\u051b",
    "r": "\u0433",
    "s": "\u0455",
    "t": "\u0442\u03c4",
    "u": "\u057d\u03c5\u00f9-\u00fc",
    "v": "\u03bd\u0475",
    "y": "\u0443\u04af\u00fd",
}
UNSEEN = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef"
)
SIGNS = "<\uff1c\ufe64\u2039\u3008\u2329\u27e8\u02c2\u1438\u276e\u300a"  # what a tag may begin with


def _spelt(word: str) -> str:
    """The word in letters that look like its own, full-width ones too, with unseen characters between them."""
    return f"[{UNSEEN}]*".join(f"[{each}{chr(ord(each) + 0xFEE0)}{LOOKALIKES.get(each, '')}]" for each in word)


NAMES = "|".join(_spelt(name) for name in ("passages", "passage", "question", "conversation", "summary"))
OUR_TAG = re.compile(
    rf"[{SIGNS}]([\s/\\\uff0f\u2044\u2215{UNSEEN}]*(?:{NAMES}))(?=[{UNSEEN}]*(?:\W|\Z))", re.IGNORECASE
)


def inert(text: str) -> str:
    """Text of others with our tags taken apart, so that it cannot end its own quotation."""
    if not any(sign in text for sign in SIGNS):  # most texts: told a hundred times as fast as by the pattern
        return text
    return OUR_TAG.sub(r"&lt;\1", text)
