"""Deleting an organisation empties every store, says so in a receipt, and touches no other."""

from __future__ import annotations

from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.audit.models import AuditEvent
from billing.models import PaymentAccount, UsageName
from billing.names import COLLECTION, names_keep
from knowledge.models import Collection
from tenants.context import entered
from tenants.models import DeletionReceipt, DomainClaim, Organisation, SupportGrant
from tenants.schemas import existing_schemas
from vena_platform.removal import RemovalIncomplete, counts, organisation_remove

NOTHING = {"tables": 0, "rows": 0, "vectors": 0, "files": 0, "keys": 0, "customers": 0}


@pytest.fixture
def leaving(newcomers: None, on_host: Any) -> Organisation:
    """An organisation with something in every store."""
    form = {"organisation_name": "Leaving", "slug": "leaving", "owner_name": "Ann", "email": "ann@new.example"}
    on_host(None).post("/signup/", {**form, "password": "a password of my own"})
    organisation: Organisation = Organisation.objects.get(slug="leaving")
    with entered(organisation.schema_name):
        default_storage.save("documents/one.txt", ContentFile(b"secret"))
        names_keep(organisation.pk, COLLECTION, {uuid4(): "Secret plans"})
        cache.set("answer", "secret")
    return organisation


def test_every_store_is_emptied_and_the_receipt_says_so(
    leaving: Organisation, live_acme: Organisation, make_person: Any
) -> None:
    # given
    make_person(live_acme)
    with entered(live_acme.schema_name):
        collection = Collection.objects.create(name="Kept")
        names_keep(live_acme.pk, COLLECTION, {collection.pk: "Kept"})
        cache.set("answer", "kept")
        kept = default_storage.save("documents/kept.txt", ContentFile(b"kept"))
    before = counts(live_acme)
    # when
    receipt = organisation_remove(leaving)
    # then
    assert (receipt.slug, receipt.schema_name, receipt.finished_at is not None) == ("leaving", "org_leaving", True)
    assert receipt.removed["tables"] == before["tables"] > 10
    assert (receipt.removed["files"], receipt.removed["keys"]) == (1, 1)
    assert receipt.removed["rows"] > 10
    assert receipt.left == NOTHING
    entry = AuditEvent.objects.get(action="organisation.deleted")
    assert (entry.organisation, entry.detail["removed"]) == ("org_leaving", receipt.removed)
    assert "org_leaving" not in existing_schemas()
    assert not Organisation.objects.filter(slug="leaving").exists()
    assert Client(headers={"host": "leaving.localhost"}).get("/").status_code == 404
    # and the other organisation lost nothing
    assert list(UsageName.objects.values_list("label", flat=True)) == ["Kept"]
    assert counts(live_acme) == before
    with entered(live_acme.schema_name):
        assert cache.get("answer") == "kept"
        assert default_storage.open(kept).read() == b"kept"
        default_storage.delete(kept)


def test_the_address_is_free_again_and_brings_nothing_back(leaving: Organisation, on_host: Any) -> None:
    organisation_remove(leaving)
    form = {"organisation_name": "Other", "slug": "leaving", "owner_name": "Bob", "email": "bob@other.example"}
    assert on_host(None).post("/signup/", {**form, "password": "a password of my own"}).status_code == 302
    again = Organisation.objects.get(slug="leaving")
    assert again.pk != leaving.pk
    with entered(again.schema_name):
        assert cache.get("answer") is None
    assert counts(again)["files"] == 0


def test_the_command_wants_the_name_twice(leaving: Organisation) -> None:
    for arguments in (["leaving", "--confirm", "acme"], ["nobody", "--confirm", "nobody"]):
        with pytest.raises(CommandError):
            call_command("delete_organisation", *arguments)
    assert "org_leaving" in existing_schemas()
    assert not DeletionReceipt.objects.exists()
    out = StringIO()
    call_command("delete_organisation", "leaving", "--confirm", "leaving", stdout=out)
    assert str(DeletionReceipt.objects.get().pk) in out.getvalue()
    assert "org_leaving" not in existing_schemas()


def test_domains_and_leave_for_support_go_with_their_organisation(
    leaving: Organisation, live_acme: Organisation
) -> None:
    for one in (leaving, live_acme):
        SupportGrant.objects.create(organisation=one, reason="a ticket", minutes=30)
        DomainClaim.objects.create(organisation=one, host=f"chat.{one.slug}.example")
    organisation_remove(leaving)
    assert [row.organisation for row in SupportGrant.objects.all()] == [live_acme]
    assert [row.organisation for row in DomainClaim.objects.all()] == [live_acme]


def test_one_whom_the_payment_provider_still_knows_is_not_said_to_be_gone(
    leaving: Organisation, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_vena0000tests"
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"  # nobody answers there
    PaymentAccount.objects.create(organisation=leaving, customer="cus_leaving")
    with pytest.raises(RemovalIncomplete):
        organisation_remove(leaving)
    assert DeletionReceipt.objects.get().left == NOTHING | {"customers": 1}
    assert "payments.customer_left" in caplog.text
    settings.STRIPE_SECRET_KEY = ""  # whoever can't be asked any more does not stand in the way
    assert organisation_remove(leaving).left == NOTHING
    assert not PaymentAccount.objects.exists()
