from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.errors import PersonNotFound
from accounts.models import User
from accounts.people.selectors import person_visible_to
from accounts.selectors import signed_in
from accounts.sign_in.freshness import fresh_for_changes
from chat.leavers import content_hand_over, person_remove
from tenants.selectors import organisation_of
from vena_platform.errors import VenaError


@login_required
@require_POST
@fresh_for_changes
def leave(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """One of two buttons of a person's page: hand over what they shared, delete them."""
    user = signed_in(request)
    person = person_visible_to(user, person_id)
    try:
        if request.POST.get("act") == "delete":
            person_remove(tenant=organisation_of(request).key, person=person, by=user)
            messages.success(request, f"{person} is deleted.")
            return redirect("people")
        given = content_hand_over(leaver=person, heir=heir_of(request), by=user)
        messages.success(
            request, f"Handed over: {given.conversations} shared conversations and {given.documents} documents."
        )
    except VenaError as error:
        messages.error(request, error.text)
    return redirect("person", person_id)


def heir_of(request: HttpRequest) -> User:
    try:
        return person_visible_to(signed_in(request), UUID(request.POST.get("to", "")))
    except ValueError:
        raise PersonNotFound from None
