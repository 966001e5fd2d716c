"""Own domains as an organisation's admins change them: each act is in its audit log."""

from __future__ import annotations

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from tenants.domains import actions
from tenants.domains.models import DomainClaim
from tenants.models import Organisation


def domain_add(organisation: Organisation, typed: str) -> DomainClaim:
    row = actions.domain_claim(organisation, typed)
    told(row.host, "added", row)
    return row


def domain_check(row: DomainClaim) -> None:
    before = row.state
    actions.domain_check(row)
    if row.state != before:
        told(row.host, "proved", row)


def domain_main(organisation: Organisation, row: DomainClaim | None) -> None:
    actions.domain_make_primary(row, organisation)
    told(row.host if row else organisation.slug, "made the main one", row)


def domain_redirect(organisation: Organisation, *, is_redirected: bool) -> None:
    actions.redirect_choose(organisation, is_redirected=is_redirected)
    told(organisation.slug, "redirect on" if is_redirected else "redirect off", None)


def domain_remove(row: DomainClaim) -> None:
    told(row.host, "removed", row)
    actions.domain_remove(row)


def told(host: str, what: str, row: DomainClaim | None) -> None:
    audit(Action.DOMAIN_CHANGED, target=host, target_id=str(row.pk) if row else "", detail={"what": what})
