"""What changes an organisation. The making of one from end to end is in `vena_platform.provisioning`."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils import timezone

from tenants.entitlements import Entitlements
from tenants.errors import SlugTaken
from tenants.models import RESERVED_SLUGS, Domain, Organisation, Provisioning, host_of, schema_of
from tenants.signals import state_changed

ENTRY_LIFETIME = timedelta(minutes=15)


@transaction.atomic
def organisation_request(
    *, name: str, slug: str, owner_name: str, owner_email: str, owner_password: str
) -> Provisioning:
    """Reserve the address and remember who asked. Nothing is reachable until provisioning ends."""
    if slug in RESERVED_SLUGS or Organisation.objects.filter(slug=slug).exists():
        raise SlugTaken
    organisation = Organisation(name=name, slug=slug, schema_name=schema_of(slug))
    organisation.full_clean(validate_unique=False)
    try:
        with transaction.atomic():  # somebody may have been faster, or hold this host name as their own domain
            organisation.save()
            Domain.objects.create(domain=host_of(slug), tenant=organisation, is_primary=True)
    except IntegrityError as error:
        raise SlugTaken from error
    return Provisioning.objects.create(
        organisation=organisation,
        owner_name=owner_name,
        owner_email=owner_email.lower(),
        owner_password=make_password(owner_password),
    )


def organisation_open(organisation: Organisation) -> None:
    organisation.state = Organisation.State.ACTIVE
    organisation.suspension_reason = ""
    organisation.save(update_fields=["state", "suspension_reason"])
    state_changed.send(sender=Organisation, organisation=organisation, state=organisation.state)


def organisation_suspend(organisation: Organisation, *, reason: str) -> None:
    organisation.state = Organisation.State.SUSPENDED
    organisation.suspension_reason = reason
    organisation.save(update_fields=["state", "suspension_reason"])
    state_changed.send(sender=Organisation, organisation=organisation, state=organisation.state)


def organisation_entitle(organisation: Organisation, entitled: Entitlements) -> None:
    """What its plan gives it from now on. Other processes see it within VENA_HOST_SECONDS."""
    organisation.entitlements = entitled.as_json()
    organisation.save(update_fields=["entitlements"])


def organisation_pays_itself(schema_name: str, providers: Collection[str]) -> None:
    """The providers that it has keys of its own for."""
    row = Organisation.objects.filter(schema_name=schema_name).first()
    if row is not None and row.own_key_providers != sorted(providers):
        row.own_key_providers = sorted(providers)
        row.save(update_fields=["own_key_providers"])


def organisation_rerank(organisation: Organisation, *, is_reranked: bool) -> None:
    """Whether the best passages of a question are looked at a second time, by our own reranker."""
    organisation.is_reranked = is_reranked
    organisation.save(update_fields=["is_reranked"])


def entry_token_issue(provisioning: Provisioning) -> str:
    """A one-time entry for the owner, valid for a quarter of an hour. Only its hash is kept."""
    token = secrets.token_urlsafe(32)
    provisioning.entry_token = token_hash(token)
    provisioning.entry_expires_at = timezone.now() + ENTRY_LIFETIME
    provisioning.save(update_fields=["entry_token", "entry_expires_at"])
    return token


def entry_token_redeem(organisation: Organisation, token: str) -> str | None:
    """The owner's e-mail if the token is good, once. One UPDATE, so two clicks can't both win."""
    live = Provisioning.objects.filter(
        organisation=organisation, entry_token=token_hash(token), entry_expires_at__gt=timezone.now()
    )
    email = live.values_list("owner_email", flat=True).first()
    return email if email and live.update(entry_token="") else None


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
