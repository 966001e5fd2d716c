"""allauth's views for identity providers, with what may go wrong there said in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import resume_request
from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.providers.openid_connect import views as oidc
from allauth.socialaccount.providers.saml import views as saml
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from requests import RequestException  # noqa: TID251 - what allauth's calls raise

from accounts.selectors import signed_in
from accounts.sign_in.again import authn_instant, providers_of, sent_to
from accounts.sign_in.errors import ProviderRefused, ProviderUnreachable, SignInAgain
from accounts.sign_in.freshness import is_fresh


def oidc_login(request: HttpRequest, provider_id: str) -> HttpResponse:
    return spoken(lambda: oidc.login(request, provider_id))


def oidc_callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    return spoken(lambda: oidc.callback(request, provider_id))


def saml_finish(request: HttpRequest, organization_slug: str) -> HttpResponse:
    return spoken(lambda: finish(request, organization_slug=organization_slug))


class FinishWithInstant(saml.FinishACSView):
    """allauth keeps a response's attributes; when the person was asked stands beside them."""

    def get_provider(self, organization_slug: str) -> Any:
        provider: Any = super().get_provider(organization_slug)
        made = provider.sociallogin_from_response

        def with_instant(request: HttpRequest, auth: Any) -> Any:
            sociallogin = made(request, auth)
            sociallogin.authn_instant = authn_instant(auth.get_last_response_xml())
            return sociallogin

        provider.sociallogin_from_response = with_instant
        return provider


finish = FinishWithInstant.as_view()


@login_required
@require_safe
def provider_again(request: HttpRequest) -> HttpResponse:
    """To the identity provider and back, to confirm who it is. By a link: the content policy lets forms lead nowhere
    else."""
    user, back = signed_in(request), get_next_redirect_url(request) or "/"
    rows = providers_of(user)
    row = next((one for one in rows if one.slug == request.GET.get("go")), None)
    if row is not None:
        done = f"{reverse('provider_again_done')}?{urlencode({'next': back})}"
        return spoken(lambda: sent_to(request, row, user, done))
    others = [one for one in get_adapter().get_reauthentication_methods(user) if one["id"] != "provider_again"]
    alternatives = [{**one, "url": f"{one['url']}?{urlencode({'next': back})}"} for one in others]
    context = {"providers": rows, "next": back, "reauthentication_alternatives": alternatives}
    return render(request, "account/provider_again.html", context, status=200 if rows else 404)


@login_required
def provider_again_done(request: HttpRequest) -> HttpResponse:
    """What waited for the confirmation goes on."""
    if not is_fresh(request):
        raise SignInAgain
    return resume_request(request) or redirect("/")


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
