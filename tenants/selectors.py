from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from tenants.context import entered
from tenants.models import Organisation


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
    with entered("public"):
        found: Organisation | None = Organisation.objects.filter(domains__domain=host_name(host)).first()
        return found


def organisation_by_slug(slug: str) -> Organisation | None:
    with entered("public"):
        found: Organisation | None = Organisation.objects.filter(slug=slug).first()
        return found


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
