"""What an organisation's directory (Okta, Entra, …) has told us by SCIM, and the tokens it tells it with."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.permissions import Role


class ScimToken(models.Model):
    """Lets a directory manage all people and groups. Only its hash is kept; the prefix finds and names it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    created_by_label = models.CharField(max_length=254, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())


class ScimRules(models.Model):
    """One row: as what the directory's people come in."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    default_role = models.CharField(max_length=16, choices=Role, default=Role.MEMBER)
    role_map = models.JSONField(default=dict, blank=True)  # name of a group, or value of `roles` → role

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_row_of_scim_rules")]

    def __str__(self) -> str:
        return "As what people come in by SCIM"


class ScimPerson(models.Model):
    """A person whom the directory manages, and what it calls them."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="scim")
    user_name = models.CharField(max_length=254)
    external_id = models.CharField(max_length=200, blank=True)
    given_name = models.CharField(max_length=120, blank=True)
    family_name = models.CharField(max_length=120, blank=True)
    roles = models.JSONField(default=list, blank=True)  # values of `roles`
    changed_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True)  # by the directory, for which the person is gone since

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("user_name"), name="scim_user_names_differ"),
            models.UniqueConstraint(
                fields=["external_id"], condition=~Q(external_id=""), name="scim_people_have_ids_of_their_own"
            ),
        ]

    def __str__(self) -> str:
        return self.user_name


class ScimGroup(models.Model):
    """A group whose members the directory manages."""

    group = models.OneToOneField("accounts.Group", models.CASCADE, primary_key=True, related_name="scim")
    external_id = models.CharField(max_length=200, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["external_id"], condition=~Q(external_id=""), name="scim_groups_have_ids_of_their_own"
            )
        ]

    def __str__(self) -> str:
        return str(self.group)
