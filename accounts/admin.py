"""People, groups, invitations and API keys on an organisation's admin site; operators on the platform's."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ResetPasswordForm
from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.audit import admin as audit_admin
from accounts.keys.actions import api_key_revoke
from accounts.models import ApiKey, Group, Invitation, User
from accounts.people.actions import group_change, person_change, person_delete, require_role_to_give
from accounts.permissions import Can, Role, may, roles_given_by
from accounts.selectors import is_last_owner, signed_in
from accounts.sign_in.freshness import FreshChanges
from vena_platform.admin_sites import operator_admin, tenant_admin

__all__ = ["audit_admin"]  # registered by being imported


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ("email", "name", "role", "is_active")

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        stays = values.get("is_active") and values.get("role") == Role.OWNER
        if self.initial.get("role") == Role.OWNER and not stays and is_last_owner(self.instance):
            raise forms.ValidationError(
                "An organisation needs at least one active owner. Make somebody else owner first."
            )
        return values


@admin.register(User, site=tenant_admin)
class PersonAdmin(FreshChanges, ModelAdmin):
    """Adding a person sends a link to choose a password."""

    form = PersonForm
    list_display = ("email", "name", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("email", "name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        rows: QuerySet[User] = super().get_queryset(request)
        return rows.filter(is_service=False)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if "role" in form.base_fields:
            given = roles_given_by(signed_in(request).role)
            form.base_fields["role"].choices = [(role.value, role.label) for role in given]
        return form

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_change_permission(request, obj)) and self.may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = bool(super().has_delete_permission(request, obj)) and self.may_touch(request, obj)
        return allowed and (obj is None or obj.pk != request.user.pk) and not (obj and is_only_owner(obj))

    def may_touch(self, request: HttpRequest, obj: User | None) -> bool:
        """Only an owner changes an owner."""
        return obj is None or obj.role != Role.OWNER or may(signed_in(request).role, Can.MANAGE_OWNERS)

    def get_actions(self, request: HttpRequest) -> Any:
        return {}  # a bulk delete would pass by the rules above

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if change:
            person_change(person=obj, by=signed_in(request), **form.cleaned_data)
            return
        require_role_to_give(signed_in(request), obj.role)
        obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        transaction.on_commit(lambda: send_password_link(request, obj))

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        person_delete(person=obj, by=signed_in(request))


def is_only_owner(person: User) -> bool:
    return person.role == Role.OWNER and is_last_owner(person)


def send_password_link(request: HttpRequest, user: User) -> None:
    form = ResetPasswordForm(data={"email": user.email})
    if form.is_valid():
        form.save(request)


class GroupForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Group
        fields = ("name", "cost_centre", "members")

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        name = " ".join(str(values.get("name", "")).split())
        if name and Group.objects.filter(name__iexact=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("There is a group of this name already. Choose another name.")
        return values


@admin.register(Group, site=tenant_admin)
class GroupAdmin(ModelAdmin):
    form = GroupForm
    list_display = ("name", "cost_centre", "created_at")
    search_fields = ("name", "cost_centre")
    filter_horizontal = ("members",)

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        group_change(group=obj)  # members follow with the form's own


@admin.register(Invitation, site=tenant_admin)
class InvitationAdmin(ModelAdmin):
    """To look at. They are made, sent again and revoked on the people page."""

    list_display = ("email", "role", "invited_by_label", "sent_at", "expires_at", "accepted_at", "revoked_at")
    search_fields = ("email", "name")
    exclude = ("token_hash",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ApiKey, site=tenant_admin)
class ApiKeyAdmin(FreshChanges, ModelAdmin):
    list_display = ("name", "prefix", "owner", "uses", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("user",)
    actions = ("revoke",)

    @admin.display(description="Of")
    def owner(self, key: ApiKey) -> str:
        return "A program" if key.user.is_service else key.user.email

    @admin.display(description="For")
    def uses(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a key is shown once, when it is made; this page could not show it

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description="Revoke", permissions=["delete"])
    def revoke(self, request: HttpRequest, keys: Any) -> None:
        for key in keys:
            api_key_revoke(key)


@admin.register(User, site=operator_admin)
class OperatorAdmin(ModelAdmin):
    list_display = ("email", "name", "is_superuser", "is_active", "last_login")
    fields = ("email", "name", "is_superuser", "is_active")
