"""How the people of an organisation sign in. In the operators' schema: how operators do."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

from accounts.permissions import Role

SLUG = RegexValidator(r"^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?\Z", "Use small letters, digits and hyphens.")


class SignInPolicy(models.Model):
    """One row an organisation; without it nothing is required."""

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    is_second_factor_required = models.BooleanField(default=False)
    is_provider_required = models.BooleanField(default=False)  # single sign-on only
    key_holders = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")  # owners who keep another way in
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_sign_in_policy")]

    def __str__(self) -> str:
        return "How people sign in"


class IdentityProvider(models.Model):
    """A server of the organisation's that says who somebody is. What signs in by it is made a member at once."""

    class Kind(models.TextChoices):
        OIDC = "openid_connect", "OpenID Connect"
        SAML = "saml", "SAML 2.0"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=Kind)
    name = models.CharField(max_length=40)
    slug = models.CharField(max_length=40, unique=True, validators=[SLUG])  # in the addresses; never changes
    is_enabled = models.BooleanField(default=False)
    # OpenID Connect
    issuer = models.URLField(max_length=300, blank=True)
    client_id = models.CharField(max_length=191, blank=True)
    sealed_secret = models.TextField(blank=True, editable=False)
    # SAML
    entity_id = models.CharField(max_length=300, blank=True)
    sso_url = models.URLField(max_length=500, blank=True)
    certificate = models.TextField(blank=True)  # base64 without the PEM's lines
    # who comes in, and as what
    domains = models.JSONField(default=list, blank=True)  # e-mail domains that it speaks for
    makes_members = models.BooleanField(default=True)  # somebody who is not a member yet becomes one
    default_role = models.CharField(max_length=32, default=Role.MEMBER)  # one of Role
    role_claim = models.CharField(max_length=200, blank=True)
    role_map = models.JSONField(default=dict, blank=True)  # value of the claim → role
    group_claim = models.CharField(max_length=200, blank=True)
    group_map = models.JSONField(default=list, blank=True)  # pairs: value of the claim, id of a group
    tested_at = models.DateTimeField(null=True, editable=False)
    failure_message = models.TextField(blank=True, editable=False)  # of the last test; for the person
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_complete(self) -> bool:
        if self.kind == self.Kind.OIDC:
            return bool(self.issuer and self.client_id and self.sealed_secret)
        return bool(self.entity_id and self.sso_url and self.certificate)

    @property
    def works(self) -> bool:
        return self.tested_at is not None and not self.failure_message
