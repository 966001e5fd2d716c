from __future__ import annotations

from accounts.privacy.models import PrivacySettings


def privacy_settings() -> PrivacySettings:
    """Of the organisation whose schema is entered."""
    return PrivacySettings.objects.first() or PrivacySettings()


def admins_may_read() -> bool:
    """Whether administrators may read members' conversations. Members are told on their chat page."""
    return PrivacySettings.objects.filter(admins_may_read=True).exists()
