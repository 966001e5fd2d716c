"""API keys: what is kept of them, when they work, and the command that makes one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.actions import api_key_issue, api_key_revoke
from accounts.errors import InvalidApiKey
from accounts.models import ApiKey, User
from accounts.selectors import api_key_owner
from tenants.context import entered
from tenants.models import Organisation

MakePerson = Callable[..., User]
ME = "/api/v1/me/"


def status(host: Any, authorization: str) -> int:
    return int(host.get(ME, headers={"authorization": authorization}).status_code)


def test_a_key_lets_a_program_act_as_the_person(
    acme: Organisation, make_person: MakePerson, make_key: Any, on_host: Any
) -> None:
    person = make_person(acme)
    key = make_key(acme, person)
    response = on_host(acme).get(ME, headers={"authorization": f"Bearer {key}"})
    assert response.status_code == 200
    assert response.json() == {
        "id": str(person.pk),
        "email": "ada@example.org",
        "name": "Ada",
        "role": "member",
        "language": "en-gb",
        "time_zone": "UTC",
        "theme": "system",
        "abilities": ["ask", "make_keys", "read_documents", "read_shared"],
        "organisation": {"name": "Acme", "slug": "acme"},
    }


def test_only_a_hash_of_the_secret_is_kept(acme: Organisation, make_person: MakePerson, make_key: Any) -> None:
    key = make_key(acme, make_person(acme))
    scheme, prefix, secret = key.split("_", 2)
    with entered(acme.schema_name), connection.cursor() as cursor:
        cursor.execute("SELECT k::text FROM accounts_apikey k")
        (row,) = (text for (text,) in cursor.fetchall())
    assert scheme == "vena"
    assert len(secret) >= 43  # 256 bits
    assert prefix in row
    assert secret not in row


def test_two_keys_share_nothing(acme: Organisation, make_person: MakePerson, make_key: Any) -> None:
    person = make_person(acme)
    one, other = (make_key(acme, person).split("_", 2) for _ in range(2))
    assert one[1] != other[1]
    assert one[2] != other[2]


@pytest.mark.parametrize(
    "damage", ["", "vena", "vena_", "vena_abc", "{0}x", "x{0}", "{0} ", "sk-{0}", "{1}_", "{1}_{2}_"]
)
def test_what_is_not_exactly_the_key_is_refused(
    acme: Organisation, make_person: MakePerson, make_key: Any, damage: str
) -> None:
    key = make_key(acme, make_person(acme))
    _, prefix, secret = key.split("_", 2)
    with entered(acme.schema_name), pytest.raises(InvalidApiKey):
        api_key_owner(damage.format(key, f"vena_{prefix}", secret))


@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": timezone.now()},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
    ],
    ids=["revoked", "expired"],
)
def test_a_key_that_ended_is_refused(
    acme: Organisation, make_person: MakePerson, make_key: Any, on_host: Any, change: dict[str, Any]
) -> None:
    key = make_key(acme, make_person(acme))
    assert status(on_host(acme), f"Bearer {key}") == 200
    with entered(acme.schema_name):
        ApiKey.objects.update(**change)
    response = on_host(acme).get(ME, headers={"authorization": f"Bearer {key}"})
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert response.json()["code"] == "invalid_api_key"


def test_the_key_of_a_deactivated_person_is_refused(
    acme: Organisation, make_person: MakePerson, make_key: Any, on_host: Any
) -> None:
    person = make_person(acme)
    key = make_key(acme, person)
    with entered(acme.schema_name):
        User.objects.update(is_active=False)
    assert status(on_host(acme), f"Bearer {key}") == 401
    with entered(acme.schema_name):
        assert ApiKey.objects.get().last_used_at is None


def test_a_key_with_a_later_end_still_works(acme: Organisation, make_person: MakePerson, on_host: Any) -> None:
    person = make_person(acme)
    with entered(acme.schema_name):
        key = api_key_issue(user=person, name="short", expires_at=timezone.now() + timedelta(minutes=5))
    assert status(on_host(acme), f"Bearer {key}") == 200


def test_revoking_twice_keeps_the_first_time(acme: Organisation, make_person: MakePerson, make_key: Any) -> None:
    make_key(acme, make_person(acme))
    with entered(acme.schema_name):
        key = ApiKey.objects.get()
        api_key_revoke(key)
        first = ApiKey.objects.get().revoked_at
        api_key_revoke(key)
        assert first
        assert ApiKey.objects.get().revoked_at == first


@pytest.mark.parametrize("header", ["bearer {}", "BEARER  {}", "Bearer {} "])
def test_the_header_as_clients_write_it(
    acme: Organisation, make_person: MakePerson, make_key: Any, on_host: Any, header: str
) -> None:
    assert status(on_host(acme), header.format(make_key(acme, make_person(acme)))) == 200


@pytest.mark.parametrize("header", ["{}", "Basic {}", "Token {}", "Bearer", "Bearer "])
def test_other_headers_sign_nobody_in(
    acme: Organisation, make_person: MakePerson, make_key: Any, on_host: Any, header: str
) -> None:
    assert status(on_host(acme), header.format(make_key(acme, make_person(acme)))) == 401


def test_a_wrong_key_beside_a_good_session_is_refused(
    acme: Organisation, make_person: MakePerson, on_host: Any
) -> None:
    make_person(acme)
    host = on_host(acme)
    host.sign_in("ada@example.org")
    assert host.get(ME).status_code == 200
    assert status(host, "Bearer vena_00000000_wrong") == 401


# -- last use -------------------------------------------------------------------------------------


def test_last_use_is_written_at_most_once_a_minute(
    acme: Organisation, make_person: MakePerson, make_key: Any, django_assert_num_queries: Any
) -> None:
    key = make_key(acme, make_person(acme))
    with entered(acme.schema_name):
        ApiKey.objects.get()  # the schema is entered by now, so that below only the key's own queries count
        # the first use of the day reads, writes and is noted in the audit log; within the minute it only reads
        with django_assert_num_queries(3):
            api_key_owner(key)
        first = ApiKey.objects.get().last_used_at
        assert first
        with django_assert_num_queries(1):
            api_key_owner(key)
        # a minute later it writes again
        ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
        with django_assert_num_queries(2 if first.date() == (first - timedelta(seconds=61)).date() else 3):
            api_key_owner(key)
        again = ApiKey.objects.get().last_used_at
        assert again
        assert again >= first


# -- the command ----------------------------------------------------------------------------------


def test_the_command_prints_the_key_and_nothing_else(acme: Organisation, make_person: MakePerson, on_host: Any) -> None:
    make_person(acme)
    out, err = StringIO(), StringIO()
    call_command("create_api_key", "acme", "Ada@Example.org", "--name", "laptop", stdout=out, stderr=err)
    key = out.getvalue().removesuffix("\n")
    assert err.getvalue() == ""
    assert len(key.splitlines()) == 1
    assert status(on_host(acme), f"Bearer {key}") == 200
    with entered(acme.schema_name):
        assert ApiKey.objects.get().name == "laptop"


@pytest.mark.parametrize(
    ("slug", "email", "why"),
    [
        ("nobody", "ada@example.org", "no organisation with the slug 'nobody'"),
        ("globex", "ada@example.org", "no person with this e-mail address"),
        ("acme", "gone@example.org", "no person with this e-mail address"),
    ],
)
def test_the_command_says_what_it_could_not_find(
    acme: Organisation, globex: Organisation, make_person: MakePerson, slug: str, email: str, why: str
) -> None:
    make_person(acme)
    gone = make_person(acme, "gone@example.org")
    with entered(acme.schema_name):
        User.objects.filter(pk=gone.pk).update(is_active=False)
    out = StringIO()
    with pytest.raises(CommandError, match=why):
        call_command("create_api_key", slug, email, stdout=out)
    assert out.getvalue() == ""
    for organisation in (acme, globex):
        with entered(organisation.schema_name):
            assert not ApiKey.objects.exists()
