"""The demo organisation of local settings: three people and an invented company's handbook."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from accounts.permissions import Role
from billing.models import BillingDetails, Plan, Seller
from knowledge.actions import document_upload
from knowledge.models import Collection, Document
from tenants.actions import organisation_request
from tenants.context import entered
from tenants.entitlements import Feature
from tenants.models import Organisation
from vena_platform.provisioning import provision

SLUG = "demo"
PASSWORD = "welcome-to-vena"  # noqa: S105
OWNER = "owner@demo.example"
PEOPLE = (("member@demo.example", "Mo Member", Role.MEMBER), ("finance@demo.example", "Fi Finance", Role.FINANCE))
OPERATOR = "operator@vena.example"


def seed() -> Organisation:
    """Make what is missing; repeating it changes nothing. Documents that somebody deleted stay deleted."""
    organisation: Organisation | None = Organisation.objects.filter(slug=SLUG).first()
    if organisation is None:
        row = organisation_request(
            name="Fennimore Wraye", slug=SLUG, owner_name="Olive Owner", owner_email=OWNER, owner_password=PASSWORD
        )
        organisation = row.organisation
    if not organisation.provisioning.finished_at:
        provision(organisation.provisioning.pk)
        organisation.refresh_from_db()
        with entered(organisation.schema_name):
            seed_people()
            seed_documents(organisation.schema_name)
        seed_billing(organisation)
    if not User.objects.filter(email=OPERATOR).exists():
        User.objects.create_superuser(OPERATOR, PASSWORD, name="Platform operator")
    return organisation


def seed_billing(organisation: Organisation) -> None:
    """Somebody who issues invoices, somebody they are made out to, and a second plan to look at."""
    Seller.objects.get_or_create(
        pk=1,
        defaults={
            "name": "Example Operators Ltd",
            "address": "1 Example Street\nLondon EC1A 1AA",
            "email": "billing@vena.example",
            "bank_details": "Sort code 00-00-00, account 00000000",
        },
    )
    Plan.objects.get_or_create(
        slug="business",
        defaults={
            "name": "Business",
            "summary": "For several departments.",
            "monthly_price_gbp": 149,
            "included_usage_gbp": 50,
            "usage_markup_percent": 20,
            "seats": 100,
            "document_limit": 100_000,
            "storage_mb": 100 * 1024,
            "features": [one.value for one in Feature],
        },
    )
    address = {"name": "Fennimore Wraye Ltd", "address": "12 Chandlery Row\nBristol BS1 4XQ", "country": "GB"}
    BillingDetails.objects.get_or_create(organisation=organisation, defaults=address)


def seed_people() -> None:
    for email, name, role in PEOPLE:
        if not User.objects.filter(email=email).exists():
            User.objects.create_user(email, PASSWORD, name=name, role=role)


def seed_documents(schema_name: str) -> None:
    if Document.objects.exists():
        return
    collection = Collection.objects.earliest("created_at")
    owner = User.objects.get(email=OWNER)
    folder = Path(settings.BASE_DIR) / "samples" / "handbook"
    for path in sorted(folder.iterdir()):
        file = SimpleUploadedFile(path.name, path.read_bytes())
        document_upload(schema_name=schema_name, collection=collection, uploaded_by=owner, file=file)
