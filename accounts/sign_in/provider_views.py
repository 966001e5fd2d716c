"""allauth's views for identity providers, with what may go wrong there said in words."""

from __future__ import annotations

from collections.abc import Callable

from allauth.socialaccount.providers.openid_connect import views as oidc
from allauth.socialaccount.providers.saml import views as saml
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from requests import RequestException  # noqa: TID251 - what allauth's calls raise

from accounts.sign_in.errors import ProviderRefused, ProviderUnreachable


def oidc_login(request: HttpRequest, provider_id: str) -> HttpResponse:
    return spoken(lambda: oidc.login(request, provider_id))


def oidc_callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    return spoken(lambda: oidc.callback(request, provider_id))


def saml_finish(request: HttpRequest, organization_slug: str) -> HttpResponse:
    return spoken(lambda: saml.finish_acs(request, organization_slug=organization_slug))


@csrf_exempt
def no_sign_out(request: HttpRequest, organization_slug: str) -> HttpResponse:
    raise Http404


def spoken(view: Callable[[], HttpResponse]) -> HttpResponse:
    """Raises ProviderUnreachable; and ProviderRefused for a description or an answer that lacks what it must have."""
    try:
        return view()
    except RequestException as error:
        raise ProviderUnreachable(detail=repr(error)[:300]) from error
    except (KeyError, ValueError, TypeError, SyntaxError) as error:
        raise ProviderRefused(detail=repr(error)[:300]) from error
