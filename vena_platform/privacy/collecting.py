"""Everything that is kept about a person, section by section. Inside the organisation's schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import Model, QuerySet

from accounts.audit.erasing import rows_naming
from accounts.models import ApiKey, ScimPerson, User
from billing.erasing import calls_shown
from chat.models import Conversation, GapQuestion
from chat.selectors import messages_for_page
from knowledge.models import Document, DocumentVersion

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore
LABEL = "_by_label"  # how fields end that keep the address of who did something
OUR_APPS = ("accounts", "knowledge", "chat")


@dataclass(frozen=True, slots=True)
class Subject:
    """Who it is about, in which organisation."""

    organisation_id: UUID
    user: User


def everything(subject: Subject, *, with_words: bool) -> dict[str, Any]:
    """`with_words` is false when somebody else downloads it who may not read the person's conversations."""
    return {name: section(subject, with_words) for name, section in SECTIONS.items()}


def profile(subject: Subject, with_words: bool) -> dict[str, Any]:
    user = subject.user
    names = ("id", "email", "name", "role", "is_active", "date_joined", "last_login")
    return {name: getattr(user, name) for name in names}


def addresses(subject: Subject, with_words: bool) -> list[dict[str, Any]]:
    return list(EmailAddress.objects.filter(user=subject.user).values("email", "verified", "primary"))


def directory(subject: Subject, with_words: bool) -> list[dict[str, Any]]:
    """What the organisation's directory has told by SCIM."""
    names = ("user_name", "external_id", "given_name", "family_name", "roles", "changed_at", "deleted_at")
    return list(ScimPerson.objects.filter(user=subject.user).values(*names))


def keys(subject: Subject, with_words: bool) -> list[dict[str, Any]]:
    names = ("name", "prefix", "created_at", "last_used_at", "expires_at", "revoked_at")
    return list(ApiKey.objects.filter(user=subject.user).values(*names))


def sessions(subject: Subject, with_words: bool) -> list[dict[str, Any]]:
    return [{"ends_at": row.expire_date} for row in sessions_of(subject.user)]


def sessions_of(user: User) -> list[Session]:
    return [row for row in Session.objects.iterator() if row.get_decoded().get(SESSION_KEY) == str(user.pk)]


def conversations(subject: Subject, with_words: bool) -> Any:
    rows = Conversation.objects.filter(member=subject.user).order_by("created_at")
    if not with_words:
        return {"count": rows.count(), "note": "The words are left out: they are the person's own."}
    return [conversation(row) for row in rows]


def conversation(row: Conversation) -> dict[str, Any]:
    pks = list(row.messages.values_list("pk", flat=True))
    names = ("id", "title", "summary", "created_at", "updated_at", "archived_at", "shared_at")
    return {**{name: getattr(row, name) for name in names}, "messages": messages_for_page(row, pks)}


def gap_questions(subject: Subject, with_words: bool) -> Any:
    rows = GapQuestion.objects.filter(answer__conversation__member=subject.user)
    return list(rows.values("text", "comment", "is_reported", "created_at")) if with_words else {"count": rows.count()}


def documents(subject: Subject, with_words: bool) -> list[Any]:
    rows = Document.objects.filter(uploaded_by=subject.user).order_by("created_at")
    return list(rows.values("id", "title", "tags", "source_url", "external_id", "created_at", "state"))


def usage(subject: Subject, with_words: bool) -> list[dict[str, Any]]:
    return calls_shown(subject.organisation_id, subject.user.pk)


def audit_log(subject: Subject, with_words: bool) -> list[dict[str, Any]]:
    """What they did and what was done to them. Who did the latter stays out of it."""
    names = ("id", "at", "action", "target_kind", "target_id", "address", "user_agent")
    mine = rows_naming(subject.user.pk, subject.user.email).order_by("id")
    return [
        {name: getattr(row, name) for name in names if row.actor_id == subject.user.pk or name not in WHENCE}
        for row in mine
    ]


WHENCE = ("address", "user_agent")


def admin_site(subject: Subject, with_words: bool) -> list[Any]:
    return list(LogEntry.objects.filter(user=subject.user).values("action_time", "object_repr", "action_flag"))


SECTIONS: dict[str, Callable[[Subject, bool], Any]] = {
    "profile": profile,
    "email_addresses": addresses,
    "directory": directory,
    "api_keys": keys,
    "sessions": sessions,
    "conversations": conversations,
    "unanswered_questions": gap_questions,
    "documents": documents,
    "usage": usage,
    "audit_log": audit_log,
    "admin_site": admin_site,
}


def files_of(user: User) -> Iterator[tuple[str, DocumentVersion]]:
    """Name in the archive, and version: what the person uploaded themselves."""
    rows = DocumentVersion.objects.filter(created_by=user).exclude(file="").order_by("created_at")
    seen: set[str] = set()
    for version in rows:
        if str(version.file) not in seen:  # a version that was read again shares its file
            seen.add(str(version.file))
            yield f"files/{version.pk}{suffix(version.file_name)}", version


def suffix(name: str) -> str:
    end = name.rpartition(".")[2].lower()[:10] if "." in name else ""
    return f".{end}" if end.isalnum() else ""


def labelled(email: str) -> Iterator[tuple[QuerySet[Any], str]]:
    """Rows of any table of ours that keep this address as a label, and in which field."""
    for name in OUR_APPS:
        for model in apps.get_app_config(name).get_models():
            for field in label_fields(model):
                yield model._default_manager.filter(**{f"{field}__iexact": email}).order_by(), field


def label_fields(model: type[Model]) -> list[str]:
    return [field.name for field in model._meta.local_concrete_fields if field.name.endswith(LABEL)]
