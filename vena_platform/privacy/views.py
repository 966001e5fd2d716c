"""Everybody's page about their data; below it, for those who manage people, the organisation's rules and people."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.models import ErasureReceipt, User
from accounts.permissions import Can, may
from accounts.privacy.actions import privacy_change
from accounts.privacy.errors import NotConfirmed
from accounts.privacy.selectors import admins_may_read, privacy_settings
from accounts.selectors import require, signed_in
from accounts.sign_in.freshness import fresh_for_changes
from chat.page_context import turns_of
from tenants.queueing import delay_on_commit
from tenants.selectors import organisation_of
from vena_platform.limits import spend
from vena_platform.privacy.collecting import Subject
from vena_platform.privacy.erasing import erasure_begin
from vena_platform.privacy.exporting import person_export
from vena_platform.privacy.reading import conversation_for_admin, conversations_for_admin
from vena_platform.tasks import erase_person

MOST_SHOWN = 500
MOST_DAYS = 36_500


class SettingsForm(forms.Form):
    conversation_days = forms.IntegerField(
        required=False, min_value=1, max_value=MOST_DAYS, label="Keep conversations for days"
    )
    document_days = forms.IntegerField(
        required=False, min_value=1, max_value=MOST_DAYS, label="Keep documents for days"
    )
    admins_may_read = forms.BooleanField(
        required=False, label="Administrators may read members' conversations, with a reason that is kept"
    )


@login_required
@require_GET
def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "privacy/index.html", context_of(request, SettingsForm(initial=settings_shown())))


def context_of(request: HttpRequest, form: SettingsForm) -> dict[str, Any]:
    rules = privacy_settings()
    context: dict[str, Any] = {"rules": rules, "form": form}
    if may(signed_in(request).role, Can.MANAGE_PEOPLE):
        people = User.objects.filter(is_support=False).order_by("email")[:MOST_SHOWN]
        context |= {"may_manage": True, "people": people, "receipts": ErasureReceipt.objects.all()[:20]}
    return context


def settings_shown() -> dict[str, Any]:
    rules = privacy_settings()
    return {name: getattr(rules, name) for name in SettingsForm.base_fields}


@login_required
@require_POST
@fresh_for_changes
def change(request: HttpRequest) -> HttpResponse:
    require(signed_in(request), Can.MANAGE_PEOPLE)
    form = SettingsForm(request.POST)
    if not form.is_valid():
        return render(request, "privacy/index.html", context_of(request, form), status=422)
    privacy_change(**form.cleaned_data)
    messages.success(request, "Saved. What is too old goes tonight.")
    return redirect("privacy")


# -- what is kept about a person ------------------------------------------------------------------


@login_required
@require_POST
@fresh_for_changes
def own_export(request: HttpRequest) -> FileResponse:
    return exported(request, signed_in(request), with_words=True)


@login_required
@require_POST
@fresh_for_changes
def export(request: HttpRequest, person_id: UUID) -> FileResponse:
    """By somebody who manages people: without the words of conversations, unless the organisation lets them read."""
    admin = signed_in(request)
    require(admin, Can.MANAGE_PEOPLE)
    found = person_of(person_id)
    return exported(request, found, with_words=found == admin or admins_may_read())


def exported(request: HttpRequest, user: User, *, with_words: bool) -> FileResponse:
    spend("download", person=signed_in(request).pk)
    archive = person_export(Subject(organisation_of(request).pk, user), with_words=with_words)
    headers = {"Cache-Control": "no-store"}
    return FileResponse(archive, as_attachment=True, filename=f"person-{user.pk}.zip", headers=headers)


@login_required
@require_GET
def person(request: HttpRequest, person_id: UUID) -> HttpResponse:
    require(signed_in(request), Can.MANAGE_PEOPLE)
    context = {"person": person_of(person_id), "may_read": admins_may_read()}
    return render(request, "privacy/person.html", context)


@login_required
@require_POST
@fresh_for_changes
def erase(request: HttpRequest, person_id: UUID) -> HttpResponse:
    admin = signed_in(request)
    require(admin, Can.MANAGE_PEOPLE)
    found = person_of(person_id)
    if request.POST.get("confirm", "").strip().lower() != found.email:
        raise NotConfirmed
    row = erasure_begin(user=found, by=admin, with_documents="with_documents" in request.POST)
    delay_on_commit(erase_person, schema_name=organisation_of(request).schema_name, receipt_id=str(row.pk))
    messages.success(request, "The person is shut out and is being erased. The receipt below says when it is done.")
    return redirect("privacy")


def person_of(person_id: UUID) -> User:
    return get_object_or_404(User, pk=person_id)


@login_required
@require_GET
def receipt(request: HttpRequest, receipt_id: UUID) -> JsonResponse:
    require(signed_in(request), Can.MANAGE_PEOPLE)
    row = get_object_or_404(ErasureReceipt, pk=receipt_id)
    names = ("id", "person_id", "requested_by", "with_documents", "removed", "left", "started_at", "finished_at")
    headers = {"Content-Disposition": f'attachment; filename="erasure-{row.pk}.json"'}
    return JsonResponse({name: getattr(row, name) for name in names}, headers=headers)


# -- reading what members asked -------------------------------------------------------------------


@login_required
@require_POST
@never_cache
def conversations(request: HttpRequest, person_id: UUID) -> HttpResponse:
    found, reason = person_of(person_id), request.POST.get("reason", "")
    rows = conversations_for_admin(signed_in(request), found, reason)
    return render(request, "privacy/conversations.html", {"person": found, "rows": rows, "reason": reason})


@login_required
@require_POST
@never_cache
def conversation(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    shown = conversation_for_admin(signed_in(request), conversation_id, request.POST.get("reason", ""))
    return render(request, "privacy/conversation.html", {**shown, "turns": turns_of(shown["messages"])})
