"""The floor of the project: the error family every app speaks. Imports nothing of ours."""

from __future__ import annotations

from typing import ClassVar


class VenaError(Exception):
    """A failure we expect and can name.

    `code` is part of the API and never changes; `message` is a sentence for the person and says
    what to do; `detail` is for us and goes to the log only.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    message: ClassVar[str] = "Something went wrong. Try again; if it keeps happening, tell your administrator."
    retryable: ClassVar[bool] = False

    def __init__(self, message: str = "", *, detail: str = "") -> None:
        self.text = message or self.message
        self.detail = detail
        super().__init__(detail or self.text)
