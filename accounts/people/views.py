"""The pages about people: who is here, who is invited, which groups there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import InvitationNotFound, ListTooLong
from accounts.invitations import actions as invitations
from accounts.invitations.csv_files import MAX_BYTES, Problem, read_people
from accounts.models import Invitation, User
from accounts.people.actions import group_change, group_create, group_delete, person_change
from accounts.people.forms import GroupForm, InvitationForm, JoiningForm, ListForm, MembersForm, PersonForm
from accounts.people.selectors import group_visible_to, groups_visible_to, people_visible_to, person_visible_to
from accounts.permissions import Can, Role, may
from accounts.selectors import is_last_owner, require, signed_in
from accounts.sign_in.freshness import fresh_for_changes
from tenants.selectors import organisation_of
from vena_platform.errors import VenaError

A_PAGE = 50


def done(form: forms.Form, work: Callable[[], object]) -> bool:
    """Whether it was; else the form says why not."""
    if not form.is_valid():
        return False
    try:
        work()
    except VenaError as error:
        form.add_error(None, error.text)
        return False
    return True


# -- people ---------------------------------------------------------------------------------------


@login_required
@never_cache
def people(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    wanted = {name: request.GET.get(name, "") for name in ("q", "role", "state", "group")}
    context = {
        "page": Paginator(people_visible_to(user, wanted), A_PAGE).get_page(request.GET.get("page")),
        "wanted": wanted,
        "wanted_query": f"{urlencode({name: value for name, value in wanted.items() if value})}&",
        "roles": Role.choices,
        "groups": list(groups_visible_to(user)),
        "tab": "people",
    }
    return render(request, "people/people.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@fresh_for_changes
def person(request: HttpRequest, person_id: UUID) -> HttpResponse:
    user = signed_in(request)
    row = person_visible_to(user, person_id)
    form = PersonForm(request.POST or None, by=user, person=row)
    if request.method == "POST" and done(form, lambda: change_person(user, row, form.cleaned_data)):
        messages.success(request, f"{row} is changed.")
        return redirect("people")
    others = User.objects.filter(is_active=True, is_service=False).exclude(pk=row.pk)
    context = {
        "person": row,
        "form": form,
        "heirs": others,
        "is_self": row.pk == user.pk,
        "may_touch": row.role != Role.OWNER or may(user.role, Can.MANAGE_OWNERS),
        "is_only_owner": row.role == Role.OWNER and is_last_owner(row),
        "tab": "people",
    }
    return render(request, "people/person.html", context)


def change_person(user: User, row: User, wanted: dict[str, Any]) -> None:
    groups = [group.pk for group in wanted.pop("groups")]
    person_change(person=row, by=user, groups=groups, **wanted)


# -- invitations ----------------------------------------------------------------------------------


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_list(request: HttpRequest) -> HttpResponse:
    """POST invites one person."""
    user = signed_in(request)
    require(user, Can.MANAGE_PEOPLE)
    form = InvitationForm(request.POST or None, by=user)
    if request.method == "POST" and done(form, lambda: invite(request, user, form.cleaned_data)):
        messages.success(request, f"{form.cleaned_data['email']} is invited. The letter is on its way.")
        return redirect("invitations")
    return shown_invitations(request, form=form)


def invite(request: HttpRequest, user: User, wanted: dict[str, Any]) -> None:
    groups = [group.pk for group in wanted["groups"]]
    invitations.invitation_make(schema_name=schema_of(request), by=user, **{**wanted, "groups": groups})


@login_required
@require_POST
def invite_many(request: HttpRequest) -> HttpResponse:
    """All people of a CSV file, or nothing and what is wrong with each line."""
    user = signed_in(request)
    require(user, Can.MANAGE_PEOPLE)
    form = ListForm(request.POST, request.FILES)
    problems: list[Problem] = []
    if done(form, lambda: problems.extend(invite_list(request, user, form.cleaned_data["file"]))) and not problems:
        messages.success(request, "Everybody on the list is invited. The letters are on their way.")
        return redirect("invitations")
    return shown_invitations(request, list_form=form, problems=problems)


def invite_list(request: HttpRequest, user: User, file: Any) -> list[Problem]:
    if file.size > MAX_BYTES:
        raise ListTooLong
    return invitations.invitations_make(schema_name=schema_of(request), by=user, people=read_people(file.read()))


@login_required
@require_POST
def invitation_act(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """One of two buttons: send again, revoke."""
    require(signed_in(request), Can.MANAGE_PEOPLE)
    row = Invitation.objects.filter(pk=invitation_id).first()
    if row is None:
        raise InvitationNotFound
    try:
        if request.POST.get("act") == "revoke":
            invitations.invitation_revoke(row)
            messages.success(request, f"The invitation of {row.email} is revoked.")
        else:
            invitations.invitation_resend(schema_name=schema_of(request), invitation=row)
            messages.success(request, f"{row.email} gets another letter. The link of the one before works no more.")
    except VenaError as error:
        messages.error(request, error.text)
    return redirect("invitations")


@login_required
@require_POST
def joining_change(request: HttpRequest) -> HttpResponse:
    require(signed_in(request), Can.MANAGE_PEOPLE)
    form = JoiningForm(request.POST, rule=invitations.joining())
    if done(form, lambda: invitations.joining_set(**form.cleaned_data)):
        messages.success(request, "Saved.")
        return redirect("invitations")
    return shown_invitations(request, joining_form=form)


def shown_invitations(request: HttpRequest, **more: Any) -> HttpResponse:
    user = signed_in(request)
    rows = Invitation.objects.filter(accepted_at=None, revoked_at=None).prefetch_related("groups")
    context = {
        "form": InvitationForm(by=user),
        "list_form": ListForm(),
        "joining_form": JoiningForm(rule=invitations.joining()),
        "page": Paginator(rows, A_PAGE).get_page(request.GET.get("page")),
        "tab": "invitations",
        **more,
    }
    return render(request, "people/invitations.html", context)


# -- groups ---------------------------------------------------------------------------------------


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def groups(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    rows = list(groups_visible_to(user))
    form = GroupForm(request.POST or None)
    if request.method == "POST" and done(form, lambda: group_create(**form.cleaned_data)):
        messages.success(request, "The group is made. Open it to choose its members.")
        return redirect("groups")
    return render(request, "people/groups.html", {"rows": rows, "form": form, "tab": "groups"})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def group(request: HttpRequest, group_id: UUID) -> HttpResponse:
    row = group_visible_to(signed_in(request), group_id)
    if request.method == "POST" and request.POST.get("act") == "delete":
        group_delete(group=row)
        messages.success(request, f"The group {row} is deleted.")
        return redirect("groups")
    form = MembersForm(request.POST or None, group=row)
    if request.method == "POST" and done(form, lambda: group_change(group=row, **with_ids(form.cleaned_data))):
        messages.success(request, f"{row} is saved.")
        return redirect("groups")
    return render(request, "people/group.html", {"group": row, "form": form, "tab": "groups"})


def with_ids(wanted: dict[str, Any]) -> dict[str, Any]:
    return {**wanted, "members": [member.pk for member in wanted["members"]]}


def schema_of(request: HttpRequest) -> str:
    return str(organisation_of(request).schema_name)
