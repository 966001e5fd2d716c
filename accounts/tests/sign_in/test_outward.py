"""Where an organisation's address may lead the server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from typing import Any

import pytest
import requests

from accounts.sign_in.outward import LARGEST, TooLarge, guarded_session


class Provider(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        size = LARGEST + 10 if self.path == "/large" else 5
        self.send_response(302 if self.path == "/away" else 200)
        self.send_header("Location", "http://10.0.0.1/secret")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(b"x" * size)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Provider) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that every name has in this test."""
    addresses: list[str] = []

    def look_up(host: str, port: int, **kwargs: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr("accounts.sign_in.outward.socket.getaddrinfo", look_up)
    return addresses


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Which addresses a socket was opened to; none really is."""
    seen: list[Any] = []

    def connect(address: Any, timeout: Any) -> socket.socket:
        seen.append(address)
        raise OSError("not in a test")

    monkeypatch.setattr("accounts.sign_in.outward.socket.create_connection", connect)
    return seen


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "::1", "fd00::1", "::ffff:10.0.0.1"]
)
def test_no_name_leads_into_a_private_network(
    settings: Any, named: list[str], reached: list[Any], address: str
) -> None:
    settings.VENA_IDENTITY_NETWORKS = []
    named[:] = ["93.184.216.34", address]
    with pytest.raises(requests.ConnectionError, match="leads where no identity provider may be"):
        guarded_session().get("https://idp.example/")
    assert reached == []


def test_the_socket_is_opened_to_the_address_that_was_checked(
    settings: Any, named: list[str], reached: list[Any]
) -> None:
    settings.VENA_IDENTITY_NETWORKS = []
    named[:] = ["93.184.216.34"]
    with pytest.raises(requests.ConnectionError):
        guarded_session().get("https://idp.example/")
    assert reached == [("93.184.216.34", 443)]


def test_plain_http_goes_to_the_operators_networks_only(
    settings: Any, named: list[str], reached: list[Any], server: str
) -> None:
    named[:] = ["93.184.216.34"]
    with pytest.raises(requests.ConnectionError, match="leads where"):
        guarded_session().get("http://idp.example/")
    assert reached == []


def test_a_network_that_the_operator_named_is_reached(settings: Any, server: str) -> None:
    assert any(ip_address("127.0.0.1") in network for network in settings.VENA_IDENTITY_NETWORKS)
    assert guarded_session().get(server).text == "xxxxx"


def test_a_redirect_is_checked_as_well(server: str) -> None:
    with pytest.raises(requests.ConnectionError, match="leads where"):
        guarded_session().get(f"{server}/away")


def test_an_answer_without_end_is_cut_off(server: str) -> None:
    with pytest.raises(TooLarge):
        guarded_session().get(f"{server}/large")
