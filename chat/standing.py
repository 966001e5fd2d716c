"""Who asks, of which organisation, under which policy: as it stands at this very moment.

It is looked up at every question, because a socket outlives a suspension and a removed account. What the rows say is
remembered; one statement tells whether they are still the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from accounts.errors import NotSignedIn
from accounts.models import Group, User
from accounts.permissions import Can
from accounts.selectors import require
from chat.experiments.assignment import running_arms
from chat.experiments.models import Arm, Experiment
from knowledge.access import languages_query
from knowledge.answering.policy import answer_settings
from knowledge.models import AnswerPolicy, LibraryState
from knowledge.selectors import asker_with
from knowledge.types import AnswerSettings, Asker
from tenants.context import active_schema
from tenants.errors import OrganisationSuspended
from tenants.models import Organisation
from tenants.postgresql.rows import Statement, read_together

T = TypeVar("T")

MOST = 10_000  # people and organisations that are remembered
# A row that was written again is another tuple: other transaction, or other place.
STAMP = "SELECT xmin::text || ctid::text FROM"
STAMPS = (
    f'SELECT ({STAMP} "{Organisation._meta.db_table}" WHERE id = %s), ({STAMP} "{User._meta.db_table}" WHERE id = %s), '
    f'({STAMP} "{AnswerPolicy._meta.db_table}" ORDER BY 1 LIMIT 1), '
    f'(SELECT index_version FROM "{LibraryState._meta.db_table}" LIMIT 1), '
    f'({STAMP} "{Experiment._meta.db_table}" WHERE state = %s), '
    f'ARRAY(SELECT group_id FROM "{Group.members.through._meta.db_table}" WHERE user_id = %s ORDER BY group_id)'
)

_known: dict[tuple[str, object], tuple[str | None, Any]] = {}  # (schema, what) → its row's stamp, and the value


@dataclass(frozen=True, slots=True)
class PersonNow:
    organisation: Organisation
    user: User
    settings: AnswerSettings
    index_version: int
    arms: tuple[Arm, ...] = ()  # of the experiment that runs
    group_ids: tuple[UUID, ...] = ()
    readable: Mapping[UUID, str] = field(default_factory=dict)  # collections, with the language of each

    @property
    def asker(self) -> Asker:
        """On whose account something is asked."""
        return asker_with(self.user, self.group_ids)


def asker_now(organisation_id: UUID, user_id: UUID) -> PersonNow:
    """Inside the organisation's schema. Raises OrganisationSuspended, NotSignedIn, NotAllowed."""
    stamps, readable = read_together(
        Statement(STAMPS, (organisation_id, user_id, Experiment.State.RUNNING, user_id)), languages_query(user_id)
    )
    ((of_organisation, of_user, of_policy, index_version, of_experiment, group_ids),) = stamps
    organisation = known("organisation", of_organisation, lambda: Organisation.objects.get(pk=organisation_id))
    if not organisation.is_open:
        raise OrganisationSuspended
    user = known(user_id, of_user, lambda: User.objects.filter(pk=user_id).first())
    if user is None or not user.is_active:
        raise NotSignedIn
    require(user, Can.ASK)
    policy, arms = known("policy", of_policy, answer_settings), known("arms", of_experiment, running_arms)
    return PersonNow(organisation, user, policy, index_version or 1, arms, tuple(group_ids), dict(readable))


def known(what: object, stamp: str | None, load: Callable[[], T]) -> T:
    """What was loaded before, as long as its row is the same. Another organisation's is never found."""
    key = (active_schema(), what)
    kept = _known.get(key)
    if kept and kept[0] == stamp:
        value: T = kept[1]
        return value
    if len(_known) >= MOST:
        _known.clear()
    value = load()
    _known[key] = (stamp, value)
    return value
