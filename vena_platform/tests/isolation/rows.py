"""Two organisations with a row in every table, each text of which names its organisation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, models
from model_bakery import baker

from tenants.context import entered
from tenants.models import Organisation

# Tables that nobody's rows are in: the same for everybody, or made by migrations.
NOT_OF_PEOPLE = {"auth.Permission", "auth.Group", "auth.Group_permissions", "contenttypes.ContentType"}


@cache
def tenant_models() -> tuple[type[models.Model], ...]:
    """What is stored by each organisation for itself, those that others refer to first."""
    of_tenants = {apps.get_containing_app_config(name + ".x") or name for name in settings.TENANT_APPS}
    labels = {config.label for config in of_tenants if not isinstance(config, str)}
    wanted = [model for model in apps.get_models() if model._meta.app_label in labels and model._meta.managed]
    return tuple(in_order([model for model in wanted if model._meta.label not in NOT_OF_PEOPLE]))


def in_order(wanted: list[type[models.Model]]) -> Iterator[type[models.Model]]:
    """A model after those that it can't be without."""
    left, done = list(wanted), set[type[models.Model]]()
    while left:
        for model in left:
            if all(target in done or target not in left for target in needed(model)):
                yield model
                done.add(model)
                left.remove(model)
                break
        else:
            raise AssertionError(f"these need each other: {left}")


def needed(model: type[models.Model]) -> set[type[models.Model]]:
    relations = [one for one in model._meta.fields if one.is_relation and not one.null]
    return {one.related_model for one in relations if isinstance(one.related_model, type)} - {model}


@dataclass(eq=False)
class World:
    """An organisation and one row of each kind: `world[User]` is a row, `world.id_of("accounts.User")` its id."""

    organisation: Organisation
    marker: str
    rows: dict[str, models.Model] = field(default_factory=dict)
    owner: Any = None
    checksums: dict[str, str] = field(default_factory=dict)  # of its tables, once all are filled

    def __getitem__(self, model: type[models.Model]) -> Any:
        return self.rows[model._meta.label]

    def id_of(self, label: str) -> str:
        return str(self.rows[label].pk)

    def texts(self, model: type[models.Model]) -> dict[str, Any]:
        """Every free text carries the marker, so that a foreign one is seen wherever it turns up."""
        found: dict[str, Any] = {}
        for one in model._meta.fields:
            is_text = isinstance(one, models.CharField | models.TextField) and not one.choices and not one.primary_key
            if one.choices and not one.has_default() and not one.null:
                found[one.name] = one.choices[0][0]
            elif is_text and (one.max_length is None or one.max_length >= len(self.marker)) and not one.has_default():
                found[one.name] = self.marker
        return found

    def relations(self, model: type[models.Model]) -> dict[str, Any]:
        known = {one.name: one.remote_field.model for one in model._meta.fields if one.remote_field and not one.null}
        labels = {name: target._meta.label for name, target in known.items()}
        return {name: self.rows[label] for name, label in labels.items() if label in self.rows}


def make_world(organisation: Organisation, marker: str, special: dict[str, Any], first_number: int) -> World:
    """`special`: label → function of the world that gives further values, or makes the row itself.

    Numbered rows begin with `first_number`, so that two worlds have no number in common.
    """
    world = World(organisation, marker)
    with entered(organisation.schema_name):
        count_from(first_number)
        for model in tenant_models():
            label = model._meta.label
            values = world.relations(model) | world.texts(model)
            own = special[label](world) if label in special else {}
            world.rows[label] = own if isinstance(own, models.Model) else baker.make(model, **values | own)
    return world


def count_from(number: int) -> None:
    statements = [
        sql
        for model in tenant_models()
        if isinstance(model._meta.pk, models.AutoField | models.BigAutoField)
        for sql in [f"SELECT setval(pg_get_serial_sequence('{model._meta.db_table}', 'id'), {number})"]
    ]
    with connection.cursor() as cursor:
        for one in statements:
            cursor.execute(one)
