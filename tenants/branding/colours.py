"""An organisation's accent made readable: shades of one colour that pass WCAG AA on every ground of ours.

Lightness is changed in OKLCH, so that the hue stays what the organisation chose.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

AA = 4.5  # the contrast that WCAG 2.2 asks of text
STEP = 0.005  # of lightness, 0 to 1
HEX = re.compile(r"#[0-9a-f]{6}\Z")
WHITE, NIGHT = "#ffffff", "#06252a"

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Theme:
    """The grounds of `static/css/tokens.css` that accented text stands on, and where shades of an accent lie there."""

    name: str
    grounds: tuple[str, ...]
    wash: float  # lightness of the accent's own pale ground
    wash_chroma: float
    strong: float  # what lightness the stronger shade has beside the usual one
    direction: int  # of lightness, towards more contrast


LIGHT = Theme("light", ("#e8edee", "#f8fafa", "#ffffff", "#eff3f4"), 0.92, 0.03, -0.09, -1)
DARK = Theme("dark", ("#0a1013", "#10181c", "#182329", "#0c1417"), 0.3, 0.04, 0.08, 1)


@dataclass(frozen=True, slots=True)
class Shades:
    """What a theme shows of an accent, as "#rrggbb". `asked` is the contrast of the accent as it was chosen, `used` of
    the shade that is shown, each on the ground where it is lowest."""

    accent: str
    strong: str
    wash: str
    on_accent: str
    asked: float
    used: float

    @property
    def is_changed(self) -> bool:
        return self.asked < AA


def shades_of(accent: str, theme: Theme) -> Shades:
    """`accent` is "#rrggbb" in small letters. Raises ValueError."""
    lightness, chroma, hue = oklch(accent)
    wash = colour(theme.wash, min(chroma, theme.wash_chroma), hue)
    grounds = (*theme.grounds, wash)
    passing = accent
    while lowest(passing, grounds) < AA and 0 <= lightness <= 1:
        lightness += STEP * theme.direction
        passing = colour(lightness, chroma, hue)
    strong = colour(oklch(passing)[0] + theme.strong, chroma, hue)
    on_accent = max((WHITE, NIGHT), key=lambda ink: contrast(ink, passing))
    return Shades(passing, strong, wash, on_accent, lowest(accent, grounds), lowest(passing, grounds))


def lowest(ink: str, grounds: tuple[str, ...]) -> float:
    return min(contrast(ink, ground) for ground in grounds)


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG, 1 to 21."""
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def luminance(code: str) -> float:
    red, green, blue = linear(code)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(code: str) -> Triple:
    if not HEX.match(code):
        raise ValueError(f"{code!r} is no colour")
    red, green, blue = (expanded(int(code[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return red, green, blue


def expanded(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def oklch(code: str) -> Triple:
    """Lightness 0 to 1, chroma, hue in radians (Björn Ottosson's OKLab)."""
    red, green, blue = linear(code)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    middle = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    lightness = 0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
    return lightness, math.hypot(a, b), math.atan2(b, a)


def colour(lightness: float, chroma: float, hue: float) -> str:
    """The nearest colour that screens can show: chroma gives way, then channels are cut."""
    lightness = min(1.0, max(0.0, lightness))
    channels = rgb(lightness, chroma, hue)
    while chroma > 0 and not all(-1e-6 <= channel <= 1 + 1e-6 for channel in channels):
        chroma = max(0.0, chroma - 0.004)
        channels = rgb(lightness, chroma, hue)
    return "#" + "".join(f"{round(compressed(min(1.0, max(0.0, one))) * 255):02x}" for one in channels)


def rgb(lightness: float, chroma: float, hue: float) -> Triple:
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )


def compressed(channel: float) -> float:
    return channel * 12.92 if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055
