"""What allauth asks of Vena: who may come in, and how letters leave."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.models import User
from accounts.sign_in.again import providers_of
from accounts.sign_in.freshness import count_as_fresh
from accounts.sign_in.policy import must_use_provider
from accounts.sign_in.tasks import send_mail
from tenants.context import PUBLIC, active_schema
from vena_platform.addresses import address_of_request

PROVIDER_ONLY = "Your organisation signs in with its identity provider. Use the button below."


class MembersOnlyAdapter(DefaultAccountAdapter):
    """Nobody signs themselves up on an organisation's host: its admins add people."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "too_many_login_attempts": "There were too many wrong passwords. Wait a few minutes, or sign in another way.",
        "incorrect_code": "This code is not right. Enter the newest one.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """What allauth counts attempts by."""
        return address_of_request(request.META) or "unknown"

    def get_from_email(self) -> str:
        return str(super().get_from_email())

    def pre_login(self, request: HttpRequest, user: Any, **details: Any) -> HttpResponse | None:
        """Every way in passes here once it is known who comes: password, code, passkey and provider."""
        response: HttpResponse | None = super().pre_login(request, user, **details)
        by_provider = "sociallogin" in (details.get("signal_kwargs") or {})
        if response is None and not by_provider and must_use_provider(user):
            messages.error(request, PROVIDER_ONLY)
            return redirect("account_login")
        return response

    def post_login(self, request: HttpRequest, user: Any, **details: Any) -> HttpResponse:
        count_as_fresh(request)
        response: HttpResponse = super().post_login(request, user, **details)
        return response

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """The last one: at the identity provider. For who has nothing else it is the only one."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if isinstance(user, User) and active_schema() != PUBLIC and providers_of(user):
            again = {"id": "provider_again", "description": "provider", "url": reverse("provider_again")}
            methods.append(again)
        return methods

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        letter = self.render_mail(template_prefix, email, self.with_place(email, context))
        html = next((str(body) for body, kind in getattr(letter, "alternatives", []) if kind == "text/html"), "")
        send_mail.delay(
            schema_name=active_schema(),
            subject=letter.subject,
            body=letter.body,
            sender=letter.from_email,
            to=letter.to,
            html=html,
        )

    def with_place(self, email: str, given: dict[str, Any]) -> dict[str, Any]:
        request = context.request
        organisation = getattr(request, "organisation", None)
        name = organisation.name if organisation else "Vena"
        place = {
            "organisation_name": name,
            "host": request.get_host(),
            "look": organisation.look if organisation else None,
        }
        return {"request": request, "email": email, **place, **given}

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Of the address alone: an organisation with two hosts does not grant twice as many tries."""
        return str(credentials.get("email") or credentials.get("username") or "").lower()
