"""People and API keys on an organisation's admin site; operators on the platform's."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ResetPasswordForm
from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.actions import api_key_revoke
from accounts.models import ApiKey, User
from accounts.permissions import Role
from accounts.selectors import is_last_owner
from vena_platform.admin_sites import operator_admin, tenant_admin


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
class PersonAdmin(ModelAdmin):
    """Adding a person sends a link to choose a password."""

    form = PersonForm
    list_display = ("email", "name", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("email", "name")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if getattr(request.user, "role", "") != Role.OWNER and "role" in form.base_fields:
            form.base_fields["role"].choices = [choice for choice in Role.choices if choice[0] != Role.OWNER]
        return form

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_change_permission(request, obj)) and self.may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = bool(super().has_delete_permission(request, obj)) and self.may_touch(request, obj)
        return allowed and (obj is None or obj.pk != request.user.pk)

    def may_touch(self, request: HttpRequest, obj: User | None) -> bool:
        """Only an owner changes an owner."""
        return obj is None or obj.role != Role.OWNER or getattr(request.user, "role", "") == Role.OWNER

    def get_actions(self, request: HttpRequest) -> Any:
        return {}  # a bulk delete would pass by the rules above

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        if "email" in form.changed_data:  # a mailbox that the person lost must not receive reset links any more
            EmailAddress.objects.filter(user=obj).exclude(email__iexact=obj.email).delete()
        if not change:
            transaction.on_commit(lambda: send_password_link(request, obj))


def send_password_link(request: HttpRequest, user: User) -> None:
    form = ResetPasswordForm(data={"email": user.email})
    if form.is_valid():
        form.save(request)


@admin.register(ApiKey, site=tenant_admin)
class ApiKeyAdmin(ModelAdmin):
    list_display = ("name", "prefix", "user", "created_at", "last_used_at", "expires_at", "revoked_at")
    actions = ("revoke",)

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
