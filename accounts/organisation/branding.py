"""Changing how an organisation looks. What is changed is in its audit log."""

from __future__ import annotations

from django.db import transaction

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from tenants.branding.logos import Logo
from tenants.entitlements import Feature
from tenants.errors import NotInPlan
from tenants.models import Branding, Organisation

FIELDS = ("accent", "accent_dark", "assistant_name", "support_email", "support_url")


@transaction.atomic
def branding_change(
    organisation: Organisation, *, name: str, logo: Logo | None = None, has_no_logo: bool = False, **changes: str
) -> Branding:
    """`changes` are of FIELDS. `logo` replaces the one that is there; `has_no_logo` takes it away.

    Raises NotInPlan for anything but the name where the plan has no branding; what was chosen before is kept.
    """
    look = locked(organisation)
    if not organisation.entitled.allows(Feature.BRANDING):
        if logo is not None or any(changes.values()):
            raise NotInPlan(Feature.BRANDING.label)
        changes, has_no_logo = {}, False
    changed = {field: value for field, value in changes.items() if field in FIELDS and getattr(look, field) != value}
    for field, value in changed.items():
        setattr(look, field, value)
    if logo is not None or (has_no_logo and look.logo_type):
        look.logo, look.logo_type = (logo.content, logo.media_type) if logo else (None, "")
        changed["logo"] = look.logo_type
    if changed:
        look.version += 1
        look.save()
    if organisation_rename(organisation, name):
        changed["name"] = name
    if changed:
        audit(Action.BRANDING_CHANGED, target_id=str(organisation.pk), detail={"fields": sorted(changed)})
    return look


def locked(organisation: Organisation) -> Branding:
    Branding.objects.get_or_create(organisation_id=organisation.pk)
    return Branding.objects.select_for_update().get(organisation_id=organisation.pk)


def organisation_rename(organisation: Organisation, name: str) -> bool:
    row = Organisation.objects.get(pk=organisation.pk)
    if row.name == name:
        return False
    row.name = name
    row.save(update_fields=["name"])
    return True


def logo_of(organisation: Organisation) -> Logo | None:
    row = Branding.objects.filter(organisation_id=organisation.pk).exclude(logo_type="").first()
    return Logo(row.logo_type, bytes(row.logo or b"")) if row else None
