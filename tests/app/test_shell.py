"""The shell: every page is there, and nothing of it hides another module."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import clustertrace.app
from clustertrace.app import launch, theme, words
from clustertrace.app.shell import PAGES

APP = Path(clustertrace.app.__path__[0])
PAGES_FOLDER = APP.parent / "pages"


def test_every_file_of_pages_is_in_the_navigation() -> None:
    """A page that is not listed could not be reached."""
    files = {path.stem for path in PAGES_FOLDER.glob("*.py")} - {"__init__"}
    assert {page.module for page in PAGES} == files
    for page in PAGES:
        assert callable(import_module(f"clustertrace.pages.{page.module}").draw)


def test_pages_are_short() -> None:
    """A page fetches and draws; what is more belongs into app/."""
    for path in PAGES_FOLDER.glob("*.py"):
        assert len(path.read_text().splitlines()) <= 150, path.name


def test_no_module_hides_another_one() -> None:
    """Streamlit puts the script's folder first on the path: an `html.py` there would break it."""
    taken = sys.stdlib_module_names | packages_distributions().keys()
    assert {path.stem for path in APP.glob("*.py")} & taken == set()


def test_style_and_charts_have_the_same_colours() -> None:
    """Each colour of style.css is the one that theme.py gives to charts."""
    css = (APP / "style.css").read_text()
    for name, variable in (
        ("muted", "muted"),
        ("border", "border"),
        ("raised", "raised"),
        ("accent", "accent"),
        ("failed", "failed"),
        ("uncertain", "uncertain"),
    ):
        light, dark = getattr(theme.LIGHT, name), getattr(theme.DARK, name)
        assert f"--{variable}: light-dark({light}, {dark});" in css


def test_every_kind_has_its_icon_in_the_style() -> None:
    """The sign in a chip is the sign in the chart."""
    css = (APP / "style.css").read_text()
    drawn = dict(re.findall(r'\.ct-kind-(\w+)::before \{ content: "(\w+)"; \}', css))
    assert drawn == dict(words.KINDS)


def test_nothing_in_the_style_is_fetched() -> None:
    """No font, no picture, no import from anywhere."""
    for path in (*APP.glob("*.css"), *APP.glob("*.svg")):
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|@import|url\(", text), path.name


def test_pictures_have_no_letters() -> None:
    """A picture can't use the page's font, and in any other its words would be cut off."""
    for path in APP.glob("*.svg"):
        assert "<text" not in path.read_text(), path.name


def test_text_has_enough_contrast() -> None:
    """Every text colour reaches 4.5 to 1 on both surfaces of its theme."""
    for palette in (theme.LIGHT, theme.DARK):
        for ink in (palette.text, palette.muted, palette.accent, palette.failed, palette.uncertain):
            for paper in (palette.background, palette.raised):
                assert contrast(ink, paper) >= 4.5, (ink, paper)


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """WCAG's relative luminance of `#rrggbb`."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_streamlit_knows_every_option() -> None:
    """A mistyped option would be ignored in silence."""
    from streamlit import config

    known = config.get_config_options()
    assert set(launch.options(1, 2)) <= set(known)
