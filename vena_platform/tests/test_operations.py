"""Operators see how organisations are, in numbers; they suspend, open and delete them. Nobody else sees the pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from accounts.audit.models import AuditEvent
from accounts.models import User
from conftest import PASSWORD
from knowledge.models import Collection, Document
from tenants.context import entered
from tenants.models import DeletionReceipt, Organisation
from tenants.schemas import existing_schemas

OPERATOR = "root@example.org"
LIST = "/admin/organisations/"


def operator_on(on_host: Any) -> Any:
    User.objects.create_superuser(OPERATOR, PASSWORD)
    host = on_host(None)
    host.sign_in(OPERATOR)
    return host


@pytest.fixture
def operator(db: None, on_host: Any) -> Any:
    return operator_on(on_host)


def test_sizes_and_health_are_numbers_and_no_texts(
    operator: Any, acme: Organisation, globex: Organisation, make_person: Any
) -> None:
    make_person(acme, "secret-name@example.org")
    with entered(acme.schema_name):
        shelf = Collection.objects.create(name="Secret shelf")
        for number, state in enumerate((Document.State.READY, Document.State.FAILED)):
            Document.objects.create(collection=shelf, title=f"Secret {number}", key=f"{number}", state=state)
    listed = operator.get(LIST).content.decode()
    assert "2 (1 failed)" in listed
    page = operator.get(f"{LIST}{acme.pk}/").content.decode()
    assert "1 of 2 could not be read." in page
    assert "All were read." in operator.get(f"{LIST}{globex.pk}/").content.decode()
    assert "secret" not in (listed + page).lower()
    assert "Globex" not in operator.get(f"{LIST}?q=acm").content.decode()


def test_suspended_with_a_reason_and_opened_again(operator: Any, acme: Organisation, on_host: Any) -> None:
    page = f"{LIST}{acme.pk}/"
    assert operator.post(page, {"act": "suspend", "reason": ""}).status_code == 422
    assert operator.post(page, {"act": "suspend", "reason": "did not pay"}).status_code == 302
    acme.refresh_from_db()
    assert (acme.state, acme.suspension_reason) == ("suspended", "did not pay")
    assert "did not pay" in operator.get(page).content.decode()
    assert operator.post(page, {"act": "open"}).status_code == 302
    acme.refresh_from_db()
    assert acme.is_open
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"organisation.suspended", "organisation.opened"} <= actions


def test_deleted_after_the_slug_is_repeated_by_somebody_who_signed_in_just_now(
    newcomers: None, on_host: Any, settings: Any, live_acme: Organisation
) -> None:
    form = {"organisation_name": "Leaving", "slug": "leaving", "owner_name": "Ann", "email": "ann@new.example"}
    on_host(None).post("/signup/", {**form, "password": "a password of my own"})
    leaving = Organisation.objects.get(slug="leaving")
    operator, page = operator_on(on_host), f"{LIST}{leaving.pk}/"
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    asked = operator.post(page, {"act": "delete", "slug": "leaving"})
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
    assert operator.post(page, {"act": "delete", "slug": "acme"}).status_code == 422
    assert "org_leaving" in existing_schemas()
    assert operator.post(page, {"act": "delete", "slug": "leaving"}).status_code == 302
    assert "org_leaving" not in existing_schemas()
    receipt = DeletionReceipt.objects.get(slug="leaving")
    assert receipt.finished_at
    assert not any(receipt.left.values())
    live_acme.refresh_from_db()
    assert live_acme.is_open
    with connection.cursor() as cursor:  # committed, as the removal works on threads of its own
        cursor.execute("TRUNCATE public.accounts_user CASCADE")


def test_nobody_else_sees_them(acme: Organisation, make_person: Any, on_host: Any) -> None:
    make_person(acme, "olive@example.org", "owner")
    for organisation in (None, acme):
        host = on_host(organisation)
        host.sign_in("olive@example.org")
        for path in (LIST, f"{LIST}{acme.pk}/"):
            assert host.get(path).status_code in {302, 404}
            assert host.post(path, {"act": "suspend", "reason": "x"}).status_code in {302, 404}
    acme.refresh_from_db()
    assert acme.is_open
