from __future__ import annotations

import hashlib
import secrets
import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinLengthValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.audit.models import AuditEvent, AuditMark
from accounts.permissions import Role, may_use_admin_site, may_use_model
from accounts.privacy.models import ErasureReceipt, PrivacySettings
from accounts.scim.models import ScimGroup, ScimPerson, ScimRules, ScimToken
from accounts.scopes import EVERY, Scope
from accounts.sign_in.models import IdentityProvider, SignInPolicy


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, **{"is_superuser": True, "role": Role.OWNER, **fields})

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person of one organisation; in the public schema, an operator of the platform.

    A service account is one for a program: it has a key, no password, and a role and groups of its own.
    """

    class Theme(models.TextChoices):
        SYSTEM = "system", "As the system"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField("e-mail address", unique=True)
    name = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=16, choices=Role, default=Role.MEMBER)
    is_active = models.BooleanField(
        "active", default=True, help_text="Untick to keep the person out without deleting what they wrote."
    )
    is_service = models.BooleanField(default=False, editable=False)
    is_support = models.BooleanField(default=False, editable=False)  # an operator, let in: see `accounts.support`
    language = models.CharField(max_length=10, blank=True)  # one of LANGUAGES; "": the platform's
    time_zone = models.CharField(max_length=64, blank=True)  # as in the IANA data; "": the platform's
    theme = models.CharField(max_length=8, choices=Theme, default=Theme.SYSTEM)
    date_joined = models.DateTimeField("joined", default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["email"]
        verbose_name = "person"
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_staff(self) -> bool:
        """Who may open the admin site. On the public host only operators have accounts, all of them superusers."""
        return self.is_superuser or (not self.is_service and may_use_admin_site(Role(self.role)))

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_active and (self.is_superuser or may_use_model(Role(self.role), perm))

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_staff


class Group(models.Model):
    """People who read and write the same collections, and whose costs are counted together."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120, unique=True, validators=[MinLengthValidator(1)])
    cost_centre = models.CharField(max_length=60, blank=True)
    members = models.ManyToManyField(User, related_name="member_of", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Invitation(models.Model):
    """A way in for one mailbox, once. The link's token is made when it is sent; only its hash is kept."""

    class Source(models.TextChoices):
        PERSON = "person", "Invited"
        DOMAIN = "domain", "Asked to join"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField("e-mail address")
    name = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=16, choices=Role, default=Role.MEMBER)
    groups = models.ManyToManyField(Group, related_name="+", blank=True)
    source = models.CharField(max_length=8, choices=Source, default=Source.PERSON, editable=False)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)
    invited_by_label = models.CharField(max_length=254, blank=True, editable=False)
    token_hash = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, editable=False)
    times_sent = models.PositiveIntegerField(default=0, editable=False)
    sending_failed = models.BooleanField(default=False, editable=False)
    expires_at = models.DateTimeField(editable=False)
    accepted_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["email"],
                condition=Q(accepted_at__isnull=True, revoked_at__isnull=True),
                name="one_open_invitation_a_mailbox",
            )
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def is_open(self) -> bool:
        """Not used and not revoked; it may have expired, and can then be sent again."""
        return self.accepted_at is None and self.revoked_at is None

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()


class Joining(models.Model):
    """One row: whose mailboxes may let themselves in, by a link that is sent there."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    domains = ArrayField(models.CharField(max_length=253), default=list, blank=True)  # "example.org"; small letters
    role = models.CharField(max_length=16, choices=Role, default=Role.MEMBER)

    class Meta:
        verbose_name = "joining by e-mail domain"
        verbose_name_plural = "joining by e-mail domain"

    def __str__(self) -> str:
        return ", ".join(self.domains) or "Nobody joins without an invitation"


def every_scope() -> list[str]:
    return list(EVERY)


class ApiKey(models.Model):
    """A secret that lets a program act as a person, or as a service account. Only its hash is kept; the prefix finds
    and names it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    scopes = ArrayField(models.CharField(max_length=16, choices=Scope), default=every_scope, editable=False)
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True, editable=False)  # None: the platform's
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    created_by_label = models.CharField(max_length=254, blank=True, editable=False)  # of a service account's key
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def label(self) -> str:
        """How it begins: nothing that a person wrote, and nothing to sign in with."""
        return f"vena_{self.prefix}…"

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())


def new_secret() -> tuple[str, str]:
    """A prefix to show and a secret of 256 bits: a plain hash of it is enough, there is nothing to guess."""
    return secrets.token_hex(4), secrets.token_urlsafe(32)


def secret_hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


__all__ = [
    "ApiKey",
    "AuditEvent",
    "AuditMark",
    "ErasureReceipt",
    "PrivacySettings",
    "ScimGroup",
    "ScimPerson",
    "ScimRules",
    "ScimToken",
    "IdentityProvider",
    "SignInPolicy",
    "User",
    "UserManager",
    "new_secret",
    "secret_hash",
]
