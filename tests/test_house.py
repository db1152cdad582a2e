"""The plan of the house, held: who may import whom, and where SQL, Streamlit and FastAPI live."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("app", "clustertrace", "demo", "ingest", "pages")
MODULES = sorted(
    path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")
)

MAY_IMPORT = {
    "clustertrace": {"clustertrace"},
    "ingest": {"clustertrace", "ingest"},
    "app": {"clustertrace", "app"},
    "pages": {"clustertrace", "app", "pages"},
    "demo": {"clustertrace", "demo"},
}
"""The import arrows, by top folder."""

HOMES = {
    "streamlit": ("app", "pages"),
    "streamlit_agraph": ("app", "pages"),
    "altair": ("app", "pages"),
    "fastapi": ("ingest",),
    "starlette": ("ingest", "clustertrace/mcp"),
    "mcp": ("clustertrace/mcp",),
    "mcp_types": ("clustertrace/mcp",),
    "sqlalchemy": ("clustertrace/store",),
    "sqlite3": ("clustertrace/store",),
    "sqlmodel": ("clustertrace/store",),
    "alembic": ("clustertrace/store",),
    "typer": ("clustertrace/cli",),
}
"""Libraries that only some folders may know."""

PUBLIC_API = {"clustertrace", "clustertrace.testing"}
"""What a user of the library may import, and so the demo."""


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every imported module of a file by its full name, with the line."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: import by the full name"
            yield node.lineno, node.module or ""
            # `from clustertrace import store` imports a module too.
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def folder_of(module: str) -> str | None:
    """The top folder that an imported name lives in; None for other people's modules."""
    parts = module.split(".")
    if parts[0] in FOLDERS and parts[0] != "clustertrace":
        return f"bare {parts[0]}"
    if parts[0] != "clustertrace":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in FOLDERS else "clustertrace"


def is_sql(text: str) -> bool:
    """Whether a text is an SQL statement rather than a sentence."""
    words = text.split(maxsplit=3)
    first = words[0] if words else ""
    second = words[1] if len(words) > 1 else ""
    starts = {"INSERT": "INTO", "DELETE": "FROM", "CREATE": "TABLE", "PRAGMA": second}
    return (first == "SELECT" and " FROM " in f" {' '.join(text.split())} ") or (
        first in starts and second == starts[first]
    )


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_follow_the_arrows(path: Path) -> None:
    """A folder imports only the folders below it."""
    allowed = MAY_IMPORT[path.parts[0]]
    wrong = [
        f"{path}:{n}: {m}"
        for n, m in imports(path)
        if (folder_of(m) or path.parts[0]) not in allowed
    ]
    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_libraries_stay_in_their_folders(path: Path) -> None:
    """The database, the pages' framework and the receiver's are each known in one place only."""
    wrong = [
        f"{path}:{line}: {module}"
        for line, module in imports(path)
        if (homes := HOMES.get(module.split(".")[0]))
        and not str(path).startswith(tuple(f"{home}/" for home in homes))
    ]
    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_sql_is_written_in_the_store_only(path: Path) -> None:
    """No module outside clustertrace/store holds an SQL statement."""
    if str(path).startswith("clustertrace/store/"):
        return
    tree = ast.parse((ROOT / path).read_text())
    found = [
        f"{path}:{node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and is_sql(node.value)
    ]
    assert found == []


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_modules_are_small_and_say_what_they_are_for(path: Path) -> None:
    """A module has at most 400 lines and, unless it is empty, opens with a docstring."""
    text = (ROOT / path).read_text()
    assert len(text.splitlines()) <= 400
    assert not text.strip() or ast.get_docstring(ast.parse(text))


def test_the_demo_uses_the_public_api_only() -> None:
    """What the demo's agents do, a user can do: they import nothing behind the public face."""
    wrong = [
        f"{path}:{line}: {module}"
        for path in MODULES
        if path.parts[0] == "demo"
        for line, module in imports(path)
        if folder_of(module) == "clustertrace"
        and module not in PUBLIC_API
        and not (module.count(".") == 1 and module.split(".")[1] in public_names())
    ]
    assert wrong == []


def public_names() -> set[str]:
    """The names of the public face."""
    import clustertrace

    return set(clustertrace.__all__)


def test_every_subpackage_is_packaged() -> None:
    """The list of packages in pyproject.toml has every folder with an __init__.py, and no other."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {
        ".".join(
            path.parent.parts
            if path.parts[0] == "clustertrace"
            else ("clustertrace", *path.parent.parts)
        )
        for path in MODULES
        if path.name == "__init__.py"
    }
    assert set(listed) == found
    assert listed == sorted(listed)


def test_every_folder_of_modules_is_a_package() -> None:
    """No module sits in a folder without __init__.py, where packaging would miss it."""
    assert [
        str(path) for path in MODULES if not (ROOT / path.parent / "__init__.py").exists()
    ] == []


def test_importing_clustertrace_loads_the_standard_library_only() -> None:
    """`import clustertrace` costs a user's program nothing but standard library modules."""
    program = (
        "import sys; before = set(sys.modules); import clustertrace; "
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = set(done.stdout.split())
    assert loaded - sys.stdlib_module_names == {"clustertrace"}


def test_the_public_face_is_sorted_and_whole() -> None:
    """Every name of __all__ exists, and the list is in order."""
    import clustertrace

    assert list(clustertrace.__all__) == sorted(clustertrace.__all__)
    assert [name for name in clustertrace.__all__ if not hasattr(clustertrace, name)] == []


def test_the_table_of_the_docs_has_every_page() -> None:
    """A page that it does not name would not be found."""
    table = (ROOT / "docs" / "README.md").read_text()
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert [page for page in sorted(pages) if f"]({page})" not in table] == []


def test_what_security_promises_has_its_tests() -> None:
    """Every test that SECURITY.md names is there."""
    named = set(re.findall(r"`([\w/]+\.py)`", (ROOT / "SECURITY.md").read_text()))
    there = {
        name
        for folder in ("tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        for name in (path.name, path.relative_to(ROOT).as_posix())
    }
    assert len(named) > 10
    assert named - there == set()


@pytest.mark.parametrize("package", ["clustertrace", "clustertrace.store.queries"])
def test_names_that_are_loaded_late_are_whole(package: str) -> None:
    """A name that is asked for is there, and none is hidden by a module of the same name."""
    program = (
        "import importlib, sys; package = importlib.import_module(sys.argv[1]); "
        "print(*[name for name in package.__all__ if getattr(package, name, None) is None "
        "or f'{package.__name__}.{name}' in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, package], capture_output=True, text=True, check=True
    )
    modules = {path.stem for path in (ROOT / package.replace(".", "/")).iterdir()}
    names = set(__import__(package, fromlist=["__all__"]).__all__)
    assert done.stdout.split() == []
    assert names & modules == set()
