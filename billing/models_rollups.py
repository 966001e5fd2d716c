"""The ledger day by day: what reports read, how far it was made, and where it once differed."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Sums(models.Model):
    """The figures of a number of ledger rows."""

    calls = models.BigIntegerField()  # less those that were taken back, so a line can be below nothing
    unpriced_calls = models.BigIntegerField()  # no price was known: their cost is missing
    estimated_calls = models.BigIntegerField()  # the provider told no tokens
    input_tokens = models.BigIntegerField()  # includes the cached and the written ones
    cached_input_tokens = models.BigIntegerField()
    cache_write_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    cost_gbp = models.DecimalField(max_digits=20, decimal_places=8)
    cache_saved_gbp = models.DecimalField(max_digits=40, decimal_places=20)  # exact; can be negative

    class Meta:
        abstract = True


class DailyUsage(Sums):
    """One day's calls of one member, charged group, key, kind, model and outcome. Made from the ledger; may be made
    again at any time."""

    id = models.BigAutoField(primary_key=True)
    organisation_id = models.UUIDField()
    day = models.DateField()  # of UTC
    group_id = models.UUIDField(null=True)
    cost_centre = models.CharField(max_length=60, blank=True)
    api_key_id = models.UUIDField(null=True)
    member_id = models.UUIDField(null=True)
    member_label = models.CharField(max_length=254, blank=True)
    kind = models.CharField(max_length=16)
    provider = models.CharField(max_length=32)
    model = models.CharField(max_length=80)
    outcome = models.CharField(max_length=16)

    class Meta:
        verbose_name_plural = "daily usage"
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "organisation_id",
                    "day",
                    "member_id",
                    "kind",
                    "provider",
                    "model",
                    "outcome",
                    "group_id",
                    "cost_centre",
                    "api_key_id",
                ],
                nulls_distinct=False,
                name="one_line_a_day",
            )
        ]
        indexes = [models.Index(fields=["day"], name="daily_usage_by_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.kind} {self.model} £{self.cost_gbp}"


class DailyCollection(Sums):
    """One day's calls that read the same collections. Apart from the lines of members: both in one would be many."""

    id = models.BigAutoField(primary_key=True)
    organisation_id = models.UUIDField()
    day = models.DateField()
    collection_ids = ArrayField(models.UUIDField(), default=list, blank=True)
    kind = models.CharField(max_length=16)
    outcome = models.CharField(max_length=16)

    class Meta:
        verbose_name_plural = "daily usage of collections"
        constraints = [
            models.UniqueConstraint(
                fields=["organisation_id", "day", "collection_ids", "kind", "outcome"], name="one_collection_line_a_day"
            )
        ]
        indexes = [models.Index(fields=["day"], name="daily_collection_by_day")]

    def __str__(self) -> str:
        return f"{self.day} £{self.cost_gbp}"


class UsageName(models.Model):
    """What a group, key or collection in the ledger was last called; it stays when that is gone."""

    class Kind(models.TextChoices):
        GROUP = "group"
        KEY = "key"
        COLLECTION = "collection"

    organisation_id = models.UUIDField()
    kind = models.CharField(max_length=16, choices=Kind)
    subject_id = models.UUIDField()
    label = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation_id", "kind", "subject_id"], name="one_name_each"),
        ]

    def __str__(self) -> str:
        return self.label


class RolledDay(models.Model):
    """A day whose calls of all organisations are in `DailyUsage`, all of them or those up to a moment. The others are
    read from the ledger itself."""

    day = models.DateField(primary_key=True)
    until = models.DateTimeField(null=True)  # of a day that runs: calls from then on are not in it; None: all are in
    calls = models.BigIntegerField()
    cost_gbp = models.DecimalField(max_digits=20, decimal_places=8)
    rolled_at = models.DateTimeField()
    checked_at = models.DateTimeField(null=True)  # when it was last compared with the ledger

    class Meta:
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.day}: {self.calls}"


class UsageDifference(models.Model):
    """A check found that a day of an organisation was not what the ledger says. Such a day is made again at once."""

    organisation_id = models.UUIDField()
    organisation_label = models.CharField(max_length=120, blank=True)
    day = models.DateField()
    ledger_calls = models.BigIntegerField()
    rolled_calls = models.BigIntegerField()
    ledger_gbp = models.DecimalField(max_digits=20, decimal_places=8)
    rolled_gbp = models.DecimalField(max_digits=20, decimal_places=8)
    found_at = models.DateTimeField(auto_now_add=True)
    mended_at = models.DateTimeField(null=True)  # equal when compared again

    class Meta:
        ordering = ["-found_at"]
        indexes = [models.Index(fields=["organisation_id", "day"], name="difference_by_day")]

    def __str__(self) -> str:
        return f"{self.day}: £{self.rolled_gbp} instead of £{self.ledger_gbp}"
