from __future__ import annotations

from vena_platform.errors import VenaError


class SupportNotWanted(VenaError):
    code, status = "support_not_wanted", 403
    message = "This organisation has switched off access by support. Ask its owner to switch it on."


class SupportOpen(VenaError):
    code, status = "support_open", 409
    message = "There is an open request, or leave that still runs. End it first."


class SupportNotOpen(VenaError):
    code, status = "support_not_open", 409
    message = "This is not open any more. Open the page again."


class SupportOver(VenaError):
    code, status = "support_over", 403
    message = "The time for support is over, or the organisation has ended it."


class NotForSupport(VenaError):
    code, status = "not_for_support", 403
    message = "Support can't see or do this: the organisation's leave is for its documents."
