"""Which arguments of a tool are changes to files, and how they read as diffs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.payloads.edits import Edit, edits

PATCH = """*** Begin Patch
*** Update File: a.py
@@ def f():
-    return 1
+    return 2
*** Add File: b.py
+new
*** End Patch"""


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (
            {"file_path": "a.py", "old_string": "x = 1\ny = 2", "new_string": "x = 1\ny = 3"},
            [Edit("a.py", "@@ -1,2 +1,2 @@\n x = 1\n-y = 2\n+y = 3")],
        ),
        (
            {"command": "str_replace", "path": "a.py", "old_str": "1", "new_str": "2"},
            [Edit("a.py", "@@ -1 +1 @@\n-1\n+2")],
        ),
        (
            {
                "file_path": "a.py",
                "edits": [
                    {"old_string": "1", "new_string": "2"},
                    {"old_string": "3", "new_string": ""},
                ],
            },
            [Edit("a.py", "@@ -1 +1 @@\n-1\n+2\n@@ -1 +0,0 @@\n-3")],
        ),
        ({"file_path": "a.py", "content": "one\ntwo"}, [Edit("a.py", "+one\n+two")]),
        (
            {"command": ["apply_patch", PATCH]},
            [
                Edit("a.py", "@@ def f():\n-    return 1\n+    return 2"),
                Edit("b.py", "+new"),
            ],
        ),
        (PATCH, [Edit("a.py", "@@ def f():\n-    return 1\n+    return 2"), Edit("b.py", "+new")]),
        ({"file_path": "a.py"}, []),
        ({"command": "ls"}, []),
        ({"path": "a.py", "edits": ["none"]}, []),
        ("a.py", []),
        (None, []),
        ([1], []),
    ],
)
def test_changes_are_read(arguments: Any, wanted: list[Edit]) -> None:
    """Each tool's way of asking for a change; a read, a list or a command is none."""
    assert edits(arguments) == wanted


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_diff_holds_both_sides(old: str, new: str) -> None:
    """Without its removed lines it is the new text, without its added ones the old one."""
    [edit] = edits({"file_path": "a", "old_string": old, "new_string": new})
    lines = [line for line in edit.diff.split("\n") if line and not line.startswith("@@ ")]
    before = [line[1:] for line in lines if line[0] in " -"]
    after = [line[1:] for line in lines if line[0] in " +"]
    if old.splitlines() == new.splitlines():
        assert lines == []
    else:
        assert set(old.splitlines()) - set(new.splitlines()) <= set(before)
        assert set(new.splitlines()) - set(old.splitlines()) <= set(after)
