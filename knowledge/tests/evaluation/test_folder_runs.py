"""A tiny evaluation set through the whole measurement: reader, chunker, embedder, engine, search."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from knowledge.evaluation.folder_runs import SystemRun, margin
from knowledge.evaluation.folders import chunks_of, half, held_by, questions_of, read_lines
from knowledge.retrieval.composing import shingles

PAGE = """# Handbook

## Leave
Every person has 28 days of annual leave after five years of service.

## Hotels
A hotel in Edinburgh may cost 150 pounds a night during a trade fair.
"""
ROWS = [
    {"id": "p#leave", "title": "Handbook", "text": PAGE.split("\n")[3], "file": "page.md"},
    {"id": "p#hotels", "title": "Handbook", "text": PAGE.split("\n")[6], "file": "page.md"},
]
ASKED = [
    {"id": "q1", "text": "How many days of annual leave do I have?"},
    {"id": "q2", "text": "What may a hotel cost?\u2028A separator that ends no line."},
    {"id": "q3", "text": "Nobody judged this one."},
]
GOLD = [{"qid": "q1", "docid": "p#leave", "rel": 1}, {"qid": "q2", "docid": "p#hotels", "rel": 2}]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "page.md").write_text(PAGE)
    for name, rows in (("docs", ROWS), ("queries", ASKED), ("qrels", GOLD)):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return tmp_path


def words(text: str) -> int:
    return len(text.split())


def test_only_line_feeds_end_a_line(data: Path) -> None:
    assert read_lines(data / "queries.jsonl") == ASKED


def test_judged_questions_in_two_halves(data: Path) -> None:
    assert [(question.id, question.gold) for question in questions_of(data)] == [
        ("q1", {"p#leave": 1.0}),
        ("q2", {"p#hotels": 2.0}),
    ]
    halves = [questions_of(data, split) for split in ("dev", "test")]
    assert sorted(question.id for split in halves for question in split) == ["q1", "q2"]
    assert all(half(question.id) == "dev" for question in halves[0])


def test_chunks_of_files_know_the_rows_they_hold(data: Path) -> None:
    held = [chunk.sections for chunk in chunks_of(data, "auto", words)]
    assert set(sum(held, ())) == {"p#leave", "p#hotels"}
    assert [chunk.sections for chunk in chunks_of(data, "sections", words)] == [("p#leave",), ("p#hotels",)]


def test_a_row_is_held_by_half_of_the_shorter_text() -> None:
    known = [("leave", shingles(str(ROWS[0]["text"]))), ("hotels", shingles(str(ROWS[1]["text"])))]
    assert held_by(PAGE, known) == ("leave", "hotels")
    assert held_by("Every person has 28 days of something else altogether, and more words.", known) == ()


@pytest.mark.parametrize("mode", ["files", "sections"])
def test_the_command_measures_every_system(data: Path, mode: str, settings: Any, tmp_path: Path) -> None:
    settings.VENA_HOME = tmp_path / "home"
    out, run = StringIO(), tmp_path / "run.jsonl"
    call_command("evaluate_retrieval", data, "--mode", mode, "--json", "--run", run, stdout=out, stderr=StringIO())
    told = json.loads(out.getvalue())
    assert told["questions"] == 2
    assert set(told["systems"]) == {"bm25", "dense", "hybrid", "rerank", "passages"}
    assert told["systems"]["rerank"]["recall_at_5"] == 1.0
    assert [(gap["system"], gap["against"]) for gap in told["margins"]][1:] == [
        ("rerank", "hybrid"),
        ("passages", "hybrid"),
    ]
    rankings = {row["qid"]: row["docs"] for row in read_lines(run)}
    assert rankings["q1"][0] == "p#leave"


def test_a_second_run_embeds_nothing(data: Path, settings: Any, tmp_path: Path) -> None:
    settings.VENA_HOME = tmp_path / "home"
    told = []
    for _ in range(2):
        lines = StringIO()
        call_command("evaluate_retrieval", data, "--systems", "dense", stdout=StringIO(), stderr=lines)
        told.append(lines.getvalue())
    assert "Embedding" in told[0]
    assert "Embedding" not in told[1]


def test_what_is_wrong_is_told(data: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="guess"):
        call_command("evaluate_retrieval", data, "--systems", "dense,guess")
    with pytest.raises(CommandError, match="no qrels"):
        call_command("evaluate_retrieval", tmp_path / "absent")


def test_a_margin_is_paired() -> None:
    def run(*scores: float) -> SystemRun:
        return SystemRun("x", ((),) * len(scores), tuple((0.0, 0.0, 0.0, score) for score in scores), 0.0)

    same = margin(run(0.1, 0.9, 0.5), run(0.1, 0.9, 0.5))
    assert (same.mean, same.low, same.high) == (0, 0, 0)
    better = margin(run(*[0.6, 0.3] * 50), run(*[0.5, 0.2] * 50))
    assert (round(better.mean, 6), round(better.low, 6), round(better.high, 6)) == (0.1, 0.1, 0.1)
