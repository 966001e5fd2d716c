"""How an organisation's answers are made, as its admins chose."""

from __future__ import annotations

from knowledge.models import AnswerPolicy
from knowledge.types import AnswerSettings, ModelChoice


def answer_settings() -> AnswerSettings:
    """The policy of the organisation whose schema is entered."""
    row = AnswerPolicy.objects.first()
    return settings_of(row) if row else AnswerSettings()


def answer_policy_change(**changes: object) -> AnswerPolicy:
    """Write these fields of the organisation's one row; the others stay."""
    row, _ = AnswerPolicy.objects.update_or_create(pk=1, defaults=changes)
    return row


def settings_of(row: AnswerPolicy) -> AnswerSettings:
    backup = ModelChoice(row.backup_provider, row.backup_model) if row.backup_provider else None
    return AnswerSettings(
        primary=ModelChoice(row.primary_provider, row.primary_model),
        backup=backup,
        instructions=row.instructions,
        prompt_version=row.prompt_version,
        passages=row.passages,
        is_reranked=row.is_reranked,
        is_multi_query=row.is_multi_query,
        is_cached=row.is_cached,
        is_semantically_cached=row.is_semantically_cached,
    )
