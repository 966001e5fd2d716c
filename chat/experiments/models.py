from __future__ import annotations

import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models


class Experiment(models.Model):
    """A comparison of ways to answer. One runs at a time; each new conversation is given one of its arms, for good."""

    class State(models.TextChoices):
        DRAFT = "draft"
        RUNNING = "running"
        STOPPED = "stopped"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    question = models.CharField(
        "what you want to find out", max_length=300, blank=True, help_text="For whoever reads the result."
    )
    state = models.CharField(max_length=16, choices=State, default=State.DRAFT, editable=False)
    adopted = models.ForeignKey("Arm", models.SET_NULL, null=True, editable=False, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, editable=False)
    stopped_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state="running"), name="one_experiment_runs_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Arm(models.Model):
    """One way to answer. What is empty is as the organisation's policy says."""

    class Provider(models.TextChoices):
        OPENAI = "openai", "OpenAI"
        ANTHROPIC = "anthropic", "Anthropic"
        EXTRACTIVE = "extractive", "Quotes only"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="arms")
    name = models.CharField(max_length=60)
    weight = models.PositiveSmallIntegerField(
        default=1, validators=[MaxValueValidator(1000)], help_text="Its share of new conversations, beside the others'."
    )
    provider = models.CharField(max_length=32, choices=Provider, blank=True)
    model = models.CharField(max_length=80, blank=True, help_text="Empty: the provider's usual one.")
    prompt_version = models.CharField(
        max_length=32, blank=True, help_text="1 composes an answer, 2 quotes first. Empty: 1."
    )
    is_reranked = models.BooleanField("second ranking", null=True, blank=True)
    is_multi_query = models.BooleanField("asks in several wordings", null=True, blank=True)
    passages = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text="Offered to the model for one answer.",
    )

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["experiment", "name"], name="arm_names_differ")]

    def __str__(self) -> str:
        return self.name
