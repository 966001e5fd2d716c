"""What of a conversation goes into a prompt: the last turns, within a budget of tokens. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from knowledge.providers.streams import BYTES_PER_TOKEN, TOKENS_PER_TURN, estimate_tokens
from knowledge.types import Turn

LAST = 2  # the question before and its answer: cut short rather than left out


def within(newest_first: Iterable[Turn], budget: int) -> tuple[Turn, ...]:
    """The turns that fit, oldest first. Of the last two at least the beginning is kept."""
    kept: list[Turn] = []
    for turn in newest_first:
        needed = estimate_tokens(turn.text) + TOKENS_PER_TURN
        if needed > budget:
            if len(kept) < LAST and budget > TOKENS_PER_TURN:
                kept.append(shortened(turn, budget - TOKENS_PER_TURN))
            break
        budget -= needed
        kept.append(turn)
    return tuple(reversed(kept))


def shortened(turn: Turn, tokens: int) -> Turn:
    text = turn.text.encode()[: tokens * BYTES_PER_TOKEN - 3].decode(errors="ignore")
    return replace(turn, text=f"{text}…")
