"""The tables of prompts and templates (see tables.py)."""

from __future__ import annotations

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

__all__ = ["PromptRow", "TemplateRow", "TemplateVersionRow"]


class PromptRow(SQLModel, table=True):
    """What a user wrote to begin a run, and its habits (clustertrace.prompts.habits)."""

    __tablename__ = "prompts"
    __table_args__ = (
        # All that the comparison of habits reads, so that it never reads a text.
        Index(
            "prompts_newest",
            *("version", "start_ns", "has", "lacks", "dead_end", "kin", "text_hash", "trace_id"),
        ),
        Index(
            "prompts_template",
            *("template_id", "template_version", "start_ns", "dead_end"),
            sqlite_where=text("template_id IS NOT NULL"),
        ),
    )

    trace_id: bytes = Field(primary_key=True)
    start_ns: int
    kin: int
    """A hash of its session, else of its text: prompts of a kin are not independent."""
    text_hash: int
    """Nor are those of one text, whatever their sessions."""
    dead_end: str | None
    version: int
    """Of the habits."""
    has: int
    """A bit for each habit that it has."""
    lacks: int
    """A bit for each habit that it could have and has not."""
    template_id: str | None
    template_version: int | None
    """The template that it was written with."""
    text: str


class TemplateRow(SQLModel, table=True):
    """A prompt to use again."""

    __tablename__ = "templates"

    template_id: str = Field(primary_key=True)
    name: str
    tags: str
    """JSON: a list of texts."""
    deleted_ns: int | None
    """It can be brought back."""


class TemplateVersionRow(SQLModel, table=True):
    """What a template said, from one edit to the next."""

    __tablename__ = "template_versions"

    template_id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    body: str
    created_ns: int
