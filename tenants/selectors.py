from __future__ import annotations

import time
from copy import copy
from typing import Any

from django.conf import settings
from django.db import connection as django_connection
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from tenants.context import entered
from tenants.entitlements import Entitlements, Feature
from tenants.errors import NotInPlan
from tenants.models import Branding, Domain, Organisation

connection: Any = django_connection  # the tenant backend has more attributes than its stubs know
_known: dict[str, tuple[float, Organisation]] = {}  # host name → until when, whose it is
Terms = tuple[Entitlements, frozenset[str]]
NO_TERMS: Terms = (Entitlements(), frozenset())
_terms: dict[str, tuple[float, Terms]] = {}  # schema name → until when, what its plan gives and whom it pays itself


def host_name(host: str) -> str:
    """`www.Demo.localhost.:8000` → `demo.localhost`."""
    name = host.lower()
    if not name.startswith("["):  # IPv6 literals keep their colons
        name = name.split(":", 1)[0]
    return name.rstrip(".").removeprefix("www.")


def organisation_of(request: HttpRequest) -> Organisation:
    """The organisation whose host the request came to. Only for what is routed on organisations' hosts."""
    organisation: Organisation = request.organisation  # type: ignore[attr-defined]
    return organisation


def is_public_host(host: str) -> bool:
    return host_name(host) == settings.VENA_BASE_DOMAIN


def organisation_for_host(host: str) -> Organisation | None:
    """Remembered for VENA_HOST_SECONDS, because every request asks: so long a change that another process makes may
    go unnoticed. Each caller gets a copy of its own."""
    name = host_name(host)
    until, kept = _known.get(name, (0.0, None))
    if kept is None or until <= time.monotonic():
        with entered("public"):
            main = Domain.objects.filter(tenant=OuterRef("pk"), is_primary=True).values("domain")[:1]
            rows = Organisation.objects.select_related("branding").defer("branding__logo")
            rows = rows.annotate(primary_host=Subquery(main))
            kept = rows.filter(domains__domain=name).order_by().first()
        if kept is None:  # hosts that nobody has are not remembered: there is no end of them
            _known.pop(name, None)
            return None
        _known[name] = (time.monotonic() + settings.VENA_HOST_SECONDS, kept)
    return copy(kept)


@receiver([post_save, post_delete], sender=Organisation)
@receiver([post_save, post_delete], sender=Domain)
@receiver([post_save, post_delete], sender=Branding)
def forget_hosts(**kwargs: object) -> None:
    """What this process changes counts at once. It may do so in a transaction: its end is what others see."""
    forget()
    transaction.on_commit(forget)


def forget() -> None:
    _known.clear()
    _terms.clear()


def entitlements_here() -> Entitlements:
    """Of the organisation that is entered; on the public site, and where only a schema's name is known and nobody has
    it any more, nothing is limited."""
    here = getattr(connection, "tenant", None)
    return here.entitled if isinstance(here, Organisation) else entitlements_of(connection.schema_name)


def entitlements_of(schema_name: str) -> Entitlements:
    """Remembered as long as hosts are, because every question asks."""
    return terms_of(schema_name)[0]


def own_key_providers(schema_name: str) -> frozenset[str]:
    """Whose chat models the organisation pays for itself."""
    return terms_of(schema_name)[1]


def terms_of(schema_name: str) -> Terms:
    until, kept = _terms.get(schema_name, (0.0, NO_TERMS))
    if until <= time.monotonic():
        rows = Organisation.objects.filter(schema_name=schema_name).order_by()
        found = rows.values_list("entitlements", "own_key_providers").first()
        kept = (Entitlements.of_json(found[0]), frozenset(found[1])) if found else NO_TERMS
        _terms[schema_name] = (time.monotonic() + settings.VENA_HOST_SECONDS, kept)
    return kept


def organisation_locked() -> None:
    """The row of the organisation that is entered, until the transaction ends: for what is counted before it is
    written."""
    list(Organisation.objects.select_for_update().filter(schema_name=connection.schema_name).values_list("pk"))


def require_feature(feature: Feature) -> None:
    """Raises NotInPlan."""
    if not entitlements_here().allows(feature):
        raise NotInPlan(feature.label)


def organisation_by_slug(slug: str) -> Organisation | None:
    with entered("public"):
        found: Organisation | None = Organisation.objects.filter(slug=slug).first()
        return found


def open_organisations() -> list[Organisation]:
    with entered("public"):
        return list(Organisation.objects.filter(state=Organisation.State.ACTIVE))


def kept_organisations() -> list[Organisation]:
    """Those that are whole, suspended ones too."""
    kept = (Organisation.State.ACTIVE, Organisation.State.SUSPENDED)
    with entered("public"):
        return list(Organisation.objects.filter(state__in=kept))


def base_url(host: str) -> str:
    """The address that people type for a host name of ours."""
    port = settings.VENA_PUBLIC_PORT
    return f"{settings.VENA_SCHEME}://{host}{':' + port if port not in {'', '80', '443'} else ''}"


def organisation_url(organisation: Organisation) -> str:
    with entered("public"):
        domain = organisation.get_primary_domain()
    return base_url(domain.domain if domain else f"{organisation.slug}.{settings.VENA_BASE_DOMAIN}")
