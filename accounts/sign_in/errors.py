from __future__ import annotations

from vena_platform.errors import VenaError


class SecondFactorMissing(VenaError):
    code, status = "second_factor_missing", 403
    message = "Your organisation requires a second factor. Open Vena in your browser and set one up."


class ProviderRefused(VenaError):
    """What an identity provider says does not do."""

    code, status = "identity_provider_refused", 403
    message = "Your identity provider did not say who you are. Try again, or ask your administrator."


class ProviderUnreachable(VenaError):
    code, status, retryable = "identity_provider_unreachable", 503, True
    message = "Your identity provider does not answer. Try again in a minute."


class ProviderNotFound(VenaError):
    code, status = "identity_provider_not_found", 404
    message = "There is no such identity provider. It may have been removed."


class PolicyNotPossible(VenaError):
    code, status = "sign_in_policy_not_possible", 409
    message = "This can't be required yet."


class AddressNotAllowed(VenaError):
    code, status = "identity_provider_address", 400
    message = "This address can't be used. Enter the https:// address of your identity provider on the public web."


class SignInAgain(VenaError):
    code, status = "sign_in_again", 403
    message = "You signed in a while ago. Sign in again to do this."
