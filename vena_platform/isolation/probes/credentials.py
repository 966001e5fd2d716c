"""Cookie, key and password of one organisation at the host of another, at the platform's and at nobody's."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings

from tenants.selectors import base_url
from vena_platform.isolation.types import Act, Attempt, Pair, Seen, World
from vena_platform.isolation.wire import Browser, Reply

# Opened with the cookie.
PAGES = (
    *("/", "/documents/", "/people/", "/usage/", "/usage/budgets/", "/privacy/", "/me/", "/me/keys/", "/admin/"),
    *("/knowledge/answers/", "/knowledge/quality/", "/admin/accounts/auditevent/", "/admin/isolation/"),
    *("/api/v1/me/", "/api/v1/documents/", "/api/v1/conversations/", "/api/v1/people/", "/api/v1/audit/"),
)
# Opened with the API key.
KEY_ADDRESSES = (
    *("/api/v1/me/", "/api/v1/documents/", "/api/v1/collections/", "/api/v1/conversations/", "/api/v1/usage/"),
    *("/api/v1/budgets/", "/v1/models"),
)


def shown(reply: Reply) -> Seen:
    return Seen(reply.in_words, reply.status == 200)


def with_cookie(pair: Pair, host: str, path: str) -> Seen:
    return shown(Browser(pair.address, host, cookies=pair.theirs.cookies).ask("GET", path))


def with_key(pair: Pair, host: str, path: str) -> Seen:
    return shown(Browser(pair.address, host, key=pair.theirs.key).ask("GET", path))


def with_password(pair: Pair, host: str) -> Seen:
    is_in = Browser(pair.address, host).sign_in(pair.theirs.email, pair.theirs.password)
    return Seen("signed in" if is_in else "the form again", is_in)


def cookie_at(path: str) -> Attempt:
    return Attempt(
        "Sessions",
        f"The other's session cookie opens {path}",
        lambda pair: with_cookie(pair, pair.ours.host, path),
        lambda pair: with_cookie(pair, pair.theirs.host, path),
    )


def key_at(path: str) -> Attempt:
    return Attempt(
        "API keys",
        f"The other's API key opens {path}",
        lambda pair: with_key(pair, pair.ours.host, path),
        lambda pair: with_key(pair, pair.theirs.host, path),
    )


# -- hosts ----------------------------------------------------------------------------------------


def platform_host() -> str:
    return urlsplit(base_url(settings.VENA_BASE_DOMAIN)).netloc


def at_host(host: str, path: str, pair: Pair) -> Seen:
    return with_cookie(pair, host, path)


def who_am_i(pair: Pair, world: World, **headers: str) -> Seen:
    """Whose data a request gets that names one host and forwards another: `is_open` if they are the other's."""
    browser = Browser(pair.address, pair.ours.host, cookies=pair.ours.cookies)
    if world is pair.theirs:
        browser = Browser(pair.address, pair.theirs.host, cookies=pair.theirs.cookies)
    reply = browser.ask("GET", "/api/v1/me/", **headers)
    is_theirs = pair.theirs.marker in reply.text
    return Seen("the other's data" if is_theirs else f"{reply.status}, one's own data", is_theirs)


def forwarded(pair: Pair) -> Seen:
    return who_am_i(pair, pair.ours, X_Forwarded_Host=pair.theirs.host)


def at_home(path: str) -> Act:
    return lambda pair: with_cookie(pair, pair.theirs.host, path)


ATTEMPTS = (
    *(cookie_at(path) for path in PAGES),
    *(key_at(path) for path in KEY_ADDRESSES),
    Attempt(
        "Sign-in",
        "The other's e-mail address and password sign in",
        lambda pair: with_password(pair, pair.ours.host),
        lambda pair: with_password(pair, pair.theirs.host),
    ),
    Attempt(
        "Hosts",
        "An organisation's session opens the platform's own admin site",
        lambda pair: at_host(platform_host(), "/admin/", pair),
        at_home("/admin/"),
    ),
    Attempt(
        "Hosts",
        "An organisation's session opens the API at the platform's host",
        lambda pair: at_host(platform_host(), "/api/v1/me/", pair),
        at_home("/api/v1/me/"),
    ),
    Attempt(
        "Hosts",
        "An organisation's session opens anything at a host that nobody has",
        lambda pair: at_host(f"nobody-{pair.theirs.host}", "/api/v1/me/", pair),
        at_home("/api/v1/me/"),
    ),
    Attempt(
        "Hosts",
        "A forwarded host name leads to the other organisation",
        forwarded,
        lambda pair: who_am_i(pair, pair.theirs),
    ),
)
