from __future__ import annotations

from vena_platform.errors import VenaError


class ReadingNotAllowed(VenaError):
    code, status = "reading_not_allowed", 403
    message = "Your organisation keeps conversations private. An owner can change this on the privacy page."


class ReasonMissing(VenaError):
    code, status = "reason_missing", 400
    message = "Write down why you need to read this, in 10 characters or more. It is kept in the audit log."


class NotErasable(VenaError):
    code, status = "not_erasable", 409
    message = "You can erase neither yourself nor the last owner. Ask another owner, or make somebody else owner first."


class NotConfirmed(VenaError):
    code, status = "not_confirmed", 400
    message = "Nothing was erased: repeat the person's e-mail address exactly. There is no way back."
