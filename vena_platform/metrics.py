"""`/metrics` on the public host, in Prometheus' format: for operators' sessions, or whoever shows VENA_METRICS_TOKEN.

The numbers of all processes are in Redis (`vena_platform.counters`), so any process can answer for all.
"""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Iterable, Iterator

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from knowledge.providers import breaker
from knowledge.providers.breaker import PLATFORM, Circuit, State
from knowledge.providers.defaults import chat_providers
from knowledge.providers.loops import run_in_loop
from vena_platform import counters
from vena_platform.admin_sites import operator_admin

ABOUT = {
    "provider_calls": "Calls of chat models for answers, by how they ended.",
    "answers": "Answers, by how they ended.",
    "first_token_seconds": "Seconds from a call to its first text.",
}
LABELS: dict[str, tuple[str, ...]] = {
    "provider_calls": ("provider", "outcome"),
    "answers": ("status",),
    "first_token_seconds": ("provider",),
}
Totals = dict[tuple[str, ...], float]


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    if not (operator_admin.has_permission(request) or shows_token(request)):
        return HttpResponse("Sign in as an operator, or show the token.\n", status=401, content_type="text/plain")
    registry = CollectorRegistry()
    registry.register(Everything())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def provider_states(request: HttpRequest) -> HttpResponse:
    """For operators: how the platform's own providers are. Those behind organisations' keys are on their pages."""
    rows = list(chat_providers().values())
    states = run_in_loop(breaker.seen([Circuit(PLATFORM, row.name) for row in rows]))
    context = {
        **operator_admin.each_context(request),
        "title": "Providers",
        "rows": [{"provider": row, "seen": seen} for row, seen in zip(rows, states, strict=True)],
    }
    return TemplateResponse(request, "admin/provider_states.html", context)


def shows_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    wanted = settings.VENA_METRICS_TOKEN
    return bool(wanted) and scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), wanted.encode())


class Everything(Collector):
    def collect(self) -> Iterator[Metric]:
        yield from breakers()
        try:
            fields = counters.totals()
        except redis.RedisError:
            yield GaugeMetricFamily("vena_counters_up", "Whether the shared counters can be read.", value=0)
            return
        yield GaugeMetricFamily("vena_counters_up", "Whether the shared counters can be read.", value=1)
        totals = by_name(fields)
        yield counter("provider_calls", totals)
        yield counter("answers", totals)
        yield histogram("first_token_seconds", fields)


def breakers() -> Iterable[Metric]:
    """Of the platform's own keys; an organisation sees those of its keys on its own page."""
    names = list(chat_providers())
    gauge = GaugeMetricFamily(
        "vena_provider_breaker_state", "1 for the state the provider is in.", labels=("provider", "state")
    )
    for name, seen in zip(names, run_in_loop(breaker.seen([Circuit(PLATFORM, name) for name in names])), strict=True):
        for state in State:
            gauge.add_metric((name, state.value), float(seen.state is state))
    return [gauge]


def by_name(fields: dict[str, float]) -> dict[str, Totals]:
    found: dict[str, Totals] = defaultdict(dict)
    for field, value in fields.items():
        name, labels = counters.parsed(field)
        if name in LABELS:
            found[name][tuple(labels.get(label, "") for label in LABELS[name])] = value
    return found


def counter(name: str, totals: dict[str, Totals]) -> Metric:
    family = CounterMetricFamily(f"vena_{name}", ABOUT[name], labels=LABELS[name])
    for labels, value in sorted(totals.get(name, {}).items()):
        family.add_metric(labels, value)
    return family


def histogram(name: str, fields: dict[str, float]) -> Metric:
    family = HistogramMetricFamily(f"vena_{name}", ABOUT[name], labels=LABELS[name])
    counted: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    sums: Totals = {}
    for field, value in fields.items():
        found, labels = counters.parsed(field)
        key = tuple(labels.get(label, "") for label in LABELS[name])
        if found == name:
            counted[key][labels["le"]] = value
        elif found == f"{name}_sum":
            sums[key] = value
    for key, buckets in sorted(counted.items()):
        family.add_metric(key, cumulative(buckets), sums.get(key, 0.0))
    return family


def cumulative(buckets: dict[str, float]) -> list[tuple[str, float]]:
    total, found = 0.0, []
    for bound in (*(f"{bucket:g}" for bucket in counters.BUCKETS), "+Inf"):
        total += buckets.get(bound, 0.0)
        found.append((bound, total))
    return found
