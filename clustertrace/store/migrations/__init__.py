"""The schema's history: append-only alembic revisions. `HEAD` names the newest."""

from typing import Final

__all__ = ["HEAD"]

HEAD: Final = "0003"
"""Kept here so that opening a database that is up to date needs no alembic (half a second)."""
