"""`/brand.css`: an organisation's accent in place of ours, for light and dark, for pages and the admin site."""

from __future__ import annotations

from tenants.branding.colours import DARK, LIGHT, Shades, Theme, colour, oklch, shades_of

# The steps of the admin theme, and the lightness of each; its 600 carries white text, its 500 stands on the dark.
ADMIN_STEPS = {50: 0.97, 100: 0.94, 200: 0.88, 300: 0.79, 400: 0.68, 700: 0.41, 800: 0.36, 900: 0.31, 950: 0.23}


def stylesheet(accent: str, accent_dark: str = "") -> str:
    """Empty without an accent. Written from colours we have worked out, so nothing of the form reaches it."""
    if not accent:
        return ""
    light, dark = shades_of(accent, LIGHT), shades_of(accent_dark or accent, DARK)
    return (
        f":root{{{tokens(light)}}}\n"
        f'@media (prefers-color-scheme: dark){{:root:not([data-theme="light"]){{{tokens(dark)}}}}}\n'
        f':root[data-theme="dark"]{{{tokens(dark)}}}\n'
        f'[data-brand-preview="light"]{{{tokens(light)}}}\n[data-brand-preview="dark"]{{{tokens(dark)}}}\n'
        f"html:root{{{admin_tokens(light, dark)}}}\n"
    )


def tokens(shades: Shades) -> str:
    return ";".join(f"{name}:{value}" for name, value in tokens_of(shades).items())


def tokens_of(shades: Shades) -> dict[str, str]:
    """The custom properties of `static/css/tokens.css` that an accent replaces."""
    return {
        "--vein": shades.accent,
        "--vein-strong": shades.strong,
        "--vein-wash": shades.wash,
        "--on-vein": shades.on_accent,
    }


def admin_tokens(light: Shades, dark: Shades) -> str:
    _, chroma, hue = oklch(light.accent)
    steps = {step: colour(lightness, chroma * share(step), hue) for step, lightness in ADMIN_STEPS.items()}
    steps |= {500: dark.accent if step_is_dark_enough(dark) else steps[400], 600: light.accent}
    return ";".join(f"--color-primary-{step}:{value}" for step, value in sorted(steps.items()))


def share(step: int) -> float:
    """Pale steps have less of the colour."""
    return {50: 0.12, 100: 0.25, 200: 0.45, 300: 0.7}.get(step, 0.9)


def step_is_dark_enough(dark: Shades) -> bool:
    return oklch(dark.accent)[0] < 0.85


def words_of(shades: Shades, theme: Theme) -> str:
    """What the form says of the chosen colour."""
    where = f"in {theme.name} pages"
    if not shades.is_changed:
        return f"Contrast {shades.asked:.1f} : 1 {where}: good to read, shown as it is."
    return (
        f"Contrast {shades.asked:.1f} : 1 {where}: too little to read (4.5 is needed). "
        f"{shades.accent} is shown instead, with {shades.used:.1f} : 1."
    )
