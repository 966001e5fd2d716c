from __future__ import annotations

from vena_platform.errors import VenaError


class SlugTaken(VenaError):
    code, status = "slug_taken", 409
    message = "This address is already in use. Choose another one."


class OrganisationNotFound(VenaError):
    code, status = "organisation_not_found", 404
    message = "There is no organisation at this address."


class OrganisationSuspended(VenaError):
    code, status = "organisation_suspended", 403
    message = "This organisation is suspended. Ask its owner or the platform's support."


class OrganisationNotReady(VenaError):
    code, status, retryable = "organisation_not_ready", 503, True
    message = "This organisation is still being prepared. Try again in a few seconds."


class NotInPlan(VenaError):
    code, status = "not_in_plan", 403
    message = "Your plan does not have this. An owner can choose another plan under Billing."

    def __init__(self, what: str = "") -> None:
        super().__init__(f"{what} is not in your plan. An owner can choose another plan under Billing." if what else "")


class PlanIsFull(VenaError):
    """What a plan has a number of is used up."""

    code, status = "plan_is_full", 409
    message = "Your plan has no room for more of this. An owner can choose a larger plan under Billing."


class SeatsTaken(PlanIsFull):
    code = "seats_taken"

    def __init__(self, seats: int) -> None:
        super().__init__(
            f"Your plan has {seats} seats, and invitations count. Deactivate somebody or take back an invitation, "
            "or let an owner choose a larger plan under Billing."
        )
