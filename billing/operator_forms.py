"""Forms of the operators' pages."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
)

from billing.corrections import LONGEST_REASON, Tokens
from billing.models import UsageEvent
from billing.reconcile.reading import READERS
from tenants.models import Organisation

LONGEST_LOOK = 366  # days
TAKE_BACK, REPLACE = "take_back", "replace"


def count(label: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=0, max_value=2**31 - 1, required=False, widget=UnfoldAdminIntegerFieldWidget
    )


class CorrectionForm(forms.Form):
    act = forms.ChoiceField(
        label="What was wrong",
        choices=[
            (REPLACE, "Its tokens: take it back and enter what is written below"),
            (TAKE_BACK, "All of it: take it back, and enter nothing in its place"),
        ],
        initial=REPLACE,
        widget=UnfoldAdminRadioSelectWidget,
    )
    input_tokens = count("Input tokens, those of a cache included")
    cached_input_tokens = count("Of these read from a cache")
    cache_write_tokens = count("Of these written to a cache")
    output_tokens = count("Output tokens")
    reason = forms.CharField(
        label="Why",
        max_length=LONGEST_REASON,
        help_text="The ledger keeps it. The organisation's people do not see it.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )

    @classmethod
    def of(cls, event: UsageEvent, data: Any = None) -> CorrectionForm:
        return cls(data, initial={name: getattr(event, name) for name in Tokens.__slots__})

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("act") == REPLACE and any(cleaned.get(name) is None for name in Tokens.__slots__):
            raise forms.ValidationError("Enter all four counts; nothing is 0.")
        return cleaned

    @property
    def tokens(self) -> Tokens:
        return Tokens(**{name: self.cleaned_data[name] for name in Tokens.__slots__})


NAMES = {"openai": "OpenAI", "anthropic": "Anthropic"}


def provider() -> forms.ChoiceField:
    return forms.ChoiceField(choices=[(one, NAMES[one]) for one in READERS], widget=UnfoldAdminSelectWidget)


class BringForm(forms.Form):
    provider = provider()
    file = forms.FileField(
        label="Its usage or costs",
        help_text="JSON as the provider's API answers (all pages as one list, grouped by model), or its page's CSV.",
        widget=UnfoldAdminFileFieldWidget,
    )


class MatchesForm(forms.Form):
    provider = provider()
    since = forms.DateField(label="From", widget=UnfoldAdminSingleDateWidget)
    until = forms.DateField(label="To, included", widget=UnfoldAdminSingleDateWidget)
    without = forms.ModelMultipleChoiceField(
        Organisation.objects.order_by("name"),
        required=False,
        widget=UnfoldAdminSelectMultipleWidget,
        label="Without",
        help_text="Organisations that have a key of their own at this provider: their calls are on another account.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and not 0 <= (until - since).days <= LONGEST_LOOK:
            raise forms.ValidationError("Choose a period of a year at most, that ends after it begins.")
        return cleaned
