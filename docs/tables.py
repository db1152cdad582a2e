"""The parts of the docs that are generated from the code (`make docs` runs them through cog)."""

from __future__ import annotations

from clustertrace.settings import Settings

__all__ = ["settings_table"]


def settings_table() -> str:
    """All settings as a Markdown table: variable, default, purpose."""
    rows = ["| variable | default | what it does |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = _default(field.default)
        rows.append(f"| `CLUSTERTRACE_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def _default(value: object) -> str:
    if value is None or value == "":
        return "not set"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
