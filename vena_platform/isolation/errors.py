from __future__ import annotations

from vena_platform.errors import VenaError


class ProbeFailed(VenaError):
    code, status = "isolation_probe_failed", 503
    message = (
        "The isolation report could not be made. Look into the log, see that web server, worker and search index run, "
        "and start it again."
    )


class NotGenuine(VenaError):
    code, status = "report_not_genuine", 400
    message = "This is not a report as this installation wrote it: it was changed, or another installation signed it."


class NoReport(VenaError):
    code, status = "no_isolation_report", 404
    message = "There is no isolation report yet. The platform's operators make one."
