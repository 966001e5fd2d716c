"""OpenID Connect, against a provider of somebody else's making: set up by an owner, used by people."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount

from accounts.audit.models import AuditEvent
from accounts.audit.registry import Action
from accounts.models import Group, User
from accounts.permissions import Role
from accounts.scim.models import ScimGroup
from accounts.sign_in.actions import policy_change
from accounts.sign_in.models import IdentityProvider
from accounts.tests.sign_in.conftest import BACK, ELSEWHERE
from conftest import PASSWORD, Host
from tenants.context import entered
from tenants.models import Organisation
from tests.identity.running import signed_in_at

SETTINGS = "/people/sign-in/"
FORM = {
    "client_id": "vena",
    "secret": "a secret of the client's",
    "makes_members": "on",
    "default_role": "member",
    "domains": "example.org",
    "role_claim": "groups",
    "role_map": "vena-admins = admin",
}


def set_up(host: Any, issuer: str, **more: str) -> str:
    """By the owner, on the page; the page's address. Not switched on yet."""
    response = host.post(f"{SETTINGS}add/", {"name": "Okta", "kind": "openid_connect"})
    page = str(response["Location"])
    assert BACK.partition("/accounts")[2] in host.get(page).content.decode()
    assert host.post(page, {**FORM, "issuer": issuer, **more}).status_code == 302
    return page


def act(host: Any, page: str, what: str) -> str:
    """What the page says after the button."""
    return str(host.post(f"{page}act/", {"act": what}, follow=True).content.decode())


@pytest.fixture
def provided(owner: Any, issuer: str) -> str:
    page = set_up(owner, issuer)
    assert "People can sign in with Okta now" in act(owner, page, "enable")
    return page


def change(organisation: Organisation, **fields: Any) -> None:
    with entered(organisation.schema_name):
        IdentityProvider.objects.update(**fields)


def round_trip(host: Host, login: str) -> Any:
    """Press the button, sign in there, come back."""
    page = host.get("/accounts/login/?next=/documents/").content.decode()
    found = re.search(r'href="(/accounts/oidc/okta/login/[^"]*)">Sign in with Okta<', page)
    assert found
    away = host.get(found.group(1).replace("&amp;", "&"))
    assert away.status_code == 302
    back = signed_in_at(away["Location"], BACK, login)
    return host.get(back.removeprefix("http://acme.localhost:8000"))


def who(host: Any) -> tuple[str, str] | None:
    response = host.get("/api/v1/me/")
    return (response.json()["email"], response.json()["role"]) if response.status_code == 200 else None


def test_somebody_new_becomes_a_member_with_the_role_of_their_group(
    acme: Organisation, provided: str, on_host: Any
) -> None:
    ada, bob = on_host(acme), on_host(acme)
    response = round_trip(ada, "ada")
    assert (response.status_code, response["Location"]) == (302, "/documents/")
    assert who(ada) == ("ada@example.org", "admin")
    round_trip(bob, "bob")
    assert who(bob) == ("bob@example.org", "member")
    with entered(acme.schema_name):
        user = User.objects.get(email="ada@example.org")
        assert (user.name, user.has_usable_password()) == ("Ada Lovelace", False)
        assert EmailAddress.objects.get(user=user).verified


def test_who_comes_again_is_the_same_and_has_the_role_of_today(acme: Organisation, provided: str, on_host: Any) -> None:
    round_trip(on_host(acme), "ada")
    change(acme, role_map={"staff": "finance"})
    host = on_host(acme)
    round_trip(host, "ada")
    assert who(host) == ("ada@example.org", "finance")
    with entered(acme.schema_name):
        assert User.objects.filter(email="ada@example.org").count() == SocialAccount.objects.count() == 1


def test_groups_follow_the_claim_and_others_stay(
    acme: Organisation, globex: Organisation, owner: Any, issuer: str, on_host: Any
) -> None:
    for organisation in (acme, globex):
        with entered(organisation.schema_name):
            for name in ("People", "Admins", "Choir", "Directory"):
                group = Group.objects.create(name=name)
            ScimGroup.objects.create(group=group)
    lines = "staff = People\nvena-admins = admins\nstaff = Directory"
    page = set_up(owner, issuer, group_claim="groups", group_map=lines)
    act(owner, page, "enable")
    round_trip(on_host(acme), "ada")
    with entered(acme.schema_name):
        ada = User.objects.get(email="ada@example.org")
        assert {group.name for group in ada.member_of.all()} == {"People", "Admins"}
        ada.member_of.add(Group.objects.get(name="Choir"))
        row = IdentityProvider.objects.get()
        row.group_map = [[value if name != "People" else "left", name] for value, name in named(row)]
        row.group_map = [[value, str(Group.objects.get(name=name).pk)] for value, name in row.group_map]
        row.save()
    round_trip(on_host(acme), "ada")
    with entered(acme.schema_name):
        assert {group.name for group in ada.member_of.all()} == {"Admins", "Choir"}
        told = AuditEvent.objects.filter(action=Action.MEMBERSHIPS_CHANGED, target_id=str(ada.pk))
        assert [one.detail["provider"] for one in told.order_by("id")] == ["okta", "okta"]
    with entered(globex.schema_name):
        assert not Group.objects.filter(members__isnull=False).exists()
    shown = owner.get(page).content.decode()
    assert "vena-admins = Admins" in shown
    refused = owner.post(page, {**FORM, "issuer": issuer, "group_claim": "groups", "group_map": "staff = Nobody"})
    assert refused.status_code == 422
    assert "one that is on the page Groups" in refused.content.decode()


def named(row: IdentityProvider) -> list[tuple[str, str]]:
    names = {str(group.pk): group.name for group in Group.objects.all()}
    return [(value, names[group_id]) for value, group_id in row.group_map]


def test_a_member_is_recognised_and_keeps_password_and_ownership(
    acme: Organisation, make_person: Any, provided: str, on_host: Any
) -> None:
    user = make_person(acme, "ada@example.org", Role.OWNER)
    host = on_host(acme)
    round_trip(host, "ada")
    assert who(host) == ("ada@example.org", "owner")
    with entered(acme.schema_name):
        assert SocialAccount.objects.get().user_id == user.pk
        assert User.objects.get(pk=user.pk).check_password(PASSWORD)


def test_an_address_that_the_provider_does_not_vouch_for_is_nobody(
    acme: Organisation, provided: str, on_host: Any
) -> None:
    """Eve claims the owner's address, unverified."""
    host = on_host(acme)
    response = round_trip(host, "eve")
    assert response.status_code == 403
    assert "no e-mail address that it may speak for" in response.content.decode()
    assert who(host) is None
    with entered(acme.schema_name):
        assert User.objects.count() == 1
        assert not SocialAccount.objects.exists()


@pytest.mark.parametrize(
    ("domains", "login", "comes_in"),
    [(["example.org"], "old", True), ([], "old", False), ([], "ada", True), (["other.example"], "ada", False)],
    ids=["domain vouches", "nobody vouches", "claim vouches", "another domain"],
)
def test_who_vouches(
    acme: Organisation, provided: str, on_host: Any, domains: list[str], login: str, comes_in: bool
) -> None:
    change(acme, domains=domains)
    host = on_host(acme)
    round_trip(host, login)
    assert (who(host) is not None) is comes_in


def test_where_nobody_is_made_a_member_strangers_stay_out(acme: Organisation, provided: str, on_host: Any) -> None:
    change(acme, makes_members=False)
    host = on_host(acme)
    assert "not a member" in round_trip(host, "bob").content.decode()
    assert who(host) is None


def test_a_deactivated_person_stays_out(acme: Organisation, make_person: Any, provided: str, on_host: Any) -> None:
    user = make_person(acme)
    with entered(acme.schema_name):
        User.objects.filter(pk=user.pk).update(is_active=False)
    host = on_host(acme)
    assert round_trip(host, "ada")["Location"] == "/accounts/inactive/"
    assert who(host) is None


def test_an_answer_that_nobody_asked_for_is_refused(acme: Organisation, provided: str, on_host: Any) -> None:
    """Nor does an answer work twice, or in another browser."""
    host, other = on_host(acme), on_host(acme)
    away = host.get("/accounts/oidc/okta/login/")
    back = signed_in_at(away["Location"], BACK, "bob").removeprefix("http://acme.localhost:8000")
    assert other.get(back).status_code == 401
    assert who(other) is None
    assert host.get(back).status_code == 302
    assert who(host) is not None
    host.post("/accounts/logout/")
    assert host.get(back).status_code == 401
    assert who(host) is None


def test_the_request_carries_pkce_and_a_state(acme: Organisation, provided: str, on_host: Any) -> None:
    asked = parse_qs(urlsplit(on_host(acme).get("/accounts/oidc/okta/login/")["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [BACK]
    assert len(asked["state"][0]) >= 16
    assert set(asked["scope"][0].split()) == {"openid", "profile", "email"}


def test_a_provider_belongs_to_one_organisation(
    acme: Organisation, globex: Organisation, provided: str, issuer: str, make_person: Any, on_host: Any
) -> None:
    there = on_host(globex)
    assert "Okta" not in there.get("/accounts/login/").content.decode()
    assert there.get("/accounts/oidc/okta/login/").status_code == 404
    # also when the other organisation uses the very same provider, its people are not members here
    make_person(globex, "olive@example.org", Role.OWNER)
    there.sign_in("olive@example.org")
    act(there, set_up(there, issuer), "enable")
    stranger = on_host(globex)
    away = stranger.get("/accounts/oidc/okta/login/")
    back = signed_in_at(away["Location"], ELSEWHERE, "bob").removeprefix("http://globex.localhost:8000")
    assert on_host(acme).get(back).status_code == 401
    stranger.get(back)
    assert who(stranger) == ("bob@example.org", "member")
    with entered(acme.schema_name):
        assert not SocialAccount.objects.exists()


def test_the_secret_is_encrypted_and_never_shown(acme: Organisation, owner: Any, provided: str) -> None:
    with entered(acme.schema_name):
        row = IdentityProvider.objects.get()
    assert FORM["secret"] not in row.sealed_secret
    assert FORM["secret"] not in owner.get(provided).content.decode()
    owner.post(provided, {**FORM, "secret": "", "issuer": row.issuer})
    with entered(acme.schema_name):
        assert IdentityProvider.objects.get().sealed_secret == row.sealed_secret


def test_another_issuer_starts_its_people_afresh(acme: Organisation, owner: Any, provided: str, on_host: Any) -> None:
    round_trip(on_host(acme), "bob")
    owner.post(provided, {**FORM, "issuer": "http://127.0.0.1:9"})
    with entered(acme.schema_name):
        assert not SocialAccount.objects.exists()
        assert User.objects.filter(email="bob@example.org").exists()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://127.0.0.1:9", "Nothing answers"),
        ("{issuer}/auth", "answers with 4"),
        ("http://localhost:{port}", "calls itself"),
        ("http://169.254.169.254", "Nothing answers"),
        ("http://example.org.invalid", "Nothing answers"),
    ],
    ids=["nobody there", "another page", "another name", "metadata of a cloud", "no such host"],
)
def test_the_test_says_what_is_wrong(owner: Any, issuer: str, address: str, says: str) -> None:
    page = set_up(owner, address.format(issuer=issuer, port=issuer.rpartition(":")[2]))
    assert says in owner.get(page).content.decode()
    assert "can sign in with Okta now" not in act(owner, page, "enable")


@pytest.fixture
def enforced(acme: Organisation, provided: str, make_person: Any) -> User:
    """The provider is required; Kay keeps a key."""
    kay: User = make_person(acme, "kay@example.org", Role.OWNER)
    make_person(acme)
    with entered(acme.schema_name):
        policy_change(second_factor=False, provider=True, key_holders=[kay])
    return kay


def test_where_the_provider_is_required_a_password_opens_nothing(
    acme: Organisation, globex: Organisation, enforced: User, make_person: Any, on_host: Any
) -> None:
    host = on_host(acme)
    response = host.sign_in("ada@example.org")
    assert response["Location"] == "/accounts/login/"
    assert "signs in with its identity provider" in host.get("/accounts/login/").content.decode()
    assert who(host) is None
    round_trip(host, "ada")
    assert who(host) == ("ada@example.org", "admin")
    make_person(globex)
    assert on_host(globex).sign_in("ada@example.org")["Location"] == "/"


def test_the_provider_comes_first_on_the_page_where_it_is_required(
    acme: Organisation, globex: Organisation, enforced: User, on_host: Any
) -> None:
    page = on_host(acme).get("/accounts/login/").content.decode()
    assert 0 < page.index("Sign in with Okta") < page.index("Another way, for owners") < page.index('name="password"')
    assert "Another way, for owners" not in on_host(globex).get("/accounts/login/").content.decode()


def test_the_holder_of_a_key_still_gets_in(acme: Organisation, enforced: User, on_host: Any) -> None:
    host = on_host(acme)
    host.sign_in(enforced.email)
    assert who(host) == ("kay@example.org", "owner")


def test_who_came_in_by_a_password_is_signed_out_when_it_is_required(
    acme: Organisation,
    owner: Any,
    provided: str,
    make_person: Any,
    on_host: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    make_person(acme, "kay@example.org", Role.OWNER)
    kay, bob = on_host(acme), on_host(acme)
    kay.sign_in("kay@example.org")
    round_trip(bob, "bob")
    with entered(acme.schema_name):
        holder = User.objects.get(email="kay@example.org")
    with django_capture_on_commit_callbacks(execute=True):
        assert owner.post(SETTINGS, {"provider": "on", "key_holders": [str(holder.pk)]}).status_code == 302
    assert who(owner) is None
    assert who(kay) is not None
    assert who(bob) is not None


@pytest.mark.parametrize("lacks", ["provider", "key holder"])
def test_it_can_not_be_required_when_that_would_shut_everybody_out(
    acme: Organisation, owner: Any, provided: str, lacks: str
) -> None:
    if lacks == "provider":
        act(owner, provided, "disable")
    with entered(acme.schema_name):
        holders = [] if lacks == "key holder" else [str(User.objects.get().pk)]
    response = owner.post(SETTINGS, {"provider": "on", "key_holders": holders})
    assert response.status_code == 422
    assert who(owner) is not None


def test_a_required_provider_can_not_be_taken_away(
    acme: Organisation, owner: Any, enforced: User, on_host: Any
) -> None:
    host = on_host(acme)
    host.sign_in(enforced.email)
    with entered(acme.schema_name):
        page = f"{SETTINGS}{IdentityProvider.objects.get().pk}/"
    for what in ("disable", "remove"):
        assert "Everybody has to sign in by this provider" in act(host, page, what)
    with entered(acme.schema_name):
        assert IdentityProvider.objects.get().is_enabled


def test_who_comes_by_the_provider_brings_the_second_factor_from_there(
    acme: Organisation, provided: str, on_host: Any
) -> None:
    with entered(acme.schema_name):
        policy_change(second_factor=True, provider=False, key_holders=[])
    host = on_host(acme)
    round_trip(host, "bob")
    assert who(host) == ("bob@example.org", "member")


@pytest.mark.parametrize("role", ["admin", "finance", "member"])
@pytest.mark.parametrize("path", [SETTINGS, f"{SETTINGS}add/"])
def test_only_owners_say_how_people_sign_in(
    acme: Organisation, make_person: Any, on_host: Any, role: str, path: str
) -> None:
    make_person(acme, "ann@example.org", role)
    host = on_host(acme)
    host.sign_in("ann@example.org")
    form = {"name": "Mine", "kind": "openid_connect", "second_factor": "on"}
    assert host.post(path, form).status_code == 403
    with entered(acme.schema_name):
        assert not IdentityProvider.objects.exists()


def test_a_secret_is_not_kept_for_after_the_question_who_it_is(
    acme: Organisation, owner: Any, issuer: str, settings: Any
) -> None:
    page = set_up(owner, issuer)
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    response = owner.post(page, {**FORM, "issuer": issuer, "secret": "typed just now"})
    assert response["Location"].startswith("/accounts/reauthenticate/?next=")
    assert "typed just now" not in str(dict(owner.session.items()))
