"""The wheel, as a user's pip unpacks it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (
    "app",
    "clustertrace",
    "demo",
    "ingest",
    "pages",
    "LICENSE",
    "README.md",
    "pyproject.toml",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of all files in a wheel built from a copy of the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "checkout"
    copy.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(copy)),
        ],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built).namelist()


@pytest.mark.slow
def test_the_wheel_takes_one_name_at_the_top(wheel: list[str]) -> None:
    """Users' own `app` or `pages` are never shadowed: all of ours is under clustertrace/."""
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"clustertrace"}


@pytest.mark.slow
def test_the_wheel_has_every_module(wheel: list[str]) -> None:
    """Every module of the five folders is in the wheel, under clustertrace/."""
    expected = {
        str(path.relative_to(ROOT))
        if folder == "clustertrace"
        else f"clustertrace/{path.relative_to(ROOT)}"
        for folder in ("app", "clustertrace", "demo", "ingest", "pages")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert expected <= set(wheel)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["clustertrace/py.typed", "clustertrace/demo/traces.jsonl.gz"])
def test_the_wheel_has_the_data_files(wheel: list[str], name: str) -> None:
    """Types are announced, and the bundled traces come along."""
    assert name in wheel
