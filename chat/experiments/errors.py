from __future__ import annotations

from vena_platform.errors import VenaError


class ExperimentNotReady(VenaError):
    code, status = "experiment_not_ready", 409
    message = "This experiment cannot start: it needs at least two arms with a weight, and they must differ."


class ExperimentRunning(VenaError):
    code, status = "experiment_running", 409
    message = "Another experiment is running. Stop it first: a conversation can be in one only."


class ExperimentOver(VenaError):
    code, status = "experiment_over", 409
    message = "This experiment has been stopped already. Make a new one to go on."
