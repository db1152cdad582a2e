"""The case study: what its page says comes from its runs."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def study() -> ModuleType:
    """Load the program that runs the study for its page."""
    spec = importlib.util.spec_from_file_location("case_study_docs", DOCS / "case_study.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_page_says_what_the_runs_say(study: ModuleType) -> None:
    """Every answer on the page is the one that the commands give now."""
    page = (DOCS / "case-study.md").read_text("utf-8")
    for block in (*study.answers(), study.fix()):
        assert block in page


@pytest.mark.slow
def test_snapshot_beside_the_page(study: ModuleType) -> None:
    """The snapshot is the one that the command writes now."""
    assert (DOCS / "case-study.html").read_bytes() == study.snapshot()


@pytest.mark.slow
def test_the_story_holds(study: ModuleType) -> None:
    """About four of ten runs fail, one pattern holds most of them, and the fix is proven."""
    clusters, why, verdict = study.answers()
    failed, all_failed = map(int, re.findall(r"holds? (\d+) of the (\d+) failures", clusters)[0])
    assert 0.35 <= all_failed / 180 <= 0.45
    assert failed >= 0.8 * all_failed
    assert "`open_page` never called" in why
    assert "Improved." in verdict
