"""Own domains: shown in the DNS before they lead anywhere, given up when they are not shown, of one organisation."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.audit.models import AuditEvent
from accounts.organisation.domain_tasks import look_at_domains, look_at_domains_of
from accounts.permissions import Role
from tenants.actions import organisation_entitle
from tenants.context import entered
from tenants.domains.actions import (
    claim_recheck,
    claims_expire,
    domain_check,
    domain_claim,
    domain_make_primary,
    domain_remove,
    redirect_choose,
)
from tenants.domains.errors import (
    DnsUnreachable,
    DomainClaimed,
    DomainNotPossible,
    DomainNotProved,
    DomainOurs,
    DomainTaken,
    RecordMissing,
    RecordWrong,
    TooManyDomains,
)
from tenants.domains.models import DomainClaim
from tenants.domains.names import own_host
from tenants.entitlements import Entitlements
from tenants.errors import NotInPlan
from tenants.models import Domain, Organisation
from tenants.selectors import organisation_for_host, organisation_url
from tests.dns import DnsServer, dns_server

HOST = "chat.acme-works.com"


@pytest.fixture(scope="module")
def server() -> Iterator[DnsServer]:
    with dns_server() as made:
        yield made


@pytest.fixture
def dns(server: DnsServer, settings: Any, monkeypatch: pytest.MonkeyPatch, db: None) -> DnsServer:
    DomainClaim.objects.all().delete()
    server.records.clear()
    server.is_silent = False
    settings.VENA_DNS_SERVERS = [server.address]
    monkeypatch.setattr("tenants.domains.lookups.SECONDS", 0.6)
    return server


def shown(dns: DnsServer, row: DomainClaim) -> DomainClaim:
    dns.txt(row.record_name, "v=spf1 -all", row.record_value)
    return domain_check(row)


def whose(host: str) -> Organisation | None:
    return organisation_for_host(host)


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("chat.example.com", "chat.example.com"),
        (" HTTPS://Chat.Example.com/path?x=1 ", "chat.example.com"),
        ("www.example.co.uk.", "example.co.uk"),
        ("bücher.example.com", "xn--bcher-kva.example.com"),
    ],
)
def test_names_are_written_in_one_way(typed: str, host: str) -> None:
    assert own_host(typed) == host


@pytest.mark.parametrize(
    "typed",
    [
        *("", "com", "a b.com", "10.0.0.1", "127.1", "[::1]", "example.com:8000", "user@example.com", "-a.example.com"),
        *("a..example.com", f"{'a' * 64}.com", f"{'a.' * 130}com", "*.example.com", "_dmarc.example.com", "https://"),
    ],
)
def test_what_is_no_host_name_is_refused(typed: str) -> None:
    with pytest.raises(DomainNotPossible):
        own_host(typed)


@pytest.mark.parametrize("typed", ["localhost", "acme.localhost", "www.acme.localhost", "vena.example.org"])
def test_our_own_names_are_nobodys(typed: str, settings: Any) -> None:
    settings.VENA_PLATFORM_DOMAINS = ["example.org"]
    with pytest.raises(DomainNotPossible):
        own_host(typed)


def test_names_that_lead_nowhere_are_refused_outside_of_tests(settings: Any) -> None:
    settings.VENA_OWN_DOMAINS_RESERVED = False
    for typed in ("chat.test", "printer.local", "chat.internal"):
        with pytest.raises(DomainNotPossible):
            own_host(typed)
    with pytest.raises(DomainOurs):
        own_host("x.localhost")


@given(st.text(max_size=80) | st.from_regex(r"[a-z0-9.-]{1,60}", fullmatch=True))
def test_whatever_is_taken_is_a_name_that_stays_itself(typed: str) -> None:
    try:
        host = own_host(typed)
    except DomainNotPossible:
        return
    assert own_host(host) == host
    assert "." in host
    assert not set(host) - set("abcdefghijklmnopqrstuvwxyz0123456789.-")


# -- showing it -----------------------------------------------------------------------------------


def test_a_claim_leads_nowhere_before_it_is_shown(acme: Organisation, dns: DnsServer) -> None:
    row = domain_claim(acme, HOST)
    assert whose(HOST) is None
    with pytest.raises(RecordMissing):
        domain_check(row)
    dns.txt(row.record_name, "vena-verification=of-somebody-else")
    with pytest.raises(RecordWrong):
        domain_check(row)
    row.refresh_from_db()
    assert (row.state, row.failure_code) == ("waiting", "dns_record_wrong")
    assert whose(HOST) is None
    shown(dns, row)
    row.refresh_from_db()
    assert (row.state, row.failure_code) == ("proved", "")
    assert whose(HOST) == acme
    assert whose(f"www.{HOST}:8000") == acme


def test_a_dns_that_does_not_answer_is_not_a_no(acme: Organisation, dns: DnsServer) -> None:
    row = domain_claim(acme, HOST)
    shown(dns, row)
    dns.is_silent = True
    with pytest.raises(DnsUnreachable):
        domain_check(row)
    assert claim_recheck(DomainClaim.objects.get(pk=row.pk)) == ""
    assert whose(HOST) == acme


def test_it_is_said_whether_requests_come_here(acme: Organisation, dns: DnsServer, settings: Any) -> None:
    settings.VENA_CNAME_TARGET = "edge.vena.test"
    row = domain_claim(acme, HOST)
    dns.records[HOST, "CNAME"] = ["elsewhere.example.com."]
    assert shown(dns, row).points_here is False
    dns.records[HOST, "CNAME"] = ["edge.vena.test."]
    assert domain_check(row).points_here is True
    del dns.records[HOST, "CNAME"]
    dns.records[HOST, "A"] = ["192.0.2.7"]
    dns.records["edge.vena.test", "A"] = ["192.0.2.7"]
    assert domain_check(row).points_here is True


def test_of_two_who_claim_it_the_one_who_shows_it_gets_it(
    acme: Organisation, globex: Organisation, dns: DnsServer
) -> None:
    squatter, owner = domain_claim(globex, HOST), domain_claim(acme, HOST)
    assert squatter.token != owner.token
    shown(dns, owner)
    with pytest.raises(RecordWrong):
        domain_check(squatter)
    assert whose(HOST) == acme
    dns.txt(owner.record_name, owner.record_value, squatter.record_value)  # sold, say
    with pytest.raises(DomainTaken):
        domain_check(squatter)
    assert whose(HOST) == acme
    domain_remove(owner)
    assert whose(HOST) is None
    domain_check(squatter)
    assert whose(HOST) == globex


def test_another_organisations_own_address_is_not_to_be_had(
    acme: Organisation, globex: Organisation, dns: DnsServer, settings: Any
) -> None:
    settings.VENA_BASE_DOMAIN = "vena.test"
    with pytest.raises(DomainOurs):
        domain_claim(globex, "acme.vena.test")
    row = domain_claim(globex, "acme.localhost")
    with pytest.raises(DomainTaken):
        shown(dns, row)
    assert whose("acme.localhost") == acme


def test_claims_are_few_and_for_plans_that_have_them(acme: Organisation, dns: DnsServer) -> None:
    for number in range(10):
        domain_claim(acme, f"{number}.example.com")
    with pytest.raises(TooManyDomains):
        domain_claim(acme, HOST)
    with pytest.raises(DomainClaimed):
        domain_claim(acme, "https://1.example.com")
    organisation_entitle(acme, Entitlements(features=()))
    with pytest.raises(NotInPlan):
        domain_claim(acme, HOST)


# -- every day ------------------------------------------------------------------------------------


def test_a_domain_that_is_not_shown_for_a_week_is_out_of_use_and_owners_are_told(
    acme: Organisation, globex: Organisation, dns: DnsServer, make_person: Any, mailoutbox: list[Any]
) -> None:
    make_person(acme, "owner@acme.example", Role.OWNER)
    make_person(acme, "member@acme.example", Role.MEMBER)
    make_person(globex, "owner@globex.example", Role.OWNER)
    row = domain_claim(acme, HOST)
    shown(dns, row)
    dns.records.clear()
    look_at_domains()
    look_at_domains_of(schema_name=acme.schema_name)
    assert whose(HOST) == acme
    assert [mail.subject for mail in mailoutbox] == [f"Acme: {HOST} is no longer shown to be yours"]
    assert row.record_value in mailoutbox[0].body
    DomainClaim.objects.update(missing_since=timezone.now() - timedelta(days=8))
    look_at_domains_of(schema_name=acme.schema_name)
    assert whose(HOST) is None
    assert mailoutbox[-1].subject == f"Acme: {HOST} is out of use"
    assert {address for mail in mailoutbox for address in mail.bcc} == {"owner@acme.example"}
    shown(dns, DomainClaim.objects.get(pk=row.pk))
    assert whose(HOST) == acme


def test_a_record_that_is_back_in_time_is_forgiven(acme: Organisation, dns: DnsServer) -> None:
    row = shown(dns, domain_claim(acme, HOST))
    dns.records.clear()
    assert claim_recheck(row) == "missing"
    dns.txt(row.record_name, row.record_value)
    assert claim_recheck(row) == ""
    assert (row.missing_since, row.failure_code) == (None, "")


def test_claims_that_nobody_follows_up_go(acme: Organisation, dns: DnsServer) -> None:
    waiting, used = domain_claim(acme, HOST), shown(dns, domain_claim(acme, "b.example.com"))
    DomainClaim.objects.update(made_at=timezone.now() - timedelta(days=15))
    claims_expire()
    assert not DomainClaim.objects.filter(pk=waiting.pk).exists()
    assert whose(used.host) == acme


# -- the main one ---------------------------------------------------------------------------------


def test_the_main_one_is_in_links_and_only_one_that_is_in_use_can_be(acme: Organisation, dns: DnsServer) -> None:
    row = domain_claim(acme, HOST)
    with pytest.raises(DomainNotProved):
        domain_make_primary(row, acme)
    shown(dns, row)
    domain_make_primary(row, acme)
    assert organisation_url(acme) == f"http://{HOST}:8000"
    assert Domain.objects.filter(tenant=acme, is_primary=True).count() == 1
    domain_remove(row)
    assert organisation_url(acme) == "http://acme.localhost:8000"


def test_pages_lead_to_the_main_one_and_nothing_else_does(
    acme: Organisation, dns: DnsServer, client: Any, make_person: Any, on_host: Any
) -> None:
    make_person(acme, "ada@acme.example")
    row = shown(dns, domain_claim(acme, HOST))
    domain_make_primary(row, acme)

    def asked(path: str, host: str = "acme.localhost", method: str = "get", accept: str = "text/html") -> Any:
        return getattr(client, method)(path, HTTP_HOST=host, HTTP_ACCEPT=accept)

    assert asked("/documents/?q=a")["Location"].startswith("/accounts/login/")  # both show their pages
    redirect_choose(acme, is_redirected=True)
    led = asked("/documents/?q=a")
    assert (led.status_code, led["Location"]) == (302, f"http://{HOST}:8000/documents/?q=a")
    assert asked("/documents/", host=HOST)["Location"].startswith("/accounts/login/")
    for path in ("/accounts/login/", "/api/v1/me/", "/v1/models", "/scim/v2/Users", "/brand.css", "/favicon.ico"):
        assert HOST not in asked(path).get("Location", ""), path
    assert HOST not in asked("/documents/", method="post").get("Location", "")
    assert HOST not in asked("/documents/", accept="application/json").get("Location", "")
    browser = on_host(acme)  # whose own domain fails one day signs in here, and stays
    browser.sign_in("ada@acme.example")
    assert browser.get("/documents/", HTTP_ACCEPT="text/html").status_code == 200


def test_a_session_of_one_address_is_none_at_another_and_none_at_another_organisation(
    acme: Organisation, globex: Organisation, dns: DnsServer, make_person: Any, on_host: Any, client: Any
) -> None:
    make_person(acme, "ada@acme.example")
    shown(dns, domain_claim(acme, HOST))
    other = domain_claim(globex, "chat.globex.com")
    shown(dns, other)
    browser = on_host(acme)
    browser.sign_in("ada@acme.example")
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
    assert all(not morsel["domain"] for morsel in browser.cookies.values())
    stolen = client.get("/api/v1/me/", HTTP_HOST="chat.globex.com", HTTP_COOKIE=cookies)
    assert stolen.status_code in {401, 403}
    mine = client.get("/api/v1/me/", HTTP_HOST=HOST, HTTP_COOKIE=cookies)
    assert (mine.status_code, mine.json()["email"]) == (200, "ada@acme.example")


def test_https_is_promised_for_the_own_host_alone(
    acme: Organisation, dns: DnsServer, client: Any, settings: Any
) -> None:
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = 3600, True
    shown(dns, domain_claim(acme, HOST))

    def promised(host: str) -> str:
        return str(client.get("/accounts/login/", HTTP_HOST=host, secure=True)["Strict-Transport-Security"])

    assert promised(HOST) == "max-age=3600"  # what is below their domain is theirs
    assert promised("acme.localhost") == "max-age=3600; includeSubDomains"


# -- pages ----------------------------------------------------------------------------------------


@pytest.fixture
def owner(acme: Organisation, make_person: Any, on_host: Any) -> Any:
    make_person(acme, "owner@acme.example", Role.OWNER)
    browser = on_host(acme)
    browser.sign_in("owner@acme.example")
    return browser


def words(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_an_admin_adds_shows_and_removes_a_domain_on_the_page(acme: Organisation, dns: DnsServer, owner: Any) -> None:
    page = "/organisation/domains/"
    assert "belongs to your organisation" in words(owner.post(page, {"host": "globex.localhost"}))
    assert owner.post(page, {"host": HOST}).status_code == 302
    row = DomainClaim.objects.get()
    shown_page = words(owner.get(page))
    assert row.record_name in shown_page
    assert row.record_value in shown_page
    one = f"{page}{row.pk}/"
    assert "not in the DNS yet" in words(owner.post(one, {"act": "check"}, follow=True))
    dns.txt(row.record_name, row.record_value)
    assert "leads here now" in words(owner.post(one, {"act": "check"}, follow=True))
    assert f"Letters and links say {HOST}" in words(owner.post(one, {"act": "main"}, follow=True))
    owner.post(f"{page}main/", {"act": "lead"})
    assert Organisation.objects.get(pk=acme.pk).leads_to_primary
    assert "does not lead here any more" in words(owner.post(one, {"act": "remove"}, follow=True))
    acme.refresh_from_db()
    assert not acme.leads_to_primary
    with entered(acme.schema_name):
        told = AuditEvent.objects.filter(action="domain.changed").order_by("pk").values_list("detail__what", flat=True)
        assert list(told) == ["added", "proved", "made the main one", "redirect on", "removed"]


def test_another_organisations_claim_is_not_there(
    acme: Organisation, globex: Organisation, dns: DnsServer, owner: Any
) -> None:
    theirs = shown(dns, domain_claim(globex, HOST))
    owner.post(f"/organisation/domains/{theirs.pk}/", {"act": "remove"})
    assert whose(HOST) == globex
    assert HOST not in words(owner.get("/organisation/domains/"))


# -- the edge -------------------------------------------------------------------------------------


class Edge(BaseHTTPRequestHandler):
    """Speaks Cloudflare's `custom_hostnames`."""

    rows: dict[str, dict[str, Any]] = {}
    is_down = False

    def answer(self, status: int, result: Any) -> None:
        body = json.dumps({"success": status < 400, "errors": [], "result": result}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refused(self) -> bool:
        is_known = self.headers["Authorization"] == "Bearer edge-token" and self.path.startswith("/zones/zone-1/")
        if self.is_down or not is_known:
            self.answer(500 if self.is_down else 403, None)
            return True
        return False

    def do_GET(self) -> None:
        if not self.refused():
            wanted = parse_qs(urlsplit(self.path).query)["hostname"][0]
            self.answer(200, [row for row in self.rows.values() if row["hostname"] == wanted])

    def do_POST(self) -> None:
        if not self.refused():
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            row = {"id": f"id-{len(self.rows)}", "hostname": asked["hostname"], "ssl": {"status": "pending_validation"}}
            self.rows[row["id"]] = row
            self.answer(201, row)

    def do_DELETE(self) -> None:
        if not self.refused():
            self.rows.pop(self.path.rpartition("/")[2])
            self.answer(200, {"id": "gone"})

    def log_message(self, *args: Any) -> None:
        return


@pytest.fixture
def edge(settings: Any) -> Iterator[type[Edge]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Edge)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.CLOUDFLARE_API_TOKEN, settings.CLOUDFLARE_ZONE_ID = "edge-token", "zone-1"
    settings.CLOUDFLARE_API_BASE = f"http://127.0.0.1:{server.server_port}"
    Edge.rows, Edge.is_down = {}, False
    yield Edge
    server.shutdown()
    server.server_close()


def test_the_edge_is_told_of_domains_in_use(
    acme: Organisation,
    dns: DnsServer,
    edge: type[Edge],
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    row = domain_claim(acme, HOST)
    assert not edge.rows
    shown(dns, row)
    assert [one["hostname"] for one in edge.rows.values()] == [HOST]
    assert "certificate is being made" in row.edge_note
    domain_check(row)
    assert len(edge.rows) == 1
    edge.rows["id-0"]["ssl"]["status"] = "active"
    claim_recheck(row)
    assert row.edge_note == ""
    with django_capture_on_commit_callbacks(execute=True):
        domain_remove(row)
    assert not edge.rows


def test_an_edge_that_fails_keeps_nobody_out_and_is_asked_again(
    acme: Organisation, dns: DnsServer, edge: type[Edge]
) -> None:
    edge.is_down = True
    row = shown(dns, domain_claim(acme, HOST))
    assert (row.state, row.is_at_edge) == ("proved", False)
    assert "tried again" in row.edge_note
    edge.is_down = False
    claim_recheck(row)
    assert [one["hostname"] for one in edge.rows.values()] == [HOST]
