from __future__ import annotations

from vena_platform.errors import VenaError


class LogoTooLarge(VenaError):
    code, status = "logo_too_large", 413
    message = "A logo may have 256 kB and 4,000 pixels a side. Make it smaller, and upload it again."


class LogoUnreadable(VenaError):
    code, status = "logo_unreadable", 422
    message = "This is no PNG or SVG picture that can be read. Export the logo again as PNG or SVG."


class LogoUnsafe(VenaError):
    code, status = "logo_unsafe", 422
    message = "This SVG holds more than shapes. Export it as plain shapes without scripts and links, or upload a PNG."
