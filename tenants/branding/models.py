from __future__ import annotations

from django.db import models


class Branding(models.Model):
    """How an organisation looks. Its name is `Organisation.name`. Empty fields are the platform's own look."""

    organisation = models.OneToOneField(
        "tenants.Organisation", models.CASCADE, primary_key=True, related_name="branding"
    )
    accent = models.CharField(max_length=7, blank=True)  # "#rrggbb", as chosen; what is shown is derived from it
    accent_dark = models.CharField(max_length=7, blank=True)  # "": follows from `accent`
    assistant_name = models.CharField(max_length=40, blank=True)
    support_email = models.EmailField(blank=True)
    support_url = models.URLField(max_length=300, blank=True)
    logo = models.BinaryField(null=True)  # PNG or SVG that `logos` has made safe
    logo_type = models.CharField(max_length=16, blank=True)  # media type of `logo`; "": there is none
    version = models.PositiveIntegerField(default=0)  # in the addresses of style sheet and logo
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"The look of {self.organisation_id}"
