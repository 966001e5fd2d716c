"""Which addresses may be fetched: by table, and by any private address in any disguise."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from knowledge.errors import UrlNotAllowed
from knowledge.ingestion.web.addresses import Rules, address_of, checked, linked
from vena_platform.networks import is_public

RULES = Rules()


@pytest.mark.parametrize(
    ("given_url", "url"),
    [
        ("http://example.com", "http://example.com/"),
        ("  HTTPS://Example.COM:443/A?b=c#part ", "https://example.com/A?b=c"),
        ("http://example.com:80/a b".replace(" ", "%20"), "http://example.com/a%20b"),
        ("https://example.com:80/", "https://example.com:80/"),
        ("https://example.com./x", "https://example.com/x"),
        ("https://bücher.example/größe?q=ä", "https://xn--bcher-kva.example/gr%C3%B6%C3%9Fe?q=%C3%A4"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700:4700:0::1111]/", "https://[2606:4700:4700::1111]/"),
        ("https://under_score.example/", "https://under_score.example/"),
        ("https://example.com?x=1", "https://example.com/?x=1"),
    ],
)
def test_one_way_to_write_each_address(given_url: str, url: str) -> None:
    assert address_of(given_url, RULES).url == url
    assert address_of(url, RULES).url == url


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.com", "//example.com/", "ftp://example.com/", "file:///etc/passwd", "javascript:alert(1)"),
        *("gopher://example.com/", "data:text/html,x", "http:/example.com", "http:///x", "http://"),
        *("http://user@example.com/", "http://user:pass@example.com/", "http://@example.com/"),
        *("http://example.com:8080/", "http://example.com:22/", "http://example.com:0/", "http://example.com:99999/"),
        *("http://example.com\\@127.0.0.1/", "http://exa mple.com/", "http://example.com/\r\nHost: x", "http://a..b/"),
        *("http://127.0.0.1/", "http://127.1/", "http://0x7f.1/", "http://0x7f000001/", "http://2130706433/"),
        *("http://0177.0.0.1/", "http://017700000001/", "http://127.0.0.1./", "http://127.0.0.01/", "http://1.2.3/"),
        *("http://0/", "http://0x/", "http://256.1.1.1/", "http://1.2.3.4.5/", "http://example.0x10/"),
        *("http://１２７.0.0.1/", "http://①②⑦.0.0.1/", "http://127。0。0。1/", "http://%31%32%37.0.0.1/"),
        *(
            "http://[::1]/",
            "http://[::]/",
            "http://[::ffff:8.8.8.8]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::8.8.8.8]/",
        ),
        *("http://[fe80::1%25eth0]/", "http://[fe80::1]/", "http://[fd00:ec2::254]/", "http://[64:ff9b::808:808]/"),
        *("http://[64:ff9b:1::1]/", "http://[2002:808:808::]/", "http://[2001:0:808:808::1]/", "http://[ff02::1]/"),
        *("http://[2606:4700::5efe:10.0.0.1]/", "http://[2606:4700::200:5efe:192.168.0.1]/", "http://[v1.x]/"),
        *("http://169.254.169.254/latest/meta-data/", "http://168.63.129.16/", "http://100.100.100.200/"),
        *(
            "http://192.0.0.192/",
            "http://255.255.255.255/",
            "http://224.0.0.1/",
            "http://0.0.0.0/",
            "http://[::1",
            "http://[2606:4700::1111].com/",
        ),
        *("http://[2606:4700::1111]a:80/", "http://example.com/\ud800"),
        *("http://example.com/" + "x" * 2000, "http://" + "a" * 64 + ".com/", "http://-a.com/", "http://a%00.com/"),
    ],
)
def test_what_is_no_public_page_is_refused_before_anything_is_looked_up(url: str) -> None:
    with pytest.raises(UrlNotAllowed) as refusal:
        address_of(url, RULES)
    assert refusal.value.text.endswith(".")


PRIVATE_V4 = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
]
private_v4 = st.sampled_from(PRIVATE_V4).flatmap(lambda network: st.ip_addresses(v=4, network=network))
EMBEDDINGS = {
    "mapped": lambda v4: 0xFFFF << 32 | v4,
    "compatible": lambda v4: v4,
    "translated": lambda v4: 0xFFFF << 48 | v4,
    "6to4": lambda v4: 0x2002 << 112 | v4 << 80 | 1,
    "nat64": lambda v4: 0x64FF9B << 96 | v4,
    "nat64 local": lambda v4: 0x64FF9B0001 << 80 | v4,
    "teredo server": lambda v4: 0x20010000 << 96 | v4 << 64,
    "teredo client": lambda v4: 0x20010000 << 96 | 0x08080808 << 64 | (v4 ^ 0xFFFFFFFF),
    "isatap": lambda v4: 0x26064700 << 96 | 0x5EFE << 32 | v4,
    "isatap, global": lambda v4: 0x26064700 << 96 | 0x02005EFE << 32 | v4,
}


@given(v4=private_v4, embedding=st.sampled_from(sorted(EMBEDDINGS)))
@example(v4=IPv4Address("169.254.169.254"), embedding="nat64")
def test_a_private_address_is_refused_in_any_embedding(v4: IPv4Address, embedding: str) -> None:
    inside = IPv6Address(EMBEDDINGS[embedding](int(v4)))
    for address in (v4, inside):
        assert not is_public(address)
        host = f"[{address}]" if address.version == 6 else str(address)
        with pytest.raises(UrlNotAllowed):
            address_of(f"http://{host}/", RULES)


@given(v4=private_v4, number=st.sampled_from(["{:d}", "0x{:x}", "0{:o}", "0X{:X}", "{:d}."]))
def test_a_private_address_is_refused_as_a_number(v4: IPv4Address, number: str) -> None:
    with pytest.raises(UrlNotAllowed):
        address_of(f"http://{number.format(int(v4))}/", RULES)


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_public_here(address: IPv4Address | IPv6Address) -> None:
    if address.is_private or address.is_multicast or address.is_reserved or address.is_link_local:
        assert not is_public(address)


@given(st.text(max_size=60) | st.text(alphabet="htp:/@.[]%\\?#0127fx-é。", max_size=40).map("http://{}".format))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = address_of(text, RULES)
    except UrlNotAllowed:
        return
    assert address.url.isascii()
    assert "@" not in address.netloc
    assert address_of(address.url, RULES) == address


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4009::200e"]
)
def test_the_public_web_is_allowed(text: str) -> None:
    assert is_public(ip_address(text))


def test_one_private_address_among_several_spoils_all_of_them() -> None:
    mixed = [ip_address("93.184.216.34"), ip_address("10.0.0.7")]
    with pytest.raises(UrlNotAllowed):
        checked(mixed, RULES)
    assert checked(mixed[:1], RULES) == mixed[:1]


def test_an_operator_may_name_networks_and_ports_and_nothing_beside_them() -> None:
    rules = Rules(ports=frozenset([8080]), networks=(ip_network("10.1.0.0/16"),))
    assert address_of("http://10.1.2.3:8080/", rules).host == "10.1.2.3"
    for url in ("http://10.2.0.1:8080/", "http://10.1.2.3/", "http://[::ffff:10.1.2.3]:8080/"):
        with pytest.raises(UrlNotAllowed):
            address_of(url, rules)


def test_links_are_read_from_where_they_stand() -> None:
    base = address_of("https://example.com/a/b?c", RULES)
    assert linked(base, "../d", RULES).url == "https://example.com/d"
    assert linked(base, "//other.example/x", RULES).url == "https://other.example/x"
    for link in ("http://127.0.0.1/", "//[::1]/", "javascript:x", "http://[", "https://example.com@10.0.0.1/"):
        with pytest.raises(UrlNotAllowed):
            linked(base, link, RULES)
