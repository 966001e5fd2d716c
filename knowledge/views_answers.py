"""The page about answers: who writes them, by which rules, with whose keys, and how the providers are right now."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.validators import RegexValidator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from accounts.permissions import Can
from accounts.selectors import require, signed_in
from knowledge import actions_answers
from knowledge.provider_states import ProviderState, answer_policy, provider_states
from knowledge.providers.defaults import QUOTING, first_choice, label_of
from knowledge.serializers_answers import KEY_SHAPE, MODEL_SHAPE, POLICY_FIELDS
from tenants.selectors import organisation_of
from vena_platform.errors import VenaError

MODEL_NAME = RegexValidator(MODEL_SHAPE, "A model's name has letters, digits and - . _ : / @ + only.")
ONLY_QUOTES = "Nobody: quote the documents"


class PolicyForm(forms.Form):
    primary_provider = forms.ChoiceField(required=False, label="Who answers")
    primary_model = forms.CharField(
        required=False, max_length=80, label="Model", validators=[RegexValidator(MODEL_SHAPE)]
    )
    backup_provider = forms.ChoiceField(required=False, label="Who carries on when that fails")
    backup_model = forms.CharField(
        required=False, max_length=80, label="Model", validators=[RegexValidator(MODEL_SHAPE)]
    )
    instructions = forms.CharField(
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 7, "data-count": ""}),
        label="Instructions",
    )
    is_multi_query = forms.BooleanField(required=False)
    is_cached = forms.BooleanField(required=False)
    is_semantically_cached = forms.BooleanField(required=False)

    def __init__(self, *args: Any, states: list[ProviderState], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = [state.provider for state in states if state.own_key]
        callable_ones = [(state.provider, state.label) for state in states if state.can_be_called]
        usual = label_of(first_choice(own).provider) if first_choice(own).provider != QUOTING else "quoting"
        primary, backup = self.fields["primary_provider"], self.fields["backup_provider"]
        primary.choices = [("", f"Vena's choice: {usual}"), *callable_ones, (QUOTING, ONLY_QUOTES)]  # type: ignore[attr-defined]
        backup.choices = [("", "Whichever other provider is set up"), *callable_ones]  # type: ignore[attr-defined]
        for name in ("primary_model", "backup_model"):
            self.fields[name].widget.attrs |= {
                "list": "known-models",
                "placeholder": "The usual one",
                "autocomplete": "off",
                "spellcheck": "false",
            }


class KeyForm(forms.Form):
    secret = forms.CharField(
        max_length=400, validators=[RegexValidator(KEY_SHAPE, "A key has 8 to 400 characters and no spaces.")]
    )
    base_url = forms.URLField(required=False, max_length=300, assume_scheme="https")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def answers(request: HttpRequest) -> HttpResponse:
    require(signed_in(request), Can.MANAGE_ANSWERS)
    states = provider_states(organisation_of(request).key)
    row = answer_policy()
    form = PolicyForm(request.POST or None, states=states, initial={name: getattr(row, name) for name in POLICY_FIELDS})
    if request.method == "POST" and form.is_valid():
        try:
            actions_answers.answer_policy_change(**form.cleaned_data)
        except VenaError as error:
            form.add_error(None, error.text)
        else:
            messages.success(request, "Saved. The next question is answered this way.")
            return redirect("answers")
    return render(request, "knowledge/answers.html", {"form": form, "states": states})


@login_required
@require_POST
@sensitive_post_parameters("secret")
@sensitive_variables("form")
def provider_key(request: HttpRequest, provider: str) -> HttpResponse:
    """One of three buttons: try and store, test again, remove. What was typed is never shown again."""
    user = signed_in(request)
    require(user, Can.MANAGE_ANSWERS)
    tenant = organisation_of(request).key
    try:
        match request.POST.get("act"):
            case "remove":
                actions_answers.provider_key_remove(tenant=tenant, provider=provider)
                messages.success(request, f"Your key for {label_of(provider)} is removed.")
            case "test":
                row = actions_answers.provider_key_test(tenant=tenant, provider=provider)
                tell(request, row.failure_message, f"Your key for {label_of(provider)} works.")
            case _:
                form = KeyForm(request.POST)
                if form.is_valid():
                    actions_answers.provider_key_set(
                        tenant=tenant, provider=provider, entered_by=user, **form.cleaned_data
                    )
                problem = " ".join(str(error) for errors in form.errors.values() for error in errors)
                tell(request, problem, f"Your key for {label_of(provider)} works and is stored.")
    except VenaError as error:
        messages.error(request, error.text)
    return redirect("answers")


def tell(request: HttpRequest, problem: str, success: str) -> None:
    if problem:
        messages.error(request, problem)
    else:
        messages.success(request, success)
