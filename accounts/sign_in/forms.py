from __future__ import annotations

import re
from typing import Any

from django import forms

from accounts.models import Group, User
from accounts.permissions import Role
from accounts.sign_in.errors import ProviderRefused
from accounts.sign_in.models import IdentityProvider
from accounts.sign_in.probing import bare, fetched, read_metadata
from vena_platform.errors import VenaError

DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
ASSIGNABLE = [(role.value, role.label) for role in Role if role != Role.OWNER]


class PolicyForm(forms.Form):
    second_factor = forms.BooleanField(required=False, label="Everybody needs a second factor")
    provider = forms.BooleanField(required=False, label="Everybody signs in by the identity provider")
    key_holders = forms.ModelMultipleChoiceField(
        queryset=User.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, label="Except these owners"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owners = User.objects.filter(role=Role.OWNER, is_active=True)
        self.fields["key_holders"].queryset = owners  # type: ignore[attr-defined]


class NewProviderForm(forms.Form):
    name = forms.CharField(max_length=40, label="Name", help_text="On the button: Sign in with …")
    kind = forms.ChoiceField(choices=IdentityProvider.Kind.choices, label="Kind")


def pairs_in(text: str, wanted: str) -> dict[str, str]:
    """Lines of `value = what it stands for`; the last equals sign counts. Raises ValidationError."""
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        value, equals, meant = (part.strip() for part in line.rpartition("="))
        if not equals or not value or not meant:
            raise forms.ValidationError(f"“{line}”: write value = {wanted}.")
        found[value] = meant
    return found


def roles_in(text: str) -> dict[str, str]:
    wanted = " or ".join(dict(ASSIGNABLE))
    found = pairs_in(text, wanted)
    if wrong := next((value for value, role in found.items() if role not in dict(ASSIGNABLE)), None):
        raise forms.ValidationError(f"“{wrong} = {found[wrong]}”: write value = {wanted}.")
    return found


def groups_in(text: str) -> list[list[str]]:
    """Pairs of a value and the id of a group. Raises ValidationError for a group that is not here."""
    lines = [line for line in text.splitlines() if line.strip()]
    known = {group.name.casefold(): str(group.pk) for group in Group.objects.all()}
    found = []
    for line in lines:
        value, equals, name = (part.strip() for part in line.rpartition("="))
        if not equals or not value or name.casefold() not in known:
            raise forms.ValidationError(
                f"“{line.strip()}”: write value = name of a group, one that is on the page Groups."
            )
        found.append([value, known[name.casefold()]])
    return found


class ProviderForm(forms.Form):
    """What both kinds share: for whom the provider speaks, and as what they come in."""

    domains = forms.CharField(
        required=False,
        max_length=1000,
        label="E-mail domains",
        help_text="Those that this provider speaks for, such as example.org, with commas between. Without any, it must "
        "say of each address that it is verified.",
    )
    makes_members = forms.BooleanField(required=False, label="Whoever it lets in becomes a member")
    default_role = forms.ChoiceField(choices=ASSIGNABLE, label="Their role")
    role_claim = forms.CharField(
        required=False,
        max_length=200,
        label="Claim with roles or groups",
        help_text="Such as groups, roles or realm_access.roles. Then roles follow the provider at each sign-in; owners "
        "stay owners.",
    )
    role_map = forms.CharField(
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "placeholder": "vena-admins = admin"}),
        label="Which value is which role",
        help_text="One a line: value = role. The highest role counts.",
    )

    group_claim = forms.CharField(
        required=False,
        max_length=200,
        label="Claim with groups",
        help_text="Often the same claim. Then the groups below follow the provider at each sign-in; other groups, and "
        "those of a directory, stay as they are.",
    )
    group_map = forms.CharField(
        required=False,
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "placeholder": "hr-team = People & Culture"}),
        label="Which value is which group",
        help_text="One a line: value = the name of a group that is here. A value may stand on several lines.",
    )

    def clean_domains(self) -> list[str]:
        words = re.split(r"[\s,;]+", str(self.cleaned_data["domains"]).lower())
        domains = [word.lstrip("@") for word in words if word]
        wrong = [domain for domain in domains if not DOMAIN.fullmatch(domain)]
        if wrong:
            raise forms.ValidationError(f"{wrong[0]} is not a domain. Write it like example.org.")
        return list(dict.fromkeys(domains))

    def clean_role_map(self) -> dict[str, str]:
        return roles_in(str(self.cleaned_data["role_map"]))

    def clean_group_map(self) -> list[list[str]]:
        return groups_in(str(self.cleaned_data["group_map"]))


class OidcForm(ProviderForm):
    issuer = forms.URLField(max_length=300, assume_scheme="https", label="Address of the provider (issuer)")
    client_id = forms.CharField(max_length=191, label="Client id")
    secret = forms.CharField(
        max_length=1000,
        required=False,
        label="Client secret",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    field_order = ("issuer", "client_id", "secret")

    def clean_issuer(self) -> str:
        return str(self.cleaned_data["issuer"]).rstrip("/").removesuffix("/.well-known/openid-configuration")


class SamlForm(ProviderForm):
    """Metadata by address or pasted, or its three facts by hand."""

    metadata_url = forms.URLField(
        required=False, max_length=500, assume_scheme="https", label="Address of the provider's metadata"
    )
    metadata = forms.CharField(
        required=False,
        max_length=200_000,
        label="Or the metadata itself",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "placeholder": "<EntityDescriptor …"}),
    )
    entity_id = forms.CharField(required=False, max_length=300, label="Entity id")
    sso_url = forms.URLField(required=False, max_length=500, assume_scheme="https", label="Sign-in address")
    certificate = forms.CharField(
        required=False,
        max_length=20_000,
        label="Certificate",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
    )
    field_order = ("metadata_url", "metadata", "entity_id", "sso_url", "certificate")

    def clean_certificate(self) -> str:
        return bare(str(self.cleaned_data["certificate"]))

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        url, text = values.pop("metadata_url", ""), values.pop("metadata", "")
        try:
            if url or text:
                values |= read_metadata(text or fetched(url).text)
            elif not (values.get("entity_id") and values.get("sso_url") and values.get("certificate")):
                raise ProviderRefused("Give the address of the provider's metadata, or paste it.")
        except VenaError as error:
            raise forms.ValidationError(error.text) from error
        return values


def form_for(row: IdentityProvider, data: Any = None) -> ProviderForm:
    initial = {name: getattr(row, name) for name in ("issuer", "client_id", "entity_id", "sso_url", "certificate")}
    initial |= {name: getattr(row, name) for name in ("makes_members", "default_role", "role_claim", "group_claim")}
    initial["domains"] = ", ".join(row.domains)
    initial["role_map"] = "\n".join(f"{value} = {role}" for value, role in row.role_map.items())
    names = {str(group.pk): group.name for group in Group.objects.all()}
    initial["group_map"] = "\n".join(f"{value} = {names[one]}" for value, one in row.group_map if one in names)
    kind = OidcForm if row.kind == IdentityProvider.Kind.OIDC else SamlForm
    return kind(data, initial=initial)
