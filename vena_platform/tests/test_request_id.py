"""One id for a request: taken from the caller when it is harmless, sent back, and on every log line."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.http import HttpResponse

from tenants.context import entered
from tenants.models import Organisation
from vena_platform.logging import JsonFormatter, LineFormatter, OrganisationFilter
from vena_platform.request_id import RequestIdMiddleware, request_id


@pytest.mark.parametrize("given", ["abc", "A.b_c-1", "x" * 64])
def test_a_callers_id_comes_back(acme: Organisation, on_host: Any, given: str) -> None:
    for path in ("/accounts/login/", "/api/v1/me/", "/nothing/"):
        assert on_host(acme).get(path, headers={"x-request-id": given})["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "ä", "a\n", "<b>", "a/b"])
def test_what_is_no_id_is_replaced(acme: Organisation, on_host: Any, given: str) -> None:
    made = on_host(acme).get("/accounts/login/", headers={"x-request-id": given})["X-Request-ID"]
    assert len(made) == 32
    assert int(made, 16)


def test_each_request_has_its_own(acme: Organisation, on_host: Any) -> None:
    host = on_host(acme)
    assert host.get("/accounts/login/")["X-Request-ID"] != host.get("/accounts/login/")["X-Request-ID"]


def test_an_unknown_host_gets_one_too(db: None, client: Any) -> None:
    response = client.get("/", headers={"host": "nobody.localhost", "x-request-id": "mine"})
    assert response["X-Request-ID"] == "mine"


class Lines(logging.Handler):
    """Keeps the lines as the console would print them."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[dict[str, Any]] = []
        self.addFilter(OrganisationFilter())
        self.setFormatter(JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture
def lines() -> Any:
    handler, logger = Lines(), logging.getLogger("vena_platform")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    yield handler.lines
    logger.removeHandler(handler)
    logger.setLevel(level)


@pytest.mark.usefixtures("broken_views")
def test_a_log_line_names_the_organisation_and_the_request(
    acme: Organisation, globex: Organisation, on_host: Any, lines: list[dict[str, Any]]
) -> None:
    on_host(acme).get("/api/broken/missing/", headers={"x-request-id": "first"})
    on_host(globex).get("/api/broken/missing/", headers={"x-request-id": "second"})
    assert [(line["event"], line["organisation"], line["request"], line["code"]) for line in lines] == [
        ("api.refused", "org_acme", "first", "document_not_found"),
        ("api.refused", "org_globex", "second", "document_not_found"),
    ]


def test_sync_code_in_an_organisation_is_named(acme: Organisation, lines: list[dict[str, Any]]) -> None:
    logger = logging.getLogger("vena_platform.test")
    with entered(acme.schema_name):
        logger.info("inside")
    logger.info("outside")
    assert [(line["event"], line["organisation"]) for line in lines][0] == ("inside", "org_acme")
    assert lines[1]["organisation"] != "org_acme"


def test_a_line_holds_values_and_the_exception(lines: list[dict[str, Any]]) -> None:
    try:
        raise RuntimeError("boom")
    except RuntimeError:
        logging.getLogger("vena_platform.test").exception("it.failed", extra={"document_id": 7, "odd": object})
    (line,) = lines
    assert (line["level"], line["logger"], line["document_id"]) == ("error", "vena_platform.test", 7)
    assert line["odd"] == "<class 'object'>"
    assert line["exception"].endswith("RuntimeError: boom")


def test_a_line_for_the_terminal() -> None:
    record = logging.makeLogRecord({"levelname": "INFO", "msg": "it.happened", "organisation": "org_acme", "chunks": 3})
    assert LineFormatter().format(record) == f"{'info':8}{'org_acme':16} it.happened chunks=3"


def test_the_id_is_known_while_the_request_runs(rf: Any) -> None:
    seen = RequestIdMiddleware(lambda request: HttpResponse(request_id.get()))(
        rf.get("/", headers={"x-request-id": "mine"})
    )
    assert seen.content == b"mine"
