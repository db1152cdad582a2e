"""What the README shows is run, so that it can't rot."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from clustertrace.store import queries
from clustertrace.store.store import Store

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("demo/*.md")])

SERVING = ("dashboard", "demo")
"""Commands that don't end; what they do is tested elsewhere, here only that they exist."""


def blocks(language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands(program: str) -> list[list[str]]:
    """The lines of all shell blocks that call a program, as words."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    words = [shlex.split(line, comments=True) for line in lines]
    return [each for each in words if each and each[0] == program]


def clustertrace(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "clustertrace", *args],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_python_block_records_what_it_says(tmp_path: Path) -> None:
    """The decorator example runs as it stands and leaves a run with its three steps."""
    (program,) = blocks("python")
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)
    with Store.open() as store:
        store.refresh()
        with store.read() as conn:
            trace = queries.trace(conn, queries.latest(conn))
    assert (trace.name, trace.failed, dict(trace.tags)) == ("researcher", False, {"prompt": "v2"})
    assert [(span.name, span.kind) for span in trace.spans] == [
        ("researcher", "agent"),
        ("search", "tool"),
        ("chat", "llm"),
    ]
    assert (trace.spans[2].input_tokens, trace.spans[2].output_tokens) == (812, 64)
    assert [(metric.name, metric.value) for metric in trace.metrics] == [("sources", 1.0)]


@pytest.mark.slow
def test_the_shell_blocks_run_in_their_order(tmp_path: Path) -> None:
    """Every `clustertrace` line works, from the import of the bundled runs on."""
    (tmp_path / "demo").symlink_to(ROOT / "demo")
    shown = [words[1:] for words in commands("clustertrace")]
    assert ["import", "demo/traces.jsonl.gz"] in shown
    for words in shown:
        done = clustertrace(words[0], "--help", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        if words[0] not in SERVING:
            done = clustertrace(*words, cwd=tmp_path)
            assert done.returncode == 0, f"{words}: {done.stderr}"


def test_the_words_of_make_exist() -> None:
    """Each `make` word that the README shows is one of the Makefile's."""
    makefile = (ROOT / "Makefile").read_text()
    shown = [words[1] for words in commands("make")]
    assert shown
    assert [word for word in shown if not re.search(rf"^{word}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_the_docs_lead_somewhere(page: Path) -> None:
    """Every relative link and picture of a page exists."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []
