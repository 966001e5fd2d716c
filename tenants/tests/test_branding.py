"""Colours that stay readable, and logos that hold nothing but a picture."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree  # type: ignore[import-untyped]
from PIL import Image

from tenants.branding.colours import AA, DARK, LIGHT, Theme, colour, contrast, oklch, shades_of
from tenants.branding.errors import LogoTooLarge, LogoUnreadable, LogoUnsafe
from tenants.branding.logos import KEPT_SIDE, MAX_BYTES, PNG, SVG, logo_from
from tenants.branding.stylesheet import stylesheet, words_of
from vena_platform.errors import VenaError

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
themes = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])


def picture(size: tuple[int, int] = (40, 20), **more: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", size, "#336699").save(out, "PNG", **more)
    return out.getvalue()


def drawing(inside: str = "", attributes: str = "") -> bytes:
    space = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {space} viewBox="0 0 9 9" {attributes}><path d="M0 0h9v9z" fill="#123456"/>{inside}</svg>'.encode()


# -- colours --------------------------------------------------------------------------------------


def test_contrast_is_what_wcag_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)  # the grey that famously just fails
    assert contrast("#767676", "#ffffff") == pytest.approx(4.542, abs=0.001)


@themes
@given(accent=colours)
def test_whatever_is_chosen_what_is_shown_can_be_read(theme: Theme, accent: str) -> None:
    shades = shades_of(accent, theme)
    for ground in (*theme.grounds, shades.wash):
        assert contrast(shades.accent, ground) >= AA
        assert contrast(shades.strong, ground) >= AA
    assert contrast(shades.on_accent, shades.accent) >= AA
    assert shades.is_changed or shades.accent == accent


@given(accent=colours)
def test_a_colour_comes_back_from_oklch(accent: str) -> None:
    assert all(
        abs(one - other) <= 1 for one, other in zip(channels(colour(*oklch(accent))), channels(accent), strict=True)
    )


def channels(code: str) -> list[int]:
    return [int(code[at : at + 2], 16) for at in (1, 3, 5)]


def test_a_pale_colour_is_told_and_replaced_in_light_and_kept_in_dark() -> None:
    light, dark = shades_of("#ffd400", LIGHT), shades_of("#ffd400", DARK)
    assert words_of(light, LIGHT) == (
        f"Contrast {light.asked:.1f} : 1 in light pages: too little to read (4.5 is needed). "
        f"{light.accent} is shown instead, with {light.used:.1f} : 1."
    )
    assert light.asked < 1.5
    assert dark.accent == "#ffd400"
    assert "shown as it is" in words_of(dark, DARK)


def test_the_style_sheet_holds_colours_and_nothing_else() -> None:
    text = stylesheet("#aa2244")
    assert shades_of("#aa2244", LIGHT).accent in text
    assert ':root[data-theme="dark"]' in text
    assert stylesheet("") == ""
    for broken in ("red", "#12345", "#aa2244}body{display:none", "#AA2244"):
        with pytest.raises(ValueError):
            stylesheet(broken)


# -- logos ----------------------------------------------------------------------------------------


def test_a_png_is_drawn_anew_without_what_was_hidden_in_it() -> None:
    # given a picture with a text chunk inside and a script behind its end
    hidden = b"tEXtComment\x00<script>alert(1)</script>"
    chunk = struct.pack(">I", len(hidden) - 4) + hidden + struct.pack(">I", zlib.crc32(hidden))
    whole = picture((900, 300))
    spoiled = whole[:33] + chunk + whole[33:] + b"<script>alert(2)</script>"
    assert Image.open(io.BytesIO(spoiled)).size == (900, 300)
    # when
    logo = logo_from(spoiled)
    # then
    assert logo.media_type == PNG
    assert b"script" not in logo.content
    assert Image.open(io.BytesIO(logo.content)).size == (KEPT_SIDE, KEPT_SIDE // 3 + 1)


def test_an_svg_of_shapes_is_kept_and_what_programs_leave_behind_is_not() -> None:
    left = (
        '<!-- made by --><metadata>who</metadata><x:namedview xmlns:x="urn:x" x:a="1"/>'
        '<defs><linearGradient id="a"><stop offset="0" stop-color="#fff"/></linearGradient>'
        '<linearGradient id="b" xlink:href="#a"/></defs><g style="fill:url(#b)"><circle r="2"/></g>'
    )
    logo = logo_from(b"\xef\xbb\xbf<?xml version='1.0'?>" + drawing(left, 'xmlns:y="urn:y" y:export="/home/ann"'))
    text = logo.content.decode()
    assert logo.media_type == SVG
    assert "<circle" in text
    assert 'xlink:href="#a"' in text
    assert "url(#b)" in text
    for gone in ("made by", "who", "namedview", "/home/ann"):
        assert gone not in text
    assert logo_from(logo.content).content == logo.content


UNSAFE = {
    "script": drawing("<script>alert(1)</script>"),
    "handler": drawing('<g onload="alert(1)"/>'),
    "handler-on-root": drawing(attributes='OnLoad="alert(1)"'),
    "foreign": drawing("<foreignObject><p/></foreignObject>"),
    "link": drawing('<a href="https://evil.example"><path/></a>'),
    "script-address": drawing('<linearGradient xlink:href="javascript:alert(1)"/>'),
    "image": drawing('<image href="https://evil.example/p.png"/>'),
    "use-of-elsewhere": drawing('<use href="https://evil.example/#a"/>'),
    "style-sheet": drawing("<style>@import url(https://evil.example)</style>"),
    "style-address": drawing('<g style="fill:url(https://evil.example)"/>'),
    "style-escape": drawing('<g style="fill:u\\72l(https://evil.example)"/>'),
    "fill-address": drawing("<g fill=\"url('//evil.example')\"/>"),
    "animation": drawing('<set attributeName="onload" to="alert(1)"/>'),
    "entity": b'<!DOCTYPE svg [<!ENTITY a "b">]>' + drawing("&a;"),
    "doctype": b"<!doctype svg>" + drawing(),
}


@pytest.mark.parametrize("content", UNSAFE.values(), ids=UNSAFE)
def test_an_svg_that_does_something_is_refused(content: bytes) -> None:
    with pytest.raises(LogoUnsafe):
        logo_from(content)


UNREADABLE = {
    "nothing": b"",
    "jpeg": b"\xff\xd8\xff\xe0 JFIF",
    "html": b"<html><body>hello</body></html>",
    "broken-xml": b"<svg",
    "utf-16": drawing().decode().encode("utf-16"),
    "half-a-png": picture()[:40],
    "png-in-name-only": b"\x89PNG\r\n\x1a\n" + b"GIF89a",
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises((LogoUnreadable, LogoUnsafe)):
        logo_from(content)


LARGE = {
    "bytes": drawing("<g/>" * (MAX_BYTES // 4)),
    "pixels": picture((4001, 1)),
    "elements": drawing("<g/>" * 6000),
}


@pytest.mark.parametrize("content", LARGE.values(), ids=LARGE)
def test_what_is_too_large_is_refused(content: bytes) -> None:
    with pytest.raises(LogoTooLarge):
        logo_from(content)


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: drawing(text)))
def test_any_bytes_are_a_safe_logo_or_a_named_refusal(content: bytes) -> None:
    try:
        logo = logo_from(content)
    except VenaError:
        return
    if logo.media_type == SVG:
        names = [element.tag.rpartition("}")[2] for element in etree.fromstring(logo.content).iter()]
        assert not {"script", "foreignObject", "a", "image", "use", "style"} & set(names)
