"""What the probe works with: two organisations, attempts, and what came of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from tenants.models import Organisation


@dataclass
class World:
    """A scratch organisation with something of each kind in it. All its texts hold `marker`, and nobody else's do."""

    organisation: Organisation
    host: str  # with the port that people type
    marker: str
    email: str
    password: str = field(repr=False)
    key: str = field(default="", repr=False)
    cookies: dict[str, str] = field(default_factory=dict, repr=False)
    ids: dict[str, str] = field(default_factory=dict)  # kind of thing → id of one
    file_name: str = ""  # of its document in the file store

    @property
    def schema_name(self) -> str:
        return str(self.organisation.schema_name)

    def id(self, kind: str) -> UUID:
        return UUID(self.ids[kind])


class Pair(NamedTuple):
    """`ours` tries to get at what is of `theirs`."""

    ours: World
    theirs: World
    address: str  # of the web server that is asked


class Seen(NamedTuple):
    """What somebody saw, in a few words without anybody's content, and whether they got through."""

    told: str
    is_open: bool


Act = Callable[[Pair], Seen]


class Attempt(NamedTuple):
    """The same act twice: from the other organisation, where it must fail, and at home, where it must work. Without
    the second the first would prove nothing."""

    area: str
    what: str
    abroad: Act
    at_home: Act


class Outcome(NamedTuple):
    area: str
    what: str
    abroad: str
    at_home: str
    is_held: bool
