from __future__ import annotations

from django.urls import path

from accounts.organisation import branding_views as branding

urlpatterns = [
    path("brand.css", branding.brand_css, name="brand_css"),
    path("brand/logo", branding.brand_logo, name="brand_logo"),
    path("organisation/branding/", branding.branding, name="branding"),
    path("organisation/branding/shades/", branding.shades, name="branding_shades"),
]
