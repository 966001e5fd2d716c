"""The report for people: a page that prints well and needs nothing from anywhere."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.template.loader import render_to_string

from vena_platform.isolation.signing import public_keys


def page_of(report: dict[str, Any]) -> str:
    return render_to_string("isolation/report.html", context_of(report)).strip()


def context_of(report: dict[str, Any]) -> dict[str, Any]:
    attempts = sorted(report["attempts"], key=lambda one: one["area"])
    areas = [(area, list(rows)) for area, rows in groupby(attempts, key=lambda one: one["area"])]
    return {"report": report, "areas": areas, "public_key": public_keys()[0]}
