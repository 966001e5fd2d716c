"""robots.txt is asked for once, obeyed, and not taken for a wall where there is none."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache

from knowledge.errors import UrlForbiddenByRobots, UrlNotAllowed, UrlRateLimited, UrlUnreachable
from knowledge.ingestion.web.robots import Robots
from knowledge.tests.ingestion.web.conftest import Site, answer, fetched, fetcher_for, redirect

RULES = b"""User-agent: *
Disallow: /private/
Disallow: /*.print$
Allow: /private/open

User-agent: VenaBot
Disallow: /not-for-vena
"""


@pytest.fixture(autouse=True)
def _forget(django_db_setup: None) -> Any:
    cache.clear()


def get(site: Site, path: str) -> bytes:
    fetcher = fetcher_for(site)
    return fetched(fetcher, site.url(path), permit=Robots(fetcher).permit)[1]


def test_what_a_site_asks_is_done(site: Site) -> None:
    site.pages["/robots.txt"] = answer(RULES.replace(b"User-agent: VenaBot\n", b""), content_type="text/plain")
    for path in ("/", "/private/open", "/a.print.html"):
        site.page(path, "Page", "text")
        assert get(site, path)
    site.visits.clear()
    for path in ("/private/x", "/a/b.print", "/not-for-vena/1"):
        with pytest.raises(UrlForbiddenByRobots):
            get(site, path)
    assert site.visits == []  # the rules were kept, the pages were not touched


def test_rules_for_us_by_name_stand_before_those_for_all(site: Site) -> None:
    site.pages["/robots.txt"] = answer(RULES, content_type="text/plain")
    site.page("/private/x", "Page", "text")
    assert get(site, "/private/x")
    with pytest.raises(UrlForbiddenByRobots):
        get(site, "/not-for-vena")


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_no_rules_are_no_wall(site: Site, status: int) -> None:
    site.pages["/robots.txt"] = answer(status=status)
    site.page("/", "Page", "text")
    assert get(site, "/")


@pytest.mark.parametrize(("status", "error"), [(500, UrlUnreachable), (503, UrlRateLimited), (429, UrlRateLimited)])
def test_rules_that_cannot_be_had_forbid_for_now(site: Site, status: int, error: type[Exception]) -> None:
    site.pages["/robots.txt"] = answer(status=status)
    site.page("/", "Page", "text")
    with pytest.raises(error):
        get(site, "/")
    assert site.paths() == ["/robots.txt"]


def test_a_redirect_is_held_to_the_rules_as_well(site: Site) -> None:
    site.pages["/robots.txt"] = answer(RULES, content_type="text/plain")
    site.pages["/"] = redirect("/not-for-vena")
    with pytest.raises(UrlForbiddenByRobots):
        get(site, "/")


def test_the_rules_themselves_come_from_nowhere_private(site: Site) -> None:
    site.pages["/robots.txt"] = redirect("http://10.0.0.1/robots.txt")
    with pytest.raises(UrlNotAllowed):
        get(site, "/")


def test_the_start_of_a_huge_file_counts(site: Site) -> None:
    site.pages["/robots.txt"] = answer(b"User-agent: *\nDisallow: /x\n" + b"#" * 2_000_000, content_type="text/plain")
    site.page("/y", "Page", "text")
    assert get(site, "/y")
    with pytest.raises(UrlForbiddenByRobots):
        get(site, "/x")
