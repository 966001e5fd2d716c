"""An uploaded logo made safe: a PNG is drawn anew, an SVG must consist of shapes alone, and is written anew."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

from lxml import etree  # type: ignore[import-untyped]
from PIL import Image, UnidentifiedImageError

from tenants.branding.errors import LogoTooLarge, LogoUnreadable, LogoUnsafe

MAX_BYTES = 256 * 1024
MAX_SIDE = 4000  # pixels, as uploaded
KEPT_SIDE = 512
MAX_ELEMENTS = 5000
PNG, SVG = "image/png", "image/svg+xml"
SVG_SPACE = "{http://www.w3.org/2000/svg}"
XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
SHAPES = frozenset(
    "svg g path rect circle ellipse line polyline polygon text tspan defs linearGradient radialGradient stop clipPath "
    "mask pattern title desc".split()
)
DROPPED = frozenset({"metadata"})  # what drawing programs leave behind
REFERENCE = re.compile(r"url\(\s*(['\"]?)(?!#)", re.IGNORECASE)  # to anything but a part of the picture itself
ACTIVE = re.compile(r"expression|@import|javascript:|data:|\\|behavior", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Logo:
    media_type: str
    content: bytes


def logo_from(content: bytes) -> Logo:
    """By what the bytes are, whatever the file is called. Raises LogoTooLarge, LogoUnreadable, LogoUnsafe."""
    if len(content) > MAX_BYTES:
        raise LogoTooLarge
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return Logo(PNG, redrawn(content))
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return Logo(SVG, rewritten(content))
    raise LogoUnreadable(detail="neither PNG nor SVG")


def redrawn(content: bytes) -> bytes:
    """The pixels alone, in a new file: nothing that was hidden beside them is served."""
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            if max(picture.size) > MAX_SIDE:
                raise LogoTooLarge
            picture.load()
            pixels = picture.convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise LogoUnreadable(detail=f"png: {type(error).__name__}") from error
    pixels.thumbnail((KEPT_SIDE, KEPT_SIDE))
    out = io.BytesIO()
    pixels.save(out, "PNG", optimize=True)
    return out.getvalue()


def rewritten(content: bytes) -> bytes:
    root = parsed(content)
    if root.tag != f"{SVG_SPACE}svg":
        raise LogoUnreadable(detail="svg: another root")
    for number, element in enumerate(list(root.iter())):
        if number > MAX_ELEMENTS:
            raise LogoTooLarge
        keep_or_drop(element)
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=False))


def parsed(content: bytes) -> Any:
    """Documents with a DOCTYPE are refused: entities hide what is in them."""
    if b"\x00" in content or b"<!doctype" in content.lower() or b"<!entity" in content.lower():
        raise LogoUnsafe(detail="svg: doctype")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        return etree.fromstring(content.decode("utf-8-sig").encode(), parser)
    except (etree.XMLSyntaxError, UnicodeDecodeError, ValueError) as error:
        raise LogoUnreadable(detail="svg: no XML in UTF-8") from error


def keep_or_drop(element: Any) -> None:
    tag = element.tag
    if not isinstance(tag, str):
        raise LogoUnsafe(detail="svg: entity")
    name = tag.removeprefix(SVG_SPACE)
    if not tag.startswith(SVG_SPACE) or name in DROPPED:
        drop(element)
    elif name not in SHAPES:
        raise LogoUnsafe(detail=f"svg: {name[:40]}")
    else:
        clean_attributes(element)


def drop(element: Any) -> None:
    parent = element.getparent()
    if parent is None:
        raise LogoUnreadable(detail="svg: another root")
    parent.remove(element)


def clean_attributes(element: Any) -> None:
    for name, value in list(element.attrib.items()):
        if name == XLINK_HREF or name == "href":  # a gradient may inherit from another one
            if not value.startswith("#"):
                raise LogoUnsafe(detail="svg: link")
        elif name.startswith("{"):
            del element.attrib[name]
        elif name.lower().startswith("on") or REFERENCE.search(value) or ACTIVE.search(value):
            raise LogoUnsafe(detail=f"svg: {name[:40]}")
