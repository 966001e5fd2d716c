"""What is done to a subscription. Each act locks its row, writes its history and gives the organisation what it has."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.models import User
from billing.errors import DetailsNeeded, PaymentFirst, PlanNotOffered, SubscriptionNotFound, SubscriptionOver
from billing.limits import forget_limits
from billing.models import BillingDetails, Plan, Subscription, SubscriptionChange
from billing.plans.periods import A_DAY, next_month, period_begin, period_end, period_resume
from tenants.actions import organisation_entitle, organisation_open, organisation_suspend
from tenants.context import PUBLIC, active_schema
from tenants.models import Organisation

Kind, State = SubscriptionChange.Kind, Subscription.State
OURS = "Billing: "  # how the reasons of suspensions begin that billing takes back
LACKS = {Kind.TRIAL_OVER: Subscription.Lacks.CHOICE, Kind.UNPAID: Subscription.Lacks.PAYMENT}


def first_plan() -> Plan | None:
    return Plan.objects.filter(is_first=True).first() or Plan.objects.first()


def today() -> date:
    return timezone.now().date()


@transaction.atomic
def subscription_start(
    organisation: Organisation, plan: Plan, *, by: User | None = None, on: date | None = None
) -> Subscription:
    """What a new organisation begins with. Repeating it changes nothing."""
    on = on or today()
    is_trial = bool(plan.trial_days and plan.monthly_price_gbp)
    row, is_new = Subscription.objects.get_or_create(
        organisation=organisation,
        defaults={
            "plan": plan,
            "state": State.TRIAL if is_trial else State.ACTIVE,
            "trial_ends_on": on + timedelta(days=plan.trial_days - 1) if is_trial else None,
        },
    )
    if is_new:
        period_begin(organisation.pk, plan, on, is_free=is_trial)
        noted(row, Kind.STARTED, by, next_plan=plan, from_day=on)
        entitle(row)
    return row


@transaction.atomic
def plan_choose(
    organisation: Organisation, plan: Plan, *, by: User | None, as_operator: bool = False, on: date | None = None
) -> Subscription:
    """A plan that costs as much or more counts from today; one that costs less from the next month on. In a trial it
    counts at once, and is charged when the trial is over. Operators may choose for an organisation what is not offered.

    Raises SubscriptionNotFound, PlanNotOffered, DetailsNeeded, PaymentFirst.
    """
    on, row = on or today(), locked(organisation)
    if not (plan.is_offered or as_operator or plan == row.plan):
        raise PlanNotOffered
    if plan.monthly_price_gbp and not BillingDetails.objects.filter(organisation=organisation).exists():
        raise DetailsNeeded
    if row.state in {State.SUSPENDED, State.GRACE} and row.lacks == Subscription.Lacks.PAYMENT:
        raise PaymentFirst
    if row.state == State.TRIAL:
        return chosen_in_trial(row, plan, by, on)
    if row.state in {State.ENDED, State.GRACE, State.SUSPENDED}:
        return begun_again(row, plan, by, on)
    if plan == row.plan:
        return change_taken_back(row, by)
    if plan.monthly_price_gbp < row.plan.monthly_price_gbp:
        return planned(row, plan, by, next_month(on))
    return changed(row, plan, by, on)


def chosen_in_trial(row: Subscription, plan: Plan, by: User | None, on: date) -> Subscription:
    before, ends_on = row.plan, row.trial_ends_on or on
    period_begin(row.organisation_id, plan, on, is_free=True)
    row.plan, row.next_plan, row.changes_on, row.is_cancelled = plan, plan, ends_on + A_DAY, False
    noted(row, Kind.CHANGED, by, plan=before, next_plan=plan, from_day=on)
    return kept(row)


def begun_again(row: Subscription, plan: Plan, by: User | None, on: date) -> Subscription:
    before = row.plan
    period_begin(row.organisation_id, plan, on)
    row.plan, row.state = plan, State.ACTIVE
    nothing_planned(row)
    noted(row, Kind.STARTED, by, plan=before, next_plan=plan, from_day=on)
    reopen(row.organisation)
    return kept(row)


def changed(row: Subscription, plan: Plan, by: User | None, on: date) -> Subscription:
    before = row.plan
    period_begin(row.organisation_id, plan, on)
    row.plan = plan
    nothing_planned(row)
    dearer = plan.monthly_price_gbp > before.monthly_price_gbp
    noted(row, Kind.UPGRADED if dearer else Kind.CHANGED, by, plan=before, next_plan=plan, from_day=on)
    return kept(row)


def planned(row: Subscription, plan: Plan, by: User | None, on: date) -> Subscription:
    row.next_plan, row.changes_on, row.is_cancelled = plan, on, False
    noted(row, Kind.DOWNGRADE_PLANNED, by, next_plan=plan, from_day=on)
    return kept(row)


def change_taken_back(row: Subscription, by: User | None) -> Subscription:
    if row.changes_on is None:
        return row
    nothing_planned(row)
    noted(row, Kind.RESUMED, by)
    return kept(row)


@transaction.atomic
def subscription_resume(organisation: Organisation, *, by: User | None) -> Subscription:
    """What was planned, a smaller plan or the end, does not come. In a trial nothing is chosen any more."""
    return change_taken_back(locked(organisation), by)


@transaction.atomic
def subscription_cancel(organisation: Organisation, *, by: User | None, on: date | None = None) -> Subscription:
    """It ends with the month, or with the trial; until then everything works, and it can be taken back."""
    on, row = on or today(), locked(organisation)
    if row.state == State.ENDED:
        raise SubscriptionOver
    row.next_plan, row.is_cancelled = None, True
    in_trial = row.state == State.TRIAL and row.trial_ends_on
    row.changes_on = row.trial_ends_on + A_DAY if in_trial and row.trial_ends_on else next_month(on)
    noted(row, Kind.CANCELLED, by, from_day=row.changes_on)
    return kept(row)


# -- by the calendar, and by payments -------------------------------------------------------------


def subscription_end(row: Subscription, on: date) -> None:
    """On the first day without it."""
    period_end(row.organisation_id, on - A_DAY)
    row.state = State.ENDED
    nothing_planned(row)
    noted(row, Kind.ENDED, None, from_day=on)
    kept(row)
    suspend(row.organisation, "the subscription has ended.")


def subscription_needs(row: Subscription, kind: SubscriptionChange.Kind, on: date, grace_days: int) -> None:
    """The trial is over and nobody chose, or an invoice is overdue: everything works for some days more."""
    if kind == Kind.TRIAL_OVER:
        period_begin(row.organisation_id, row.plan, on, is_free=True)
    row.state, row.lacks = State.GRACE, LACKS[kind]
    row.grace_ends_on = on + timedelta(days=grace_days - 1)
    noted(row, kind, None, from_day=on)
    kept(row)


def subscription_suspend(row: Subscription, on: date) -> None:
    """Days in which nobody can use it are not charged."""
    row.state = State.SUSPENDED
    period_end(row.organisation_id, on - A_DAY)
    noted(row, Kind.SUSPENDED, None, from_day=on)
    kept(row)
    suspend(row.organisation, "a payment is missing.")


@transaction.atomic
def subscription_paid(organisation_id: UUID) -> None:
    """Nothing is overdue any more."""
    row = Subscription.objects.select_for_update().filter(organisation_id=organisation_id).first()
    if row is None or row.state not in {State.GRACE, State.SUSPENDED} or row.lacks != Subscription.Lacks.PAYMENT:
        return
    if row.state == State.SUSPENDED:
        period_resume(row.organisation_id, row.plan, today())
    row.state, row.grace_ends_on, row.lacks = State.ACTIVE, None, ""
    noted(row, Kind.PAID, None)
    kept(row)
    reopen(row.organisation)


# -- what each of them needs ----------------------------------------------------------------------


def locked(organisation: Organisation) -> Subscription:
    rows = Subscription.objects.select_for_update(of=("self",)).select_related("plan", "organisation")
    row = rows.filter(organisation_id=organisation.pk).first()
    if row is None:
        raise SubscriptionNotFound
    return row


def nothing_planned(row: Subscription) -> None:
    row.next_plan, row.changes_on, row.is_cancelled = None, None, False
    if row.state not in {State.GRACE, State.SUSPENDED}:
        row.grace_ends_on, row.lacks = None, ""


def kept(row: Subscription) -> Subscription:
    row.save()
    entitle(row)
    return row


def entitle(row: Subscription) -> None:
    organisation = Organisation.objects.get(pk=row.organisation_id)
    if organisation.entitled != row.plan.entitlements:
        organisation_entitle(organisation, row.plan.entitlements)
    forget_limits()


def plan_spread(plan: Plan) -> None:
    """What a plan gives was changed: who has it has it so from now on."""
    for row in Subscription.objects.filter(plan=plan).select_related("plan"):
        entitle(row)


def suspend(organisation: Organisation, why: str) -> None:
    row = Organisation.objects.get(pk=organisation.pk)
    if row.state == Organisation.State.ACTIVE:
        organisation_suspend(row, reason=OURS + why)


def reopen(organisation: Organisation) -> None:
    """What an operator has suspended for another reason stays so."""
    row = Organisation.objects.get(pk=organisation.pk)
    if row.state == Organisation.State.SUSPENDED and row.suspension_reason.startswith(OURS):
        organisation_open(row)


def maker(by: User | None) -> str:
    if by is None:
        return ""
    return "operator" if active_schema() == PUBLIC else "member"


def noted(
    row: Subscription,
    kind: str,
    by: User | None,
    *,
    plan: Plan | None = None,
    next_plan: Plan | None = None,
    from_day: date | None = None,
) -> None:
    before = plan or row.plan
    SubscriptionChange.objects.create(
        organisation_id=row.organisation_id,
        organisation_label=row.organisation.name,
        kind=kind,
        plan=before.slug,
        next_plan=next_plan.slug if next_plan else "",
        from_day=from_day,
        made_by=maker(by),
        made_by_id=by.pk if by else None,
    )
    facts = {"what": str(kind), "from": before.slug, "to": next_plan.slug if next_plan else ""}
    audit(
        Action.SUBSCRIPTION_CHANGED,
        actor=by,
        target=before.name,
        target_id=str(row.organisation_id),
        organisation=row.organisation.schema_name,
        detail=facts,
    )
