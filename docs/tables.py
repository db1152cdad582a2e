"""The parts of the docs that are generated from the code (`make docs` runs them through cog)."""

from __future__ import annotations

from clustertrace.conventions.dialect import STANDARD, Dialect, Field
from clustertrace.conventions.routes import DIALECTS
from clustertrace.filters.fields import NUMBERS, TEXTS
from clustertrace.prompts.lint import RULES, STRENGTHS
from clustertrace.settings import Settings

__all__ = [
    "dialects_table",
    "fields_tables",
    "filter_numbers_table",
    "filter_texts_table",
    "kinds_table",
    "prompt_rules_table",
    "settings_table",
]


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


def dialects_table() -> str:
    """All dialects as a Markdown table: name, what gives its spans away."""
    rows = ["| dialect | known by |", "|---|---|"]
    rows += [f"| {dialect.title} | {dialect.known_by} |" for dialect in DIALECTS]
    return "\n".join(rows)


def fields_tables() -> str:
    """For each dialect, which of its keys fill which field, the best first."""
    parts = []
    for dialect in DIALECTS:
        rows = [f"### {dialect.title}", "", "| field | filled by |", "|---|---|"]
        for field in Field:
            sources = _sources(dialect, field)
            if sources:
                rows.append(f"| {_field_name(field)} | {', '.join(sources)} |")
        if dialect.composites:
            keys = ", ".join(f"`{key}`" for key in dialect.composites)
            rows.append(f"| several, where they are empty | {keys} |")
        parts.append("\n".join(rows))
    return "\n\n".join(parts)


def _sources(dialect: Dialect, field: Field) -> list[str]:
    sources = [f"`{key}`" for key in dialect.keys.get(field, ())]
    if field is Field.KIND:
        sources += [f"`{key}`" for key, _ in dialect.kinds]
    sources += [f"`{prefix}N.…`" for prefix, filled in dialect.families.items() if filled is field]
    for event, (filled, _) in dialect.event_messages.items():
        if filled is field:
            sources.append(f"event `{event}`")
    for event, values in dialect.event_values.items():
        sources += [f"`{key}` of event `{event}`" for key, filled in values if filled is field]
    if field is Field.FIRST_TOKEN_NS:
        sources += [f"event `{event}`" for event in dialect.first_tokens]
    return sources


def _field_name(field: Field) -> str:
    name = field.name.lower()
    return f"`{name}` (attribute `{STANDARD[field]}`)" if field in STANDARD else f"`{name}`"


def kinds_table() -> str:
    """Which words of which keys mean which kind of span."""
    rows = ["| key | kind: its words |", "|---|---|"]
    for dialect in DIALECTS:
        for key, meanings in dialect.kinds:
            words: dict[str, list[str]] = {}
            for word, kind in meanings.items():
                words.setdefault(kind, []).append(f"`{word}`")
            told = "; ".join(f"{kind}: {', '.join(words[kind])}" for kind in sorted(words))
            rows.append(f"| `{key}` | {told} |")
    return "\n".join(rows)


def prompt_rules_table() -> str:
    """What the linter looks for: name, level, what it says, what to write instead."""
    rows = ["| rule | level | prompts with it | write instead |", "|---|---|---|---|"]
    rows += [
        f"| `{rule.name}` | {rule.level} | {rule.habit} | {rule.suggestion} |" for rule in RULES
    ]
    rows += [
        f"| `{one.rule}` | {one.level} | do not {one.habit} | {one.suggestion} |"
        for one in STRENGTHS
    ]
    return "\n".join(rows)


def filter_texts_table() -> str:
    """The fields of filters that are compared as texts."""
    return _filter_fields(TEXTS)


def filter_numbers_table() -> str:
    """The fields of filters that are compared as numbers."""
    return _filter_fields(NUMBERS)


def _filter_fields(fields: dict[str, str]) -> str:
    rows = [f"| `{name}` | {meaning} |" for name, meaning in fields.items()]
    return "\n".join(["| field | what it is |", "|---|---|", *rows])
