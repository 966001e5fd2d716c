from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password

from accounts.invitations.actions import JOINING_ROLES
from accounts.models import Group, Joining, User
from accounts.permissions import Role, roles_given_by


def role_choices(roles: Any) -> list[tuple[str, str]]:
    return [(role.value, role.label) for role in roles]


class GroupsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            Group.objects.all(), required=False, widget=forms.CheckboxSelectMultiple, label="Groups", **kwargs
        )


class PersonForm(forms.Form):
    name = forms.CharField(max_length=120, required=False, label="Name")
    role = forms.ChoiceField(label="Role")
    groups = GroupsField()
    is_active = forms.BooleanField(required=False, label="May sign in")

    def __init__(self, *args: Any, by: User, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices(roles_given_by(by.role))  # type: ignore[attr-defined]
        self.initial = {
            "name": person.name,
            "role": person.role,
            "is_active": person.is_active,
            "groups": list(person.member_of.values_list("pk", flat=True)),
        }


class InvitationForm(forms.Form):
    email = forms.EmailField(max_length=254, label="E-mail address")
    name = forms.CharField(max_length=120, required=False, label="Name")
    role = forms.ChoiceField(label="Role", initial=Role.MEMBER)
    groups = GroupsField()

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices(roles_given_by(by.role))  # type: ignore[attr-defined]


class ListForm(forms.Form):
    file = forms.FileField(
        label="CSV file",
        help_text="Its first line names the columns: email, name, role, groups. Only email is needed.",
    )


class JoiningForm(forms.Form):
    domains = forms.CharField(
        required=False,
        max_length=2000,
        label="E-mail domains",
        help_text="Of your own, such as example.org, with commas between them. Without any, nobody joins uninvited.",
    )
    role = forms.ChoiceField(label="Their role", choices=role_choices(JOINING_ROLES))

    def __init__(self, *args: Any, rule: Joining, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial = {"domains": ", ".join(rule.domains), "role": rule.role}

    def clean_domains(self) -> list[str]:
        return [part for part in self.cleaned_data["domains"].replace("\n", ",").split(",") if part.strip()]


class GroupForm(forms.Form):
    name = forms.CharField(max_length=120, label="Name")
    cost_centre = forms.CharField(max_length=60, required=False, label="Cost centre")


class MembersForm(GroupForm):
    members = forms.ModelMultipleChoiceField(
        User.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, label="Members"
    )

    def __init__(self, *args: Any, group: Group, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["members"].queryset = User.objects.filter(is_support=False)  # type: ignore[attr-defined]
        self.initial = {
            "name": group.name,
            "cost_centre": group.cost_centre,
            "members": list(group.members.values_list("pk", flat=True)),
        }


class AcceptForm(forms.Form):
    name = forms.CharField(max_length=120, label="Your name", widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        label="Choose a password",
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if password := values.get("password"):
            try:
                validate_password(password, User(email=self.email, name=values.get("name", "")))
            except forms.ValidationError as error:
                self.add_error("password", error)
        return values


class JoinForm(forms.Form):
    email = forms.EmailField(
        max_length=254, label="Your e-mail address at work", widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
