"""Own domains: claimed, shown, made the main one, given up, lost."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from tenants.domains.edge import edge
from tenants.domains.errors import (
    DomainClaimed,
    DomainNotFound,
    DomainNotProved,
    DomainTaken,
    EdgeUnavailable,
    TooManyDomains,
)
from tenants.domains.lookups import points_here, require_record
from tenants.domains.models import OPEN_FOR, DomainClaim
from tenants.domains.names import own_host
from tenants.entitlements import Feature
from tenants.errors import NotInPlan
from tenants.models import Domain, Organisation, host_of
from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)

MOST = 10  # of one organisation
LOST_AFTER = timedelta(days=7)  # without its record
State = DomainClaim.State


@transaction.atomic
def domain_claim(organisation: Organisation, typed: str) -> DomainClaim:
    """Nothing leads there yet. Raises NotInPlan, DomainNotPossible, DomainOurs, DomainClaimed, TooManyDomains."""
    if not organisation.entitled.allows(Feature.DOMAINS):
        raise NotInPlan(Feature.DOMAINS.label)
    host = own_host(typed)
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    claims = DomainClaim.objects.filter(organisation=organisation)
    if claims.filter(host=host).exists():
        raise DomainClaimed
    if claims.count() >= MOST:
        raise TooManyDomains
    return claims.create(organisation=organisation, host=host)


def claim_of(organisation: Organisation, claim_id: UUID) -> DomainClaim:
    row = DomainClaim.objects.filter(organisation=organisation, pk=claim_id).first()
    if row is None:
        raise DomainNotFound(detail=str(claim_id))
    return row


def domain_check(row: DomainClaim) -> DomainClaim:
    """Look at the DNS now; a host that is shown leads to the organisation from now on. Why not is kept with the claim.

    Raises what the look raises: RecordMissing, RecordWrong, DnsUnreachable, DomainTaken.
    """
    row.checked_at, row.points_here = timezone.now(), points_here(row.host)
    row.failure_code = row.failure_message = ""
    try:
        require_record(row.record_name, row.record_value)
        taken_into_use(row)
    except VenaError as error:
        row.failure_code, row.failure_message = error.code, error.text
        raise
    finally:
        row.save()
    edge_register(row)
    return row


def taken_into_use(row: DomainClaim) -> None:
    """One `Domain` row for a host, whoever else claims it. Raises DomainTaken."""
    try:
        with transaction.atomic():
            domain, _ = Domain.objects.get_or_create(
                domain=row.host, defaults={"tenant": row.organisation, "is_primary": False}
            )
    except IntegrityError as error:
        raise DomainTaken(detail=row.host) from error
    if domain.tenant_id != row.organisation_id:
        raise DomainTaken(detail=row.host)
    row.state, row.missing_since = State.PROVED, None
    row.proved_at = row.proved_at or timezone.now()


def edge_register(row: DomainClaim) -> None:
    """What fails is tried again with the daily look."""
    try:
        row.edge_note, row.is_at_edge = edge().register(row.host), True
    except EdgeUnavailable as error:
        logger.warning("domains.edge_unavailable", extra={"host": row.host, "detail": error.detail})
        row.edge_note = error.text
    row.save(update_fields=["edge_note", "is_at_edge"])


@transaction.atomic
def domain_make_primary(row: DomainClaim | None, organisation: Organisation) -> None:
    """The address in letters and links; None: the organisation's address at Vena. Raises DomainNotProved."""
    if row is not None and row.state != State.PROVED:
        raise DomainNotProved
    host = row.host if row is not None else host_of(organisation.slug)
    Domain.objects.filter(tenant=organisation).exclude(domain=host).update(is_primary=False)
    domain = Domain.objects.get(tenant=organisation, domain=host)
    domain.is_primary = True
    domain.save()
    if row is None:
        redirect_choose(organisation, is_redirected=False)


def redirect_choose(organisation: Organisation, *, is_redirected: bool) -> None:
    """Whether pages at its other addresses lead to the main one."""
    fresh = Organisation.objects.get(pk=organisation.pk)
    fresh.leads_to_primary = is_redirected
    fresh.save(update_fields=["leads_to_primary"])


def domain_remove(row: DomainClaim) -> None:
    """Nothing leads there any more, from now on; sessions there are of no use, since cookies belong to one host."""
    out_of_use(row)
    row.delete()


@transaction.atomic
def out_of_use(row: DomainClaim) -> None:
    domain = Domain.objects.filter(tenant_id=row.organisation_id, domain=row.host).first()
    if domain is not None:
        if domain.is_primary:
            domain_make_primary(None, row.organisation)
        domain.delete()
    if row.is_at_edge:
        transaction.on_commit(lambda: edge_remove(row.host))


def edge_remove(host: str) -> None:
    try:
        edge().remove(host)
    except EdgeUnavailable as error:
        logger.error("domains.edge_not_removed", extra={"host": host, "detail": error.detail})


# -- every day ------------------------------------------------------------------------------------


def claims_expire() -> int:
    old = DomainClaim.objects.exclude(state=State.PROVED).filter(made_at__lt=timezone.now() - OPEN_FOR)
    return old.delete()[0]


def claim_recheck(row: DomainClaim) -> str:
    """Of one that is in use: "missing" on the first day without its record, "lost" after a week of them, else ""."""
    now = timezone.now()
    row.checked_at = now
    try:
        require_record(row.record_name, row.record_value)
    except VenaError as error:
        return still_missing(row, error)
    row.failure_code, row.failure_message, row.missing_since = "", "", None
    row.save()
    if not row.is_at_edge or row.edge_note:
        edge_register(row)
    return ""


def still_missing(row: DomainClaim, error: VenaError) -> str:
    """A DNS that does not answer says nothing about the record."""
    if error.code == "dns_unreachable":
        return ""
    row.failure_code, row.failure_message = error.code, error.text
    told = "" if row.missing_since else "missing"
    row.missing_since = row.missing_since or timezone.now()
    if timezone.now() - row.missing_since >= LOST_AFTER:
        out_of_use(row)
        row.state, row.made_at, told = State.LOST, timezone.now(), "lost"
    row.save()
    return told
