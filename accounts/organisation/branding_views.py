"""The page on which an organisation's look is changed, and what serves it: `/brand.css`, `/brand/logo`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.validators import RegexValidator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from accounts.organisation.branding import FIELDS, branding_change, logo_of
from accounts.permissions import Can
from accounts.selectors import require, signed_in
from tenants.branding.colours import DARK, LIGHT, Shades, Theme, shades_of
from tenants.branding.logos import MAX_BYTES, Logo, logo_from
from tenants.branding.stylesheet import stylesheet, tokens_of, words_of
from tenants.errors import NotInPlan
from tenants.models import Branding
from tenants.selectors import organisation_of
from vena_platform.errors import VenaError

PLATFORM_ACCENT = "#0b5563"
A_YEAR = 31_536_000
ALONE = "default-src 'none'; style-src 'unsafe-inline'; sandbox"  # for a logo that is opened by itself
is_colour = RegexValidator(r"^#[0-9a-fA-F]{6}\Z", "Write the colour as # and six digits or letters a to f: #0b5563.")
is_one_line = RegexValidator(r"^[^\x00-\x1f\x7f]*\Z", "Write it on one line.")


class ColourField(forms.CharField):
    def __init__(self, **kwargs: Any) -> None:
        attrs = {"data-colour": "", "placeholder": PLATFORM_ACCENT, "spellcheck": "false", "autocomplete": "off"}
        widget = forms.TextInput(attrs=attrs)
        super().__init__(required=False, max_length=7, validators=[is_colour], widget=widget, **kwargs)

    def clean(self, value: Any) -> str:
        return str(super().clean(value)).lower()


class BrandingForm(forms.Form):
    name = forms.CharField(max_length=120, label="Name", validators=[is_one_line], help_text="Of your organisation.")
    assistant_name = forms.CharField(
        max_length=40,
        required=False,
        label="Name of the assistant",
        validators=[is_one_line],
        help_text="What answers, as people read it. Empty: Vena.",
    )
    accent = ColourField(label="Colour", help_text="Of buttons, links and marks.")
    accent_dark = ColourField(label="Colour on dark", help_text="Empty: it follows from the first one.")
    logo = forms.FileField(
        required=False,
        label="Logo",
        help_text="PNG, or SVG of plain shapes, up to 256 kB. It is shown 32 pixels high.",
        widget=forms.FileInput(attrs={"accept": "image/png,image/svg+xml"}),
    )
    has_no_logo = forms.BooleanField(required=False, label="Take the logo away")
    support_email = forms.EmailField(
        required=False, label="Address for help", help_text="Shown to people and in letters."
    )
    support_url = forms.URLField(required=False, max_length=300, label="Page for help", assume_scheme="https")

    def clean_support_url(self) -> str:
        address = str(self.cleaned_data["support_url"])
        if address and not address.startswith(("https://", "http://")):
            raise forms.ValidationError("Write an address that begins with https://.")
        return address

    def clean_logo(self) -> Logo | None:
        file: Any = self.cleaned_data["logo"]
        if file is None:
            return None
        try:
            return logo_from(file.read(MAX_BYTES + 1))
        except VenaError as error:
            raise forms.ValidationError(error.text) from error


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def branding(request: HttpRequest) -> HttpResponse:
    require(signed_in(request), Can.MANAGE_BRANDING)
    look = organisation_of(request).look
    initial = {"name": organisation_of(request).name, **{name: getattr(look, name) for name in FIELDS}}
    form = BrandingForm(request.POST or None, request.FILES or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            changed = branding_change(organisation_of(request), **form.cleaned_data)
        except NotInPlan as error:
            form.add_error(None, error.text)
        else:
            tell(request, changed)
            return redirect("branding")
    context = {"form": form, "look": look, "said": said_of(look.accent, look.accent_dark)}
    return render(request, "organisation/branding.html", context, status=422 if form.errors else 200)


def tell(request: HttpRequest, look: Branding) -> None:
    messages.success(request, "Saved. Everybody sees it with the next page.")
    for one in said_of(look.accent, look.accent_dark):
        if one["is_changed"]:
            messages.warning(request, one["words"])


def shown(accent: str, accent_dark: str) -> dict[Theme, Shades]:
    return {LIGHT: shades_of(accent, LIGHT), DARK: shades_of(accent_dark or accent, DARK)}


def said_of(accent: str, accent_dark: str) -> list[dict[str, Any]]:
    if not accent:  # a colour on dark alone changes nothing either
        own = {"words": "Vena's own colours: no colour is chosen.", "is_changed": False, "tokens": {}}
        return [{"theme": theme.name, **own} for theme in (LIGHT, DARK)]
    return [
        {"theme": theme.name, "words": words_of(one, theme), "is_changed": one.is_changed, "tokens": tokens_of(one)}
        for theme, one in shown(accent, accent_dark).items()
    ]


@login_required
@require_GET
def shades(request: HttpRequest) -> JsonResponse:
    """What the preview shows of colours that are not saved yet."""
    require(signed_in(request), Can.MANAGE_BRANDING)
    form = BrandingForm({"name": "-", **{name: request.GET.get(name, "") for name in ("accent", "accent_dark")}})
    if not form.is_valid():
        return JsonResponse({"code": "invalid", "detail": "This is no colour.", "fields": form.errors}, status=422)
    return JsonResponse({"themes": said_of(form.cleaned_data["accent"], form.cleaned_data["accent_dark"])})


@require_safe
def brand_css(request: HttpRequest) -> HttpResponse:
    look = organisation_of(request).look
    response = HttpResponse(stylesheet(look.accent, look.accent_dark), content_type="text/css; charset=utf-8")
    return kept(request, response, look)


@require_safe
def brand_logo(request: HttpRequest) -> HttpResponse:
    logo = logo_of(organisation_of(request))
    if logo is None:
        raise Http404
    headers = {"Content-Security-Policy": ALONE, "X-Content-Type-Options": "nosniff"}
    response = HttpResponse(logo.content, content_type=logo.media_type, headers=headers)
    return kept(request, response, organisation_of(request).look)


def kept(request: HttpRequest, response: HttpResponse, look: Branding) -> HttpResponse:
    """An address that names the version it shows may be kept for ever; others are asked for each time."""
    is_current = request.GET.get("v") == str(look.version)
    response["Cache-Control"] = f"public, max-age={A_YEAR}, immutable" if is_current else "no-cache"
    return response
