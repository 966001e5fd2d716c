from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from knowledge.evaluation.folder_runs import DEPTH, MEASURES, SYSTEMS, SystemRun, folder_search, margin
from knowledge.evaluation.folders import FolderQuestion, chunks_of, questions_of
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import default_embedding_provider, embedder
from knowledge.retrieval.search import Plan

WHOLE = 10**9  # tokens: nothing is trimmed, the measures look at the first ten


class Command(BaseCommand):
    help = (
        "Measure retrieval on a folder with docs.jsonl, queries.jsonl, qrels.jsonl and perhaps files/: recall, MRR and "
        "nDCG of each list by itself, of both fused, reranked, and of the passages that people get."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("data", type=Path, help="the folder")
        parser.add_argument("--mode", choices=["auto", "sections", "files"], default="auto")
        parser.add_argument("--split", choices=["dev", "test"], help="one half of the questions; else all")
        parser.add_argument("--systems", default=",".join(SYSTEMS), help=f"of {', '.join(SYSTEMS)}")
        parser.add_argument("--candidates", type=int, default=settings.VENA_CANDIDATES, help="of each ranked list")
        parser.add_argument("--reranked", type=int, default=settings.VENA_RERANKED, help="of the fused list")
        parser.add_argument("--embeddings", default=default_embedding_provider(), help="local, openai ...")
        parser.add_argument("--run", type=Path, help="write the last system's rankings here, a JSON line a question")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        systems = options["systems"].split(",")
        if unknown := set(systems) - set(SYSTEMS):
            raise CommandError(f"Unknown systems: {', '.join(sorted(unknown))}. There are: {', '.join(SYSTEMS)}.")
        if not (options["data"] / "qrels.jsonl").is_file():
            raise CommandError(f"{options['data']} holds no qrels.jsonl.")
        questions = questions_of(options["data"], options["split"])
        runs = run_in_loop(self.measured(systems, questions, options))
        if options["run"]:
            options["run"].write_text(run_file(runs[-1], questions))
        self.stdout.write(as_json(runs, options) if options["json"] else as_table(runs))

    async def measured(
        self, systems: Sequence[str], questions: Sequence[FolderQuestion], options: dict[str, Any]
    ) -> list[SystemRun]:
        model = embedder(options["embeddings"])
        chunks = chunks_of(options["data"], options["mode"], model.count_tokens)
        plan = Plan(3 * DEPTH, WHOLE, candidates=options["candidates"], reranked=options["reranked"])
        cache = settings.VENA_HOME / "evaluation"
        async with folder_search(model, chunks, plan, cache=cache, progress=self.told) as search:
            return [await search.run(system, questions) for system in systems]

    def told(self, line: str) -> None:
        self.stderr.write(line)


def as_table(runs: Sequence[SystemRun]) -> str:
    lines = [f"{'':10}{'R@5':>8}{'R@10':>8}{'MRR@10':>8}{'nDCG@10':>9}{'ms':>8}   {len(runs[0].figures)} questions"]
    for run in runs:
        figures = [f"{run.mean(measure):{9 if measure == 'ndcg_at_10' else 8}.3f}" for measure in MEASURES]
        lines.append(f"{run.system:10}{''.join(figures)}{run.milliseconds:8.1f}")
    for name, against, gap in margins(runs):
        lines.append(f"{name} - {against}: {gap.mean:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}] nDCG@10, 95 %")
    return "\n".join(lines)


def margins(runs: Sequence[SystemRun]) -> list[tuple[str, str, Any]]:
    """Hybrid against the better of the single lists, and each later step against hybrid."""
    by_name = {run.system: run for run in runs}
    singles = sorted((by_name[name] for name in ("bm25", "dense") if name in by_name), key=ndcg)
    hybrid = by_name.get("hybrid")
    found = []
    if hybrid and singles:
        found.append(("hybrid", singles[-1].system, margin(hybrid, singles[-1])))
    if hybrid:
        later = [by_name[name] for name in ("rerank", "passages") if name in by_name]
        found += [(run.system, "hybrid", margin(run, hybrid)) for run in later]
    return found


def ndcg(run: SystemRun) -> float:
    return run.mean("ndcg_at_10")


def as_json(runs: Sequence[SystemRun], options: dict[str, Any]) -> str:
    systems = {
        run.system: {
            **{name: round(run.mean(name), 4) for name in MEASURES},
            "milliseconds": round(run.milliseconds, 1),
        }
        for run in runs
    }
    gaps = [{"system": name, "against": against, **asdict(gap)} for name, against, gap in margins(runs)]
    shown = {"data": options["data"].name, "split": options["split"], "questions": len(runs[0].figures)}
    return json.dumps({**shown, "systems": systems, "margins": gaps}, indent=2)


def run_file(run: SystemRun, questions: Sequence[FolderQuestion]) -> str:
    rows = zip(questions, run.rankings, strict=True)
    return "".join(json.dumps({"qid": question.id, "docs": list(ranked)}) + "\n" for question, ranked in rows)
