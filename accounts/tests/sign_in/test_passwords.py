"""Which passwords are refused, and what guessing them meets."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.password_validation import validate_password
from django.core import mail
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from accounts.sign_in.breached import Entries, is_breached, packed
from accounts.sign_in.validators import REFUSAL
from conftest import PASSWORD
from tenants.context import entered
from tenants.models import Organisation

WRONG = "a wrong password"


@pytest.mark.parametrize(
    "password", ["qwertyuiop", "1Q2W3E4R5T", "9876543210", "password12345", "!!Monkey!!2024", "iloveyou.."]
)
def test_what_attackers_try_first_is_refused(password: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        validate_password(password)
    assert REFUSAL in refusal.value.messages


@pytest.mark.parametrize("password", [PASSWORD, "welcome-to-vena", "zq8#Lw!v02p", "Grün ist die Heide"])
def test_others_are_taken(password: str) -> None:
    validate_password(password)


@given(st.lists(st.text(min_size=10, max_size=30), max_size=40), st.text(min_size=10, max_size=30))
def test_a_list_holds_what_was_put_in_and_nothing_else(tmp_path_factory: Any, words: list[str], other: str) -> None:
    path = Path(tmp_path_factory.mktemp("list")) / "list.bin"
    path.write_bytes(packed(words))
    assert all(is_breached(word, path) for word in words)
    assert is_breached(other, path) == (other.lower() in {word.lower() for word in words})


def test_an_operators_own_list_replaces_ours(tmp_path: Path, settings: Any) -> None:
    settings.VENA_BREACHED_PASSWORDS = str(tmp_path / "own.bin")
    (tmp_path / "own.bin").write_bytes(packed([PASSWORD]))
    validate_password("qwertyuiopp")
    with pytest.raises(ValidationError, match="attackers"):
        validate_password(PASSWORD)


def test_a_broken_list_is_not_taken_for_an_empty_one() -> None:
    with pytest.raises(ValueError, match="6 bytes"):
        Entries(b"12345")


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What costs time when somebody signs in: each password that is hashed."""
    seen: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(self: Any, password: str, salt: str) -> str:
        seen.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    return seen


@pytest.mark.parametrize("who", ["known", "unknown", "without a password", "inactive"])
def test_signing_in_hashes_once_whoever_it_is(
    acme: Organisation, make_person: Any, on_host: Any, hashed: list[str], who: str
) -> None:
    user = make_person(acme)
    with entered(acme.schema_name):
        if who == "without a password":
            user.set_unusable_password()
        user.is_active = who != "inactive"
        user.save()
    hashed.clear()
    on_host(acme).sign_in("nobody@example.org" if who == "unknown" else user.email, WRONG)
    assert len(hashed) == 1


@pytest.mark.parametrize("path", ["/accounts/password/reset/", "/accounts/login/code/"])
def test_asking_for_a_letter_takes_equally_long_and_says_the_same(
    acme: Organisation, make_person: Any, on_host: Any, settings: Any, path: str
) -> None:
    # given
    settings.VENA_EVEN_SECONDS = 0.3
    make_person(acme)
    said, took = [], []
    # when
    for email in ("ada@example.org", "nobody@example.org"):
        began = time.monotonic()
        response = on_host(acme).post(path, {"email": email})
        took.append(time.monotonic() - began)
        said.append((response.status_code, response["Location"], response.content))
    # then
    assert said[0] == said[1]
    assert min(took) >= 0.3
    assert [letter.to for letter in mail.outbox] == [["ada@example.org"]]


def guesses(host: Any, email: str = "ada@example.org", times: int = 1) -> None:
    for _ in range(times):
        host.sign_in(email, WRONG)


@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
def test_five_wrong_passwords_make_a_pause(acme: Organisation, make_person: Any, on_host: Any, email: str) -> None:
    """Also for an address that nobody has: the pause tells nothing."""
    make_person(acme)
    host = on_host(acme)
    guesses(host, email, 5)
    response = host.sign_in(email)
    assert "too many wrong passwords" in response.content.decode()


def test_the_pause_holds_for_every_browser_but_for_no_other_organisation(
    acme: Organisation, globex: Organisation, make_person: Any, on_host: Any
) -> None:
    for organisation in (acme, globex):
        make_person(organisation)
    guesses(on_host(acme), times=5)
    assert on_host(acme).sign_in("ada@example.org").status_code == 200
    assert on_host(globex).sign_in("ada@example.org").status_code == 302


def test_pauses_grow(acme: Organisation, make_person: Any, on_host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five minutes after five, an hour after ten, a day after twenty; the right password counts for nothing."""
    make_person(acme)
    host, clock = on_host(acme), [time.time()]
    monkeypatch.setattr("allauth.core.internal.ratelimit.time.time", lambda: clock[0])

    def is_let_in(after: float) -> bool:
        clock[0] += after
        fresh = on_host(acme)
        fresh.sign_in("ada@example.org")
        return bool(fresh.get("/api/v1/me/").status_code == 200)

    guesses(host, times=5)
    assert not is_let_in(after=290)
    assert is_let_in(after=20)
    guesses(host, times=5)
    assert not is_let_in(after=310)
    assert is_let_in(after=3600)


def test_a_new_password_is_checked_where_it_is_chosen(owner: Any, acme: Organisation) -> None:
    form = {"oldpassword": PASSWORD, "password1": "qwertyuiop", "password2": "qwertyuiop"}
    response = owner.post("/accounts/password/change/", form)
    assert "attackers try first" in response.content.decode()
    with entered(acme.schema_name):
        assert User.objects.get().check_password(PASSWORD)
