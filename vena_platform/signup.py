"""The public site's way in: ask for an organisation, watch it being made, land on its own host."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from tenants.actions import ENTRY_LIFETIME, entry_token_issue, organisation_request
from tenants.errors import SlugTaken
from tenants.models import RESERVED_SLUGS, Organisation, Provisioning, slug_rules
from tenants.queueing import delay_on_commit
from tenants.selectors import organisation_by_slug, organisation_url
from vena_platform.addresses import address_of_request, network_of
from vena_platform.limits import spend
from vena_platform.provisioning import progress
from vena_platform.tasks import provision_organisation

SIGNUPS_PER_HOUR = 10  # from one address
MINE = "provisioning"  # session key: the sign-ups this browser may watch


class SignupForm(forms.Form):
    organisation_name = forms.CharField(max_length=120, label="Organisation")
    slug = forms.CharField(max_length=40, label="Address", validators=[slug_rules])
    owner_name = forms.CharField(max_length=120, label="Your name")
    email = forms.EmailField(max_length=254, label="Your e-mail address")
    password = forms.CharField(max_length=200, widget=forms.PasswordInput, label="Password")

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        if slug in RESERVED_SLUGS or Organisation.objects.filter(slug=slug).exists():
            raise ValidationError(SlugTaken.message)
        return slug

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        validate_password(password)
        return password


def signup(request: HttpRequest) -> HttpResponse:
    form = SignupForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and within_limit(request, form):
        try:
            provisioning = start(form.cleaned_data)
        except SlugTaken as error:
            form.add_error("slug", error.text)
        else:
            request.session[MINE] = [*request.session.get(MINE, []), str(provisioning.pk)]
            return redirect("provisioning", provisioning_id=provisioning.pk)
    return render(request, "public/signup.html", {"form": form}, status=422 if form.is_bound else 200)


def within_limit(request: HttpRequest, form: SignupForm) -> bool:
    key = f"signups:{network_of(address_of_request(request.META))}"
    cache.add(key, 0, timeout=3600)
    if cache.incr(key) <= SIGNUPS_PER_HOUR or settings.DEBUG:
        return True
    form.add_error(None, "Too many organisations were created from your network. Try again in an hour.")
    return False


def start(wanted: dict[str, Any]) -> Provisioning:
    provisioning = organisation_request(
        name=wanted["organisation_name"],
        slug=wanted["slug"],
        owner_name=wanted["owner_name"],
        owner_email=wanted["email"],
        owner_password=wanted["password"],
    )
    delay_on_commit(provision_organisation, provisioning_id=str(provisioning.pk))
    return provisioning


def mine(request: HttpRequest, provisioning_id: UUID) -> Provisioning:
    """Only the browser that asked may watch, and later enter."""
    if str(provisioning_id) not in request.session.get(MINE, []):
        raise Http404
    return Provisioning.objects.select_related("organisation").get(pk=provisioning_id)


def provisioning(request: HttpRequest, provisioning_id: UUID) -> HttpResponse:
    row = mine(request, provisioning_id)
    context = {
        "organisation_name": row.organisation.name,
        "status_url": reverse("provisioning_status", args=[row.pk]),
    }
    return render(request, "public/provisioning.html", context)


def provisioning_status(request: HttpRequest, provisioning_id: UUID) -> JsonResponse:
    row = mine(request, provisioning_id)
    state = "done" if row.finished_at else "failed" if row.failure_code else "running"
    enter_url = retry_url = None
    if state == "done":
        enter_url = entry_url(row)
    if state == "failed":
        retry_url = reverse("provisioning_retry", args=[row.pk])
    return JsonResponse({"state": state, "steps": progress(row), "enter_url": enter_url, "retry_url": retry_url})


def entry_url(row: Provisioning) -> str:
    """The owner's way in, offered once and for a short time; afterwards the organisation's own page asks who it is."""
    home = organisation_url(row.organisation)
    if row.is_entered or not row.finished_at or timezone.now() > row.finished_at + ENTRY_LIFETIME:
        return f"{home}/"
    return f"{home}{reverse('owner_entry', urlconf=settings.ROOT_URLCONF)}?token={entry_token_issue(row)}"


@require_POST
def provisioning_retry(request: HttpRequest, provisioning_id: UUID) -> JsonResponse:
    row = mine(request, provisioning_id)
    failed = Provisioning.objects.filter(pk=row.pk).exclude(failure_code="")
    if failed.update(failure_code="", failure_detail=""):  # two clicks start one attempt
        provision_organisation.delay(provisioning_id=str(row.pk))
    return JsonResponse({"state": "running"}, status=202)


class FindForm(forms.Form):
    slug = forms.CharField(max_length=40, label="Your organisation's address")


def find_organisation(request: HttpRequest) -> HttpResponse:
    form = FindForm(request.GET or None)
    if form.is_bound:
        spend("find", address=network_of(address_of_request(request.META)))
    if form.is_bound and form.is_valid():
        organisation = organisation_by_slug(form.cleaned_data["slug"].strip().lower())
        if organisation and organisation.is_open:
            return redirect(organisation_url(organisation))
        form.add_error("slug", "There is no organisation at this address. Check the spelling, or ask a colleague.")
    return render(request, "public/find.html", {"form": form})
