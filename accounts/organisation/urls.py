from __future__ import annotations

from django.urls import path

from accounts.organisation import branding_views as branding
from accounts.organisation import domain_views

urlpatterns = [
    path("brand.css", branding.brand_css, name="brand_css"),
    path("brand/logo", branding.brand_logo, name="brand_logo"),
    path("organisation/branding/", branding.branding, name="branding"),
    path("organisation/branding/shades/", branding.shades, name="branding_shades"),
    path("organisation/domains/", domain_views.domains, name="domains"),
    path("organisation/domains/main/", domain_views.main_domain, name="main_domain"),
    path("organisation/domains/<uuid:claim_id>/", domain_views.domain, name="domain"),
]
