"""SQLite as the store's database: what it alone does, and how."""

from clustertrace.store.sqlite.connection import connect
from clustertrace.store.sqlite.schema import opened

__all__ = ["connect", "opened"]
