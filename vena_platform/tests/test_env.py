"""The reader of the environment: what goes in comes out, and what is wrong is named."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from vena_platform import env

NAME = "VENA_TEST_VALUE"
plain = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
names = st.text(st.characters(codec="ascii", exclude_characters="\0/"), min_size=1)
hosts = st.from_regex(r"[a-z][a-z0-9-]{0,10}[a-z0-9](\.[a-z]{2,5})?", fullmatch=True)


@contextmanager
def given_value(value: str) -> Iterator[None]:
    """For property tests, where a fixture would not be set anew for each example."""
    before = os.environ.get(NAME)
    os.environ[NAME] = value
    try:
        yield
    finally:
        os.environ.pop(NAME)
        if before is not None:
            os.environ[NAME] = before


@given(plain)
def test_text_comes_without_its_surrounding_space(value: str) -> None:
    with given_value(f"  {value}\t"):
        assert env.text(NAME) == value.strip()
        assert env.text("VENA_NOT_SET", value) == value.strip()


@given(plain.filter(str.strip))
def test_a_required_value_that_is_there(value: str) -> None:
    with given_value(value):
        assert env.required(NAME, "what for") == value.strip()


@pytest.mark.parametrize("value", [None, "", "   "])
def test_a_required_value_that_is_missing_says_what_for(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if value is not None:
        monkeypatch.setenv(NAME, value)
    with pytest.raises(ImproperlyConfigured, match=f"Set {NAME}: where the moon is. See .env.example."):
        env.required(NAME, "where the moon is")


@given(st.integers(), st.integers())
def test_whole_numbers(number: int, default: int) -> None:
    with given_value(f" {number} "):
        assert env.integer(NAME, default) == number
    with given_value(""):
        assert env.integer(NAME, default) == default
    assert env.integer("VENA_NOT_SET", default) == default


@pytest.mark.parametrize("value", ["1.5", "ten", "0x10", "1 2"])
def test_what_is_no_whole_number_is_named(value: str) -> None:
    with given_value(value), pytest.raises(ImproperlyConfigured, match=f"{NAME} is '{value}'; it takes a whole number"):
        env.integer(NAME, 1)


@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", True),
        ("true", True),
        ("YES", True),
        (" on ", True),
        ("0", False),
        ("False", False),
        ("off", False),
        ("", False),
    ],
)
def test_flags(value: str, expected: bool, default: bool) -> None:
    with given_value(value):
        assert env.flag(NAME, default=default) is expected
    assert env.flag("VENA_NOT_SET", default=default) is default


@given(plain.filter(lambda value: value.strip().lower() not in env.TRUE | env.FALSE))
def test_what_is_no_flag_is_named(value: str) -> None:
    with given_value(value), pytest.raises(ImproperlyConfigured, match=NAME):
        env.flag(NAME)


@given(
    st.lists(
        st.from_regex(r"[^,\s\0](?:[^,\0]*[^,\s\0])?", fullmatch=True).filter(lambda w: w == w.strip()), max_size=5
    )
)
def test_a_list_comes_back(wanted: list[str]) -> None:
    with given_value(" , ".join(wanted) + ","):
        assert env.words(NAME) == wanted


def test_a_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with given_value("media"):
        assert env.folder(NAME, Path("/other")) == tmp_path / "media"
    with given_value("~/media"):
        assert env.folder(NAME, Path("/other")) == Path.home() / "media"
    assert env.folder("VENA_NOT_SET", tmp_path) == tmp_path


# -- DATABASE_URL ---------------------------------------------------------------------------------


@given(
    plain,
    plain,
    hosts,
    st.integers(1, 65535),
    st.text(st.characters(codec="ascii", exclude_characters="\0/"), min_size=1),
)
def test_a_database_address_is_taken_apart(user: str, password: str, host: str, port: int, name: str) -> None:
    url = f"postgresql://{quote(user, '')}:{quote(password, '')}@{host}:{port}/{quote(name, '')}"
    assert env.database(url) == {
        "ENGINE": settings.DATABASES["default"]["ENGINE"],
        "NAME": name,
        "USER": user,
        "PASSWORD": password,
        "HOST": host,
        "PORT": str(port),
        "OPTIONS": {},
    }


def test_a_database_behind_a_socket_folder_and_options() -> None:
    found = env.database("postgres://postgres:@/vena?host=/run/postgres&sslmode=require&connect_timeout=5")
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("/run/postgres", "", "vena")
    assert found["OPTIONS"] == {"sslmode": "require", "connect_timeout": "5"}


def test_a_database_with_little_said_about_it() -> None:
    found = env.database("postgresql://db")
    assert (found["HOST"], found["NAME"], found["USER"], found["PASSWORD"]) == ("db", "postgres", "", "")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://db/vena", "must begin with postgresql://"),
        ("db/vena", "must begin with postgresql://"),
        ("postgresql://db:port/vena", "port in DATABASE_URL"),
        ("postgresql://db:70000/vena", "port in DATABASE_URL"),
    ],
)
def test_a_database_address_that_makes_no_sense(url: str, why: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=why):
        env.database(url)


# -- the generated secret -------------------------------------------------------------------------


def test_a_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "state" / "secret-key"
    secret = env.generated_secret(path)
    assert len(secret) >= 50
    assert env.generated_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert env.generated_secret(tmp_path / "other") != secret


def test_a_secret_whose_writing_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "secret-key"
    path.touch()
    assert len(env.generated_secret(path)) >= 50
