"""Colours: neutral greys and one accent, for light and dark screens.

Red means failed and nothing else, amber means uncertain; both always come with a sign or a word.
All have a contrast of 4.5 to 1 on their backgrounds, and differ in lightness too, so that they can
be told apart without colour vision. style.css repeats these colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

__all__ = ["DARK", "LIGHT", "OPTIONS", "Palette", "palette"]


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme."""

    background: str
    raised: str
    """Surfaces above the background: inputs, the selected row."""
    text: str
    muted: str
    """Explanatory text."""
    border: str
    accent: str
    bar: str
    """Bars that show no failure."""
    failed: str
    uncertain: str


LIGHT: Final = Palette(
    background="#ffffff",
    raised="#f4f5f7",
    text="#1d2025",
    muted="#5f6670",
    border="#dfe2e6",
    accent="#2a62c4",
    bar="#8d99a8",
    failed="#c4302b",
    uncertain="#8f5c00",
)

DARK: Final = Palette(
    background="#15171b",
    raised="#1f2228",
    text="#e4e7eb",
    muted="#9aa2ad",
    border="#30343c",
    accent="#7aacff",
    bar="#78838f",
    failed="#ff7a6e",
    uncertain="#e3b04b",
)


def palette(kind: str | None) -> Palette:
    """The colours for Streamlit's theme type: `dark`, or else light."""
    return DARK if kind == "dark" else LIGHT


def _options(section: str, colours: Palette) -> dict[str, Any]:
    return {
        f"theme.{section}.primaryColor": colours.accent,
        f"theme.{section}.backgroundColor": colours.background,
        f"theme.{section}.secondaryBackgroundColor": colours.raised,
        f"theme.{section}.textColor": colours.text,
        f"theme.{section}.borderColor": colours.border,
        f"theme.{section}.linkColor": colours.accent,
        f"theme.{section}.redColor": colours.failed,
        f"theme.{section}.orangeColor": colours.uncertain,
        f"theme.{section}.grayColor": colours.muted,
    }


OPTIONS: Final[dict[str, Any]] = {
    **_options("light", LIGHT),
    **_options("dark", DARK),
    "theme.baseFontSize": 15,
    "theme.baseRadius": "small",
    "theme.headingFontSizes": ["1.75rem", "1.25rem", "1.05rem"],
    "theme.headingFontWeights": [600, 600, 600],
    "theme.linkUnderline": False,
    "theme.showWidgetBorder": True,
}
"""Streamlit's theme options by their dotted names; the browser decides which theme applies."""
