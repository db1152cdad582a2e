"""SQLite as the store's database: everything specific to it."""

from clustertrace.store.sqlite.connection import connect
from clustertrace.store.sqlite.schema import opened

__all__ = ["connect", "opened"]
