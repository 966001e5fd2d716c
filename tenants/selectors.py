from __future__ import annotations

from django.conf import settings

from tenants.context import entered
from tenants.models import Organisation


def host_name(host: str) -> str:
    """`Demo.localhost:8000` → `demo.localhost`."""
    name = host.lower().rstrip(".")
    if not name.startswith("["):  # IPv6 literals keep their colons
        name = name.split(":", 1)[0]
    return name.removeprefix("www.")


def is_public_host(host: str) -> bool:
    return host_name(host) == settings.VENA_BASE_DOMAIN


def organisation_for_host(host: str) -> Organisation | None:
    with entered("public"):
        return Organisation.objects.filter(domains__domain=host_name(host)).first()


def organisation_by_slug(slug: str) -> Organisation | None:
    with entered("public"):
        return Organisation.objects.filter(slug=slug).first()


def open_organisations() -> list[Organisation]:
    with entered("public"):
        return list(Organisation.objects.filter(state=Organisation.State.ACTIVE))


def base_url(host: str) -> str:
    """The address that people type for a host name of ours."""
    port = settings.VENA_PUBLIC_PORT
    return f"{settings.VENA_SCHEME}://{host}{':' + port if port not in {'', '80', '443'} else ''}"


def organisation_url(organisation: Organisation) -> str:
    with entered("public"):
        domain = organisation.get_primary_domain()
    return base_url(domain.domain if domain else f"{organisation.slug}.{settings.VENA_BASE_DOMAIN}")
