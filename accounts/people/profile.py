"""A person's own page: how they are called, and how the pages look and count time for them."""

from __future__ import annotations

import zoneinfo
from functools import cache
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.selectors import signed_in

SETTINGS = ("name", "language", "time_zone", "theme")


@cache
def time_zones() -> tuple[str, ...]:
    """Those that people live in: the data also names old ones, and some for machines."""
    named = (name for name in zoneinfo.available_timezones() if "/" in name)
    return ("UTC", *sorted(name for name in named if not name.startswith(("Etc/", "SystemV/", "US/", "posix/"))))


class ProfileForm(forms.Form):
    name = forms.CharField(max_length=120, label="Name", widget=forms.TextInput(attrs={"autocomplete": "name"}))
    language = forms.ChoiceField(label="Language", help_text="Of dates, numbers and Vena's own words.")
    time_zone = forms.ChoiceField(label="Time zone")
    theme = forms.ChoiceField(label="Look", choices=User.Theme.choices)

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].choices = settings.LANGUAGES  # type: ignore[attr-defined]
        self.fields["time_zone"].choices = [(name, name.replace("_", " ")) for name in time_zones()]  # type: ignore[attr-defined]
        self.initial = {
            "name": person.name,
            "language": person.language or settings.LANGUAGE_CODE,
            "time_zone": person.time_zone or settings.TIME_ZONE,
            "theme": person.theme,
        }


@transaction.atomic
def profile_change(*, person: User, **changes: Any) -> User:
    """`changes` are of SETTINGS, and checked."""
    row = User.objects.select_for_update().get(pk=person.pk)
    for name in changes.keys() & set(SETTINGS):
        setattr(row, name, changes[name])
    row.save(update_fields=[*changes.keys() & set(SETTINGS)])
    return row


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    form = ProfileForm(request.POST or None, person=user)
    if request.method == "POST" and form.is_valid():
        profile_change(person=user, **form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("profile")
    return render(request, "people/profile.html", {"form": form})
