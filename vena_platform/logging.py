"""Log lines: an event name with values, the organisation and the request added by a filter."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from tenants.context import active_schema
from vena_platform.log_secrets import redacted
from vena_platform.request_id import request_id

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "organisation", "request"}


class OrganisationFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.organisation = active_schema()
        record.request = request_id.get()
        return True


def extras(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in STANDARD}


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            "organisation": getattr(record, "organisation", ""),
            "request": getattr(record, "request", ""),
            **extras(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return redacted(json.dumps(line, default=str, ensure_ascii=False))


class LineFormatter(logging.Formatter):
    """One readable line, for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        values = " ".join(f"{key}={value}" for key, value in extras(record).items())
        organisation = getattr(record, "organisation", "")
        text = f"{record.levelname.lower():8}{organisation:16} {record.getMessage()} {values}".rstrip()
        return redacted(f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text)
