from __future__ import annotations

import uuid

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django_tenants.models import DomainMixin, TenantMixin

from tenants.entitlements import Entitlements, Feature
from tenants.types import TenantKey

RESERVED_SLUGS = frozenset(
    "www admin api app auth billing blog cdn dashboard docs health help login mail metrics public root signup static "
    "status support template vena ws".split()
)
slug_rules = RegexValidator(
    r"^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?\Z",
    "Use 1 to 40 small letters, digits and hyphens; begin with a letter and do not end with a hyphen.",
)


class Organisation(TenantMixin):
    """A customer: one schema, its own people, documents and chats."""

    class State(models.TextChoices):
        PROVISIONING = "provisioning"
        ACTIVE = "active"
        SUSPENDED = "suspended"
        FAILED = "failed"

    auto_create_schema = False  # provisioning makes the schema, step by step
    auto_drop_schema = False

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    slug = models.CharField(max_length=40, unique=True, validators=[slug_rules])
    state = models.CharField(max_length=16, choices=State, default=State.PROVISIONING)
    suspension_reason = models.CharField(max_length=200, blank=True)
    embedding_provider = models.CharField(max_length=32, blank=True)  # fixed when the index is made; see knowledge
    embedding_version = models.CharField(max_length=64, blank=True)
    is_reranked = models.BooleanField(default=True)  # locally, where the embedding model can; Cohere needs no leave
    vector_placement = models.CharField(max_length=16, default="dedicated")
    entitlements = models.JSONField(default=dict, blank=True)  # of its plan; written by `organisation_entitle` alone
    accepts_support = models.BooleanField(default=True)  # operators may ask to come in
    leads_to_primary = models.BooleanField(default=False)  # pages at its other addresses lead to the primary domain
    own_key_providers = models.JSONField(default=list, blank=True)  # whose chat models it pays for itself
    migration_failure = models.TextField(blank=True)  # why the last migration of this schema failed, for operators
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> TenantKey:
        return TenantKey(id=self.id, schema_name=self.schema_name)

    @property
    def is_open(self) -> bool:
        return self.state == self.State.ACTIVE

    @property
    def entitled(self) -> Entitlements:
        return Entitlements.of_json(self.entitlements)

    @property
    def look(self) -> Branding:
        """Without a row of its own, or a plan that has it, the platform's look."""
        found: Branding | None = getattr(self, "branding", None)
        return found if found and self.entitled.allows(Feature.BRANDING) else Branding(organisation=self)


class Domain(DomainMixin):
    """A host name that leads to an organisation."""

    class Meta:
        ordering = ["domain"]


class Provisioning(models.Model):
    """The making of an organisation: what was asked for, which steps are done, and how to repeat a failed one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.OneToOneField(Organisation, models.CASCADE, related_name="provisioning")
    owner_name = models.CharField(max_length=120)
    owner_email = models.EmailField()
    owner_password = models.CharField(max_length=200)  # a hash; cleared when the owner exists
    steps_done = models.JSONField(default=list)  # keys of vena_platform.provisioning.STEPS
    step_running = models.CharField(max_length=32, blank=True)
    failure_code = models.CharField(max_length=64, blank=True)
    failure_detail = models.TextField(blank=True)  # for us; never shown
    entry_token = models.CharField(max_length=64, blank=True)  # sha256 of the owner's one-time entry
    entry_expires_at = models.DateTimeField(null=True, blank=True)  # stays when the entry was used
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.organisation} for {self.owner_email}"

    @property
    def is_entered(self) -> bool:
        """The owner went in by the one-time entry; from now on there is only the sign-in."""
        return self.entry_expires_at is not None and not self.entry_token


def host_of(slug: str) -> str:
    return f"{slug}.{settings.VENA_BASE_DOMAIN}"


def schema_of(slug: str) -> str:
    """Slugs hold no underscore, so two slugs never share a schema."""
    return "org_" + slug.replace("-", "_")


class DeletionReceipt(models.Model):
    """Proof that an organisation is gone: what was removed from which store, and what was found left afterwards."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation_id = models.UUIDField()
    name = models.CharField(max_length=120)
    slug = models.CharField(max_length=40)
    schema_name = models.CharField(max_length=63)
    removed = models.JSONField(default=dict)  # store → count
    left = models.JSONField(default=dict)  # store → count found by looking again; all zero
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.name}, {self.finished_at or 'unfinished'}"


from tenants.branding.models import Branding  # noqa: E402  (models in modules of their own refer to the ones above)
from tenants.domains.models import DomainClaim  # noqa: E402
from tenants.support.models import SupportGrant  # noqa: E402

__all__ = [
    "Branding",
    "DeletionReceipt",
    "Domain",
    "DomainClaim",
    "Organisation",
    "Provisioning",
    "SupportGrant",
    "host_of",
    "schema_of",
]
