from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.privacy.models import PrivacySettings


@transaction.atomic
def privacy_change(**changes: Any) -> PrivacySettings:
    """Change what is named, of the fields of PrivacySettings. Raises ValidationError."""
    row = PrivacySettings.objects.select_for_update().first() or PrivacySettings()
    changed = {name: value for name, value in changes.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    row.full_clean()
    row.save()
    if changed:
        audit(Action.PRIVACY_CHANGED, detail=changed)
    return row
