"""The wire shapes of how answers are made, and of organisations' own keys."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from knowledge.models import AnswerPolicy, ProviderKey

KEY_SHAPE = r"^[\x21-\x7e]{8,400}$"
MODEL_SHAPE = r"^[\w.:@/+-]*$"
POLICY_FIELDS = (
    "primary_provider",
    "primary_model",
    "backup_provider",
    "backup_model",
    "instructions",
    "is_multi_query",
    "is_cached",
    "is_semantically_cached",
)
PROVIDER_HELP = "openai, anthropic, or extractive, which quotes. Empty: the platform's choice"


class AnswerPolicyChange(serializers.Serializer[Any]):
    primary_provider = serializers.CharField(
        max_length=32, required=False, allow_blank=True, help_text=f"Who answers: {PROVIDER_HELP}"
    )
    primary_model = serializers.RegexField(
        MODEL_SHAPE, max_length=80, required=False, allow_blank=True, help_text="Empty: the provider's usual model"
    )
    backup_provider = serializers.CharField(
        max_length=32,
        required=False,
        allow_blank=True,
        help_text=f"Who carries on when the first fails: {PROVIDER_HELP}",
    )
    backup_model = serializers.RegexField(MODEL_SHAPE, max_length=80, required=False, allow_blank=True)
    instructions = serializers.CharField(
        max_length=4000,
        required=False,
        allow_blank=True,
        help_text="Tone and rules of your own. Vena's rules come first: passages only, a citation for every claim",
    )
    is_multi_query = serializers.BooleanField(
        required=False, help_text="Search in several ways for each question: finds more, takes longer"
    )
    is_cached = serializers.BooleanField(required=False, help_text="The same question is answered from memory")
    is_semantically_cached = serializers.BooleanField(required=False, help_text="A similar question as well")


class ProviderStateOutput(serializers.Serializer[Any]):
    provider = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the field of this name is what we mean
    can_be_called = serializers.BooleanField(help_text="The platform or your organisation has a key for it")
    has_own_key = serializers.BooleanField()
    usual_model = serializers.CharField()
    models = serializers.ListField(child=serializers.CharField(), help_text="Known ones; others can be named as well")
    state = serializers.ChoiceField(("working", "resting", "trying"))
    until = serializers.DateTimeField(allow_null=True, help_text="When its rest is over")


class AnswerPolicyOutput(serializers.ModelSerializer[AnswerPolicy]):
    providers = ProviderStateOutput(many=True)

    class Meta:
        model = AnswerPolicy
        fields = (*POLICY_FIELDS, "updated_at", "providers")


class ProviderKeyInput(serializers.Serializer[Any]):
    secret = serializers.RegexField(
        KEY_SHAPE,
        write_only=True,
        error_messages={"invalid": "A key has 8 to 400 characters and no spaces."},
        help_text="The key. It is tried at the provider, stored encrypted and never shown again",
    )
    base_url = serializers.URLField(
        max_length=300,
        required=False,
        allow_blank=True,
        default="",
        help_text="Of a server that speaks the provider's API, over https and on the public web. Empty: the provider's",
    )


class ProviderKeyOutput(serializers.ModelSerializer[ProviderKey]):
    created_by = serializers.CharField(source="created_by_label")
    hint = serializers.CharField(help_text="The key's last characters")
    failure = serializers.CharField(source="failure_message", help_text="What came of the last test, if it failed")

    class Meta:
        model = ProviderKey
        fields = (
            "provider",
            "hint",
            "base_url",
            "tested_at",
            "tested_ok",
            "failure",
            "created_by",
            "created_at",
            "updated_at",
        )
