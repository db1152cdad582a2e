"""The plan of the house, held: who may import whom, and where SQL, Streamlit and FastAPI live."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
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


def imports(path: Path, *, at_runtime: bool = False) -> Iterator[tuple[int, str]]:
    """Every imported module of a file by its full name, with the line.

    `at_runtime` leaves out what only type checkers import.
    """
    tree = ast.parse((ROOT / path).read_text())
    for node in ast.walk(Untyped().visit(tree) if at_runtime else tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: import by the full name"
            yield node.lineno, node.module or ""
            # `from clustertrace import store` imports a module too.
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


class Untyped(ast.NodeTransformer):
    """Takes `if TYPE_CHECKING:` out."""

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        """An `if`, unless it is that one: then what stands in its `else`."""
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return node.orelse
        return self.generic_visit(node)


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


EXAMPLES = {
    *("app/login.py", "docs/a.md", "docs/plan.md", "tests/test_login.py"),
    "clustertrace/ingest/app.py",
}
"""Paths in the docs that stand for a reader's own, or say that they are not here."""


def test_files_that_the_docs_name_are_there() -> None:
    """A module that moved leaves no stale name behind."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("demo/*.md")]
    named = {
        name
        for page in pages
        for name in re.findall(r"`([\w/]+\.(?:py|css|md))`", page.read_text())
    }
    folders = (*FOLDERS, "tests", "benchmarks", "docs")
    there = "\n".join(str(path) for folder in folders for path in (ROOT / folder).rglob("*.*"))
    there = f"{there}\n" + "\n".join(str(path) for path in ROOT.glob("*.*"))
    assert len(named) > 50
    assert sorted(name for name in named - EXAMPLES if f"/{name}\n" not in f"{there}\n") == []


@pytest.mark.parametrize("folder", sorted(path.name for path in (ROOT / "app").iterdir()))
def test_nothing_in_app_hides_a_library(folder: str) -> None:
    """Streamlit puts app/ itself on the import path."""
    assert folder.removesuffix(".py") not in sys.stdlib_module_names


BACKWARD = {
    ("clustertrace.store.store", "clustertrace.store.distributed"): "`Store.open` makes either",
    ("clustertrace.testing", "clustertrace.replay"): "the public face calls what uses it",
}
"""Imports against the arrows, made in a function's body, and why."""


def test_packages_import_each_other_in_one_direction() -> None:
    """What two packages of clustertrace/ know of each other never goes in a circle."""
    paths = {module_name(path): path for path in MODULES if path.parts[0] == "clustertrace"}
    faces = {"clustertrace", "clustertrace.store"}
    names = {name: path for name, path in paths.items() if name not in faces}
    arrows: dict[str, set[str]] = {package_of(name): set() for name in names}
    for name, path in names.items():
        for _, found in imports(path, at_runtime=True):
            if found == "clustertrace.store.Store":
                arrows[package_of(name)].add("clustertrace.store.store")
            elif found in names:
                arrows[package_of(name)].add(package_of(found))
    backward = {pair for pair in BACKWARD if pair[1] in arrows[pair[0]]}
    assert backward == set(BACKWARD)
    for start, end in backward:
        arrows[start].remove(end)
    list(TopologicalSorter({one: known - {one} for one, known in arrows.items()}).static_order())


def module_name(path: Path) -> str:
    """The dotted name of a file below clustertrace/."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def package_of(module: str) -> str:
    """What a module belongs to: a folder of clustertrace/ or of its store/, or itself."""
    parts = module.split(".")
    return ".".join(parts[: 3 if parts[1] == "store" else 2])
