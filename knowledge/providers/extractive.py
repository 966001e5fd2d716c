"""A chat model without a model: it quotes the sentences that answer best and does not compose.

Runs everywhere, costs nothing, invents nothing. Sentences are picked by the question's words (stemmed, weighted by how
rare they are in the passages found) and by the kind of question; tables, lists and code stay whole.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache

from knowledge.providers.streams import estimate_tokens, estimate_usage
from knowledge.types import ModelUsage, Passage, Prompt

NOT_FOUND_TEXT = "I could not find this in your documents."
LEAD = "I quote your documents and do not compose an answer. The passages that fit best:"

MOST_QUOTES = 4
MOST_LIST_ITEMS = 8
WORDS_A_PIECE = 4
LEAST_COVERAGE = 0.4  # share of the question's weight that a quote and its surroundings must hold
LEAST_COVERAGE_WHEN_SIMILAR = 0.28
SIMILAR = 0.5  # cosine of question and passage
LEAST_OF_BEST = 0.7  # further quotes must come this close to the best one
SAME_WORDS = 0.7  # share of common words from which two quotes say the same
CONTEXT_WEIGHT = 0.6  # a word of the heading, table head or list intro counts less than one of the quote itself
CODE_CONTEXT_WEIGHT = 0.9  # code rarely says in words what it is for; its heading and the sentence above do
MOST_OF_IT = 0.6
UNSEEN_WEIGHT = 0.8  # of the rarest word that was found: a word that no passage has is often just another word for one
LONG_QUOTE = 60  # words

STOP_WORDS = frozenset(
    """
    a about after all also am an and any are as at be been being but by can could did do does doing for from get
    gets got had has have having he her here him his how i if in into is it its just let like long many may me might
    more most much must my need no not of on often or our out over please shall she should so some such tell than that
    the their them then there these they this those to too under until up us use used want was we were what when
    where whether which while who whom whose why will with would you your der die das ein eine und oder ist sind
    wie was wer wann wo warum welche kann ich wir zu im in den dem des mit von für le la les un une des et ou
    est sont comment quand qui que quoi pour dans sur de du mon mes nos el los las una y o es son como cuando
    quien cual para por con mi
    """.split()
)
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
NAME = re.compile(r"(?<=[\w,] )[A-Z][\w-]+")
CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[^\W_a-z]|[\"'“‘(\[*])|(?<=[。！？])")
ABBREVIATION = re.compile(
    r"\b(?:(?i:e\.g|i\.e|etc|approx|incl|vs|cf|nr|dr|mr|mrs|ms|st|fig|bzw|z\.b|ca)|[Nn]o|[A-Z])\.$"
)
HEADING = re.compile(r"#{1,6}\s+(.*)")
LIST_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+")
TABLE_RULE = re.compile(r"\s*\|?[\s:|-]*-{2,}[\s:|-]*\|?\s*")
FENCE = re.compile(r"\s*(```|~~~)")
FOREIGN_MARK = re.compile(r"\s?\[\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\](?!\()")

NUMBER = re.compile(r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|half|none|unlimited)\b", re.I)
TIME = re.compile(
    r"\b\d{1,2}[:.]\d\d\b|\b\d{4}\b|\b\d+(?:st|nd|rd|th)\b|\b(?:days?|weeks?|months?|years?|hours?|daily|weekly|monthly"
    r"|quarter\w*|annual\w*|yearly|(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|june|july"
    r"|august|september|october|november|december|before|after|within|until|deadline)\b",
    re.I,
)
PERSON = re.compile(r"\b[A-Z][\w-]+ [A-Z][\w-]+|@|\b(?:team|manager|officer|director|head of|lead|contact|owner)\b")
WAY = re.compile(r"^\W*(?:to|go|open|click|choose|select|send|submit|fill|run|ask|contact|use|first|then)\b", re.I)
WANTS_CODE = re.compile(r"\b(?:code|commands?|config\w*|script|snippet|terminal|shell|syntax|query|example)\b")
HINTS = (
    (
        re.compile(
            r"\bhow (?:many|much|high|large|big|old|long|far)\b|\b(?:amount|number|percentage|limit|cost|price)\b"
        ),
        NUMBER,
    ),
    (
        re.compile(r"\bwhen\b|\bhow (?:long|often|soon|late)\b|\b(?:what|which) (?:date|day|time|year)\b|\bdeadline\b"),
        TIME,
    ),
    (re.compile(r"\bwho(?:m|se)?\b"), PERSON),
    (re.compile(r"\bhow (?:do|can|to|should|does)\b|\bsteps?\b"), WAY),
)


class Kind(Enum):
    SENTENCE = auto()
    ITEM = auto()
    ROW = auto()
    CODE = auto()


@dataclass(slots=True)
class Unit:
    """The smallest piece that is quoted, with the words around it that tell what it is about."""

    passage: Passage
    position: int
    kind: Kind
    text: str
    context: str = ""
    head: str = ""  # a table's head, shown above its row
    items: list[str] = field(default_factory=list)  # the list that a sentence ending in ":" announces
    terms: frozenset[str] = frozenset()
    context_terms: frozenset[str] = frozenset()
    asked_terms: frozenset[str] = frozenset()  # of the question in the text that this answers
    score: float = 0.0
    coverage: float = 0.0


class ExtractiveChatModel:
    """A `ChatModel` that quotes. `pace` is the pause between two pieces in seconds, for tests that need a slow one."""

    provider = "local"

    def __init__(self, name: str = "extractive", *, pace: float = 0.0) -> None:
        self.name = name
        self._pace = pace

    async def stream(self, prompt: Prompt) -> AsyncGenerator[str | ModelUsage, None]:
        text = answer(prompt.question, prompt.passages)
        for piece in word_groups(text):
            await asyncio.sleep(self._pace)
            yield piece
        tokens = estimate_usage(self, prompt, "").input_tokens
        yield ModelUsage(self.provider, self.name, input_tokens=tokens, output_tokens=estimate_tokens(text))


def answer(question: str, passages: Sequence[Passage]) -> str:
    """The whole answer as Markdown, or `NOT_FOUND_TEXT` when nothing fits well enough."""
    quotes = best_units(question, passages)
    if not quotes:
        return NOT_FOUND_TEXT
    return "\n\n".join([LEAD, *rendered(quotes)])


def word_groups(text: str) -> Iterator[str]:
    words = re.findall(r"\S+\s*", text)
    for start in range(0, len(words), WORDS_A_PIECE):
        yield "".join(words[start : start + WORDS_A_PIECE])


# -- choosing -------------------------------------------------------------------------------------


def best_units(question: str, passages: Sequence[Passage]) -> list[Unit]:
    """One to four units that answer, best passage first, in reading order inside one; empty when none fits."""
    units = [unit for passage in passages for unit in units_of(passage)]
    asked = terms_of(question) or frozenset(stems_of(question))
    if not units or not asked:
        return []
    weigh(units, question, asked)
    is_about_others = bool(names_in(question) - {term for unit in units for term in unit.terms | unit.context_terms})
    fitting = [unit for unit in units if unit.coverage >= needed_coverage(unit, is_about_others=is_about_others)]
    fitting.sort(key=lambda unit: -unit.score)
    chosen: list[Unit] = []
    for unit in fitting:
        if len(chosen) == MOST_QUOTES or unit.score < LEAST_OF_BEST * fitting[0].score:
            break
        if not any(says_the_same(unit, other) for other in chosen):
            chosen.append(unit)
    ranks = {unit.passage.n: rank for rank, unit in reversed(list(enumerate(chosen)))}
    return sorted(chosen, key=lambda unit: (ranks[unit.passage.n], unit.position))


def needed_coverage(unit: Unit, *, is_about_others: bool) -> float:
    """A passage that is close in meaning may use other words than the question, but not leave out whom it is about."""
    is_close = unit.passage.similarity >= SIMILAR and not is_about_others
    return LEAST_COVERAGE_WHEN_SIMILAR if is_close else LEAST_COVERAGE


def names_in(question: str) -> set[str]:
    """Stems of the words that are capitalised though no sentence starts there."""
    return {stem(word.lower()) for word in NAME.findall(question) if word.lower() not in STOP_WORDS}


def weigh(units: Sequence[Unit], question: str, asked: frozenset[str]) -> None:
    weights = term_weights(units, asked)
    total = sum(weights.values())
    pairs = {pair for pair in word_pairs(stems_of(question)) if asked.issuperset(pair)}
    wanted = [hint for sign, hint in HINTS if sign.search(question.lower())]
    wants_code = WANTS_CODE.search(question.lower()) is not None
    best_passage = max(unit.passage.score for unit in units) or 1.0
    for unit in units:
        said = unit.terms | unit.asked_terms
        own = sum(weights[term] for term in asked & said)
        around = sum(weights[term] for term in (asked & unit.context_terms) - said)
        is_code = wants_code and unit.kind is Kind.CODE
        share = CODE_CONTEXT_WEIGHT if is_code else CONTEXT_WEIGHT
        # Something of the question must stand in the quote itself, unless what is around it says most of it.
        unit.coverage = (own + share * around) / total if own or is_code or around > MOST_OF_IT * total else 0.0
        unit.score = (
            unit.coverage
            + 0.1 * bool(pairs and pairs & word_pairs(stems_of(unit.text)))
            + 0.15 * any(hint.search(unit.text) for hint in wanted)
            + 0.3 * (unit.passage.score / best_passage)
            + 0.3 * is_code
            - 0.1 * (len(unit.text.split()) > LONG_QUOTE)
        )


def term_weights(units: Sequence[Unit], asked: frozenset[str]) -> dict[str, float]:
    """Inverse document frequency among the units at hand."""
    frequency = Counter(term for unit in units for term in asked & (unit.terms | unit.context_terms | unit.asked_terms))
    found = {term: math.log(1 + (len(units) - count + 0.5) / (count + 0.5)) for term, count in frequency.items()}
    unseen = UNSEEN_WEIGHT * max(found.values(), default=1.0)
    return {term: found.get(term, unseen) for term in asked}


def says_the_same(one: Unit, other: Unit) -> bool:
    smaller = min(len(one.terms), len(other.terms))
    return smaller > 0 and len(one.terms & other.terms) / smaller >= SAME_WORDS


# -- words ----------------------------------------------------------------------------------------


def terms_of(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words_of(text) if word not in STOP_WORDS)


def stems_of(text: str) -> list[str]:
    return [stem(word) for word in words_of(text)]


def word_pairs(stems: Sequence[str]) -> set[tuple[str, str]]:
    return set(zip(stems, stems[1:], strict=False))


def words_of(text: str) -> Iterator[str]:
    """Lower-case words; scripts without spaces give pairs of characters instead."""
    for word in WORD.findall(text.lower()):
        if len(word) > 1 and CJK.search(word):
            yield from (word[start : start + 2] for start in range(len(word) - 1))
        else:
            yield word


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A light English stemmer: enough to bring "policies" to "policy" and "requested" to "request"."""
    word = re.sub(r"['’].*$", "", word)
    if len(word) <= 3 or not word.isascii():
        return word
    for ending, replacement in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return undoubled(word[: len(word) - len(ending)] + replacement)
    return word


ENDINGS = tuple(
    (ending, replacement)
    for endings, replacement in (
        ("ational", "ate"),
        ("ization", "ize"),
        ("ements ement ments ment", ""),
        ("ations ation", "at"),
        ("ities", "ity"),
        ("ingly edly", ""),
        ("sses", "ss"),
        ("ies ied", "y"),
        ("ings ing ions ion ers ed er es ly", ""),
        ("ss", "ss"),
        ("s e", ""),
    )
    for ending in endings.split()
)


def undoubled(word: str) -> str:
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "sle" else word


# -- taking passages apart ------------------------------------------------------------------------


def units_of(passage: Passage) -> list[Unit]:
    units: list[Unit] = []
    heading = " ".join([passage.title, *passage.heading_path])
    headings = {line.strip() for line in passage.heading_path}
    question = ""  # of an FAQ: the answer behind it inherits its words
    for kind, lines in parts_of(without(headings, passage.text)):
        if kind is None:
            heading = f"{passage.title} {lines[0]}"
            continue
        for unit in PARTS[kind](passage, lines):
            unit.position = len(units)
            unit.context = f"{heading} {unit.context}"
            unit.asked_terms = terms_of(question)
            if kind is Kind.SENTENCE and unit.text.rstrip("*_ ").endswith("?"):
                question = unit.text
                continue
            if kind is Kind.CODE and units:
                unit.context += f" {units[-1].text}"
            if kind is Kind.ITEM and units and units[-1].text.endswith(":"):
                announce(units[-1], lines, unit)
            units.append(unit)
    for unit in units:
        unit.terms, unit.context_terms = terms_of(unit.text + " ".join(unit.items)), terms_of(unit.context)
    return units


def without(headings: set[str], text: str) -> str:
    """A heading tells what stands under it (it is in every unit's context), but it answers nothing itself."""
    return "\n".join(line for line in text.splitlines() if line.strip() not in headings)


def announce(intro: Unit, lines: Sequence[str], first: Unit) -> None:
    intro.items = items_of(lines)
    first.context += f" {intro.text}"


def parts_of(text: str) -> Iterator[tuple[Kind | None, list[str]]]:
    """Runs of lines of one kind; None is a heading."""
    lines = text.splitlines()
    while lines:
        kind, length = part_at(lines)
        if length:
            part = [line for line in lines[:length] if line.strip()] if kind is not Kind.CODE else lines[:length]
            yield kind, [HEADING.sub(r"\1", part[0])] if kind is None else part
        lines = lines[length or 1 :]


def part_at(lines: Sequence[str]) -> tuple[Kind | None, int]:
    first = lines[0]
    if not first.strip():
        return None, 0
    if fence := FENCE.match(first):
        end = next((n for n, line in enumerate(lines[1:], 1) if line.strip().startswith(fence[1])), len(lines) - 1)
        return Kind.CODE, end + 1
    if HEADING.match(first):
        return None, 1
    if is_row(first):
        return Kind.ROW, run_length(lines, is_row)
    if LIST_ITEM.match(first):
        return Kind.ITEM, run_length(lines, continues_list)
    return Kind.SENTENCE, run_length(lines, is_prose)


def run_length(lines: Sequence[str], belongs: Callable[[str], bool]) -> int:
    return next((number for number, line in enumerate(lines) if number and not belongs(line)), len(lines))


def continues_list(line: str) -> bool:
    return LIST_ITEM.match(line) is not None or line.startswith("  ")


def is_row(line: str) -> bool:
    return line.lstrip().startswith("|") or line.count(" | ") >= 1


def is_prose(line: str) -> bool:
    return bool(line.strip()) and not (
        HEADING.match(line) or LIST_ITEM.match(line) or is_row(line) or FENCE.match(line)
    )


def sentence_units(passage: Passage, lines: Sequence[str]) -> Iterator[Unit]:
    for sentence in sentences_of(" ".join(line.strip() for line in lines)):
        yield Unit(passage, 0, Kind.SENTENCE, sentence)


def sentences_of(text: str) -> Iterator[str]:
    start = 0
    for end in SENTENCE_END.finditer(text):
        sentence = text[start : end.start()].strip()
        if not sentence or ABBREVIATION.search(sentence):
            continue
        yield text[start : end.end()].strip()
        start = end.end()
    if rest := text[start:].strip():
        yield rest


def item_units(passage: Passage, lines: Sequence[str]) -> Iterator[Unit]:
    for item in items_of(lines):
        yield Unit(passage, 0, Kind.ITEM, item)


def items_of(lines: Sequence[str]) -> list[str]:
    items: list[str] = []
    for line in lines:
        if LIST_ITEM.match(line) or not items:
            items.append(LIST_ITEM.sub("", line).strip())
        else:
            items[-1] += f" {line.strip()}"
    return items


def row_units(passage: Passage, lines: Sequence[str]) -> Iterator[Unit]:
    has_head = len(lines) > 1 and TABLE_RULE.fullmatch(lines[1]) is not None
    head = "\n".join(line.strip() for line in lines[:2]) if has_head else ""
    for line in lines[2 if has_head else 0 :]:
        yield Unit(passage, 0, Kind.ROW, line.strip(), context=lines[0] if has_head else "", head=head)


def code_units(passage: Passage, lines: Sequence[str]) -> Iterator[Unit]:
    yield Unit(passage, 0, Kind.CODE, "\n".join(lines))


PARTS = {Kind.SENTENCE: sentence_units, Kind.ITEM: item_units, Kind.ROW: row_units, Kind.CODE: code_units}


# -- showing --------------------------------------------------------------------------------------


def rendered(units: Sequence[Unit]) -> list[str]:
    """Markdown blocks. Rows of one table share its head; every quote ends with its citation."""
    blocks: list[str] = []
    shown_head = ""
    for unit in units:
        if unit.kind is Kind.ROW and unit.head and unit.head == shown_head:
            table, _, mark = blocks[-1].rpartition("\n\n")
            blocks[-1] = f"{table}\n{unit.text}\n\n{mark}"
            continue
        blocks.append(block_of(unit))
        shown_head = unit.head
    return blocks


def block_of(unit: Unit) -> str:
    mark = f"[{unit.passage.n}]"
    if unit.kind is Kind.CODE:
        return f"{unit.text}\n\n{mark}"
    text = FOREIGN_MARK.sub("", unit.text)
    if unit.kind is Kind.ROW and unit.head:
        return f"{unit.head}\n{text}\n\n{mark}"
    if unit.kind is Kind.ITEM:
        return f"- {text} {mark}"
    items = "".join(f"\n- {FOREIGN_MARK.sub('', item)} {mark}" for item in unit.items[:MOST_LIST_ITEMS])
    return f"{text} {mark}" + (f"\n{items}" if items else "")
