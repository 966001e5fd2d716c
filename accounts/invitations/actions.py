"""Invitations: made, sent, sent again, withdrawn, accepted. Each lets one mailbox in, once, within a week."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.errors import (
    AlreadyInvited,
    DomainNotAllowed,
    InvitationDead,
    InvitationSpent,
    PersonExists,
    RoleNotYours,
)
from accounts.invitations.csv_files import Line, PeopleList, Problem
from accounts.models import Group, Invitation, Joining, User, secret_hash
from accounts.people.actions import person_add, require_role_to_give
from accounts.people.seats import require_seats
from accounts.permissions import Role
from accounts.selectors import groups_by_id
from accounts.tasks import send_invitation
from tenants.errors import SeatsTaken
from tenants.queueing import delay_on_commit

VALID_FOR = timedelta(days=7)
JOINING_ROLES = (Role.MEMBER, Role.VIEWER)  # what somebody may become whom nobody has looked at
PUBLIC_MAIL = frozenset(
    "gmail.com googlemail.com outlook.com hotmail.com hotmail.co.uk live.com msn.com yahoo.com yahoo.co.uk ymail.com "
    "aol.com icloud.com me.com mac.com gmx.com gmx.de gmx.net web.de mail.com mail.ru yandex.com yandex.ru "
    "protonmail.com proton.me pm.me tutanota.com tuta.io zoho.com fastmail.com hey.com qq.com 163.com 126.com".split()
)


# -- making ---------------------------------------------------------------------------------------


@transaction.atomic
def invitation_make(
    *, schema_name: str, by: User, email: str, name: str = "", role: str = Role.MEMBER, groups: Iterable[UUID] = ()
) -> Invitation:
    """Raises RoleNotYours, PersonExists, AlreadyInvited, GroupNotFound."""
    require_role_to_give(by, role)
    return stored(schema_name, email, name, role, groups_by_id(groups), by)


def stored(schema_name: str, email: str, name: str, role: str, groups: Sequence[Group], by: User | None) -> Invitation:
    email = email.strip().lower()
    if User.objects.filter(email__iexact=email).exists():
        raise PersonExists
    earlier = Invitation.objects.select_for_update().filter(email=email, accepted_at=None, revoked_at=None).first()
    if earlier and not earlier.is_expired:
        raise AlreadyInvited
    if earlier:
        invitation_revoke(earlier)
    require_seats()
    row = Invitation.objects.create(
        email=email,
        name=name.strip()[:120],
        role=Role(role),
        source=Invitation.Source.PERSON if by else Invitation.Source.DOMAIN,
        invited_by=by,
        invited_by_label=by.email if by else "",
        expires_at=timezone.now() + VALID_FOR,
    )
    row.groups.set(groups)
    audit(Action.INVITATION_SENT, target=row.email, target_id=str(row.pk), detail={"role": row.role})
    delay_on_commit(send_invitation, schema_name=schema_name, invitation_id=str(row.pk))
    return row


@transaction.atomic
def invitations_make(*, schema_name: str, by: User, people: PeopleList) -> list[Problem]:
    """All of the list, or nothing and what is wrong with each line. Raises SeatsTaken."""
    groups = {group.name.casefold(): group for group in Group.objects.all()}
    problems = sorted([*people.problems, *problems_of(by, people.lines, groups)], key=lambda one: one.number)
    if not problems:
        require_seats(len(people.lines))
        for line in people.lines:
            named = [groups[name.casefold()] for name in line.groups]
            stored(schema_name, line.email, line.name, line.role, named, by)
    return problems


def problems_of(by: User, lines: Sequence[Line], groups: dict[str, Group]) -> list[Problem]:
    emails = [line.email for line in lines]
    there = set(User.objects.filter(email__in=emails).values_list("email", flat=True))
    open_now = Invitation.objects.filter(accepted_at=None, revoked_at=None, expires_at__gt=timezone.now())
    invited = set(open_now.filter(email__in=emails).values_list("email", flat=True))
    found = [(line.number, problem_of(by, line, there, invited, groups)) for line in lines]
    return [Problem(number, reason) for number, reason in found if reason]


def problem_of(by: User, line: Line, there: set[str], invited: set[str], groups: dict[str, Group]) -> str:
    if line.email in there:
        return f"{line.email} is in the organisation already."
    if line.email in invited:
        return f"{line.email} has an open invitation already."
    if missing := [name for name in line.groups if name.casefold() not in groups]:
        return f"There is no group “{missing[0][:80]}”. Make it first."
    try:
        require_role_to_give(by, line.role)
    except RoleNotYours as error:
        return error.text
    return ""


# -- afterwards -----------------------------------------------------------------------------------


@transaction.atomic
def invitation_resend(*, schema_name: str, invitation: Invitation) -> Invitation:
    """With another link: the one before stops working. It is valid for a week again."""
    row = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if not row.is_open:
        raise InvitationSpent
    require_seats(1 if row.is_expired else 0)
    row.expires_at = timezone.now() + VALID_FOR
    row.save(update_fields=["expires_at"])
    delay_on_commit(send_invitation, schema_name=schema_name, invitation_id=str(row.pk))
    return row


@transaction.atomic
def invitation_revoke(invitation: Invitation) -> None:
    """Its link stops working at once. One that was accepted stays as it is."""
    rows = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None)
    if rows.update(revoked_at=timezone.now(), token_hash=""):
        audit(Action.INVITATION_REVOKED, target=invitation.email, target_id=str(invitation.pk))


def invitation_behind(token: str, *, is_locked: bool = False) -> Invitation:
    """The open invitation whose newest link holds this token. Raises InvitationDead."""
    rows = Invitation.objects.select_for_update() if is_locked else Invitation.objects.all()
    row = rows.filter(token_hash=secret_hash(token)).first() if token else None
    if row is None or not row.is_open or row.is_expired:
        raise InvitationDead
    return row


@transaction.atomic
def invitation_accept(*, token: str, name: str, password: str) -> User:
    """The person it was for; whoever has the link has shown that the mailbox is theirs. Raises InvitationDead,
    PersonExists, SeatsTaken."""
    row = invitation_behind(token, is_locked=True)
    Invitation.objects.filter(pk=row.pk).update(accepted_at=timezone.now(), token_hash="")  # its seat is the person's
    user = person_add(
        email=row.email,
        name=name or row.name,
        role=row.role,
        groups=list(row.groups.values_list("pk", flat=True)),
        password=password,
        is_verified=True,
    )
    audit(Action.INVITATION_ACCEPTED, actor=user, target=row.email, target_id=str(row.pk))
    return user


# -- joining by e-mail domain ---------------------------------------------------------------------


def joining() -> Joining:
    return Joining.objects.filter(pk=1).first() or Joining()


@transaction.atomic
def joining_set(*, domains: Iterable[str], role: str) -> Joining:
    """No domains: nobody joins without an invitation."""
    wanted = sorted({domain.strip().lower().removeprefix("@").rstrip(".") for domain in domains if domain.strip()})
    if any(not is_domain(domain) or domain in PUBLIC_MAIL for domain in wanted):
        raise DomainNotAllowed
    if role not in JOINING_ROLES:
        raise RoleNotYours("Who joins without being invited is a member or a viewer. Choose one of them.")
    row, _ = Joining.objects.update_or_create(pk=1, defaults={"domains": wanted, "role": Role(role)})
    audit(Action.JOINING_CHANGED, detail={"domains": wanted, "role": str(role)})
    return row


def is_domain(text: str) -> bool:
    labels = text.split(".")
    return len(labels) > 1 and len(text) <= 253 and all(part.replace("-", "").isalnum() for part in labels)


@transaction.atomic
def join_ask(*, schema_name: str, email: str) -> bool:
    """Send a link to the mailbox, if its domain is one of those. Whether it was sent is not for whoever asks."""
    rule, email = joining(), email.strip().lower()
    if email.rpartition("@")[2] not in rule.domains:
        return False
    try:
        row = stored(schema_name, email, "", rule.role, [], None)
    except (PersonExists, AlreadyInvited, SeatsTaken):
        return False
    audit(Action.JOINING_ASKED, target=email, target_id=str(row.pk))
    return True
