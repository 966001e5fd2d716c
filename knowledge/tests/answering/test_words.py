from __future__ import annotations

import pytest

from knowledge.answering.words import Kind, durations_of, language_of, other_forms, terms_of


def keys(text: str, kind: Kind) -> list[str]:
    return [term.key for term in terms_of(text, tells_names=True) if term.kind is kind]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1,500 or 1.500 or 1 500 or 1500", ["1500"] * 4),
        ("1.5 and 1,5 and 1.50", ["1.5"] * 3),
        ("£1,500.50", ["1500.5"]),
        ("the 1st, 25th and 28-day", ["1", "25", "28"]),
        ("31.03.2026", ["31", "3", "2026"]),
        ("02:00", ["2", "0"]),
        ("fünf Tage, cinq jours, five days", ["5", "5", "5"]),
        ("in March, im März, on 3 May; you may go", ["month 3", "month 3", "3", "month 5"]),
        ("每年15天", ["15"]),
    ],
    ids=["thousands", "decimals", "money", "ordinals", "date", "time", "spelled", "months", "chinese"],
)
def test_numbers_have_one_form(text: str, numbers: list[str]) -> None:
    assert keys(text, Kind.NUMBER) == numbers


def test_numbers_that_are_not_written_as_such() -> None:
    assert other_forms("by 31 March, within an hour") == {"3", "1"}
    assert other_forms("2026-03-31 or 1.4.2026") == {"month 3", "month 4"}
    assert durations_of("15 working days, drei Monate, 30 pounds") == {"15": 3, "3": 5}


def test_names_are_told_by_their_capital_but_not_in_german() -> None:
    assert keys("Ask Priya Raman about it. Today Mrs. Lindqvist and Atlas2 help as well.", Kind.NAME) == [
        "priya",
        "raman",
        "mrs",
        "lindqv",
        "atlas2",
    ]
    assert keys("Der Antrag ist bei der Abteilung zu stellen.", Kind.NAME) == []


@pytest.mark.parametrize(
    ("text", "negated"),
    [
        ("Alcohol is not paid", ["alcoho", "paid"]),
        ("Dogs are not allowed, but cats stay", ["dog", "allow"]),
        ("It is not forbidden to smoke", []),
        ("No more than five days", []),
        ("If neither is possible, money returns", ["possib"]),
        ("Urlaub darf nicht genommen werden", ["urlaub", "genomm"]),
        ("Tiere sind nicht erlaubt, sondern verboten", ["tier", "erlaub"]),
        ("结转不能", ["结转", "转不", "不能"]),
    ],
    ids=["clause", "other clause", "twice", "no more than", "condition", "german", "german twice", "chinese"],
)
def test_negation_reaches_as_far_as_its_clause(text: str, negated: list[str]) -> None:
    assert [term.key for term in terms_of(text) if term.is_negated] == negated


def test_words_of_one_family_share_a_root_and_function_words_are_left_out() -> None:
    assert keys("approved approves Employees employee", Kind.WORD)[:2] == ["approv", "approv"]
    assert {term.key for term in terms_of("reimbursements reimbursed")} == {"reimbu"}
    assert terms_of("it is the of and not der die das") == []
    assert len({term.key for term in terms_of("période Période periode")}) == 1


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The days that you have", "en"),
        ("Das ist nicht mit dem Team", "de"),
        ("Il faut une autorisation", "fr"),
        ("El salario se paga con los demás", "es"),
        ("員工每年有15天", "CJK"),
        ("Отпуск длится долго", "CYRILLIC"),
        ("£500", ""),
        ("Laptop Bath Raman", ""),
    ],
    ids=["en", "de", "fr", "es", "chinese", "russian", "number", "names"],
)
def test_a_language_is_told_by_its_script_or_its_function_words(text: str, language: str) -> None:
    assert language_of(text) == language
