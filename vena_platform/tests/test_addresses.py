"""Whose address is believed: the peer's, and Cloudflare's word only when Cloudflare says it."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from tenants.models import Organisation
from vena_platform.addresses import client_address, is_cloudflare, network_of

EDGE = "173.245.48.1"


@pytest.mark.parametrize(
    ("peer", "header", "client"),
    [
        (EDGE, "192.0.2.7", "192.0.2.7"),
        ("2400:cb00::1", "2001:db8::7", "2001:db8::7"),
        (f"::ffff:{EDGE}", "192.0.2.7", "192.0.2.7"),
        ("198.51.100.9", "192.0.2.7", "198.51.100.9"),
        ("127.0.0.1", "192.0.2.7", "127.0.0.1"),
        ("10.0.0.8", "192.0.2.7", "10.0.0.8"),
        (EDGE, "", EDGE),
        (EDGE, "192.0.2.7, 192.0.2.8", EDGE),
        (EDGE, "<script>", EDGE),
        ("", "192.0.2.7", ""),
        ("unix:", "192.0.2.7", ""),
    ],
)
def test_who_is_believed(peer: str, header: str, client: str) -> None:
    assert client_address(peer, header) == client


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("x", ""),
    ],
)
def test_limits_count_by_what_one_customer_has(address: str, network: str) -> None:
    assert network_of(address) == network


def test_cloudflares_networks_are_all_there_and_public(settings: Any) -> None:
    networks = settings.VENA_CLOUDFLARE_NETWORKS
    assert (len(networks), len([one for one in networks if one.version == 4])) == (22, 15)
    assert all(network.is_global for network in networks)
    assert ip_network("0.0.0.0/0") not in networks
    is_cloudflare.cache_clear()
    settings.VENA_CLOUDFLARE_NETWORKS = []
    assert not is_cloudflare(EDGE)
    is_cloudflare.cache_clear()


def test_who_guesses_passwords_can_not_change_their_address(acme: Organisation, make_person: Any, on_host: Any) -> None:
    """With another address for each try by a header that anybody can send."""
    make_person(acme)
    host = on_host(acme)
    for number in range(20):
        host.post(
            "/accounts/login/",
            {"login": f"nobody{number}@example.org", "password": "wrong password"},
            headers={"cf-connecting-ip": f"192.0.2.{number}", "x-forwarded-for": f"192.0.2.{number}"},
        )
    assert host.sign_in("ada@example.org").status_code != 302
    assert host.get("/api/v1/me/").status_code == 401
