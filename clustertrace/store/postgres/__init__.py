"""PostgreSQL as the store's database: everything specific to it."""

from clustertrace.store.postgres.connection import connect
from clustertrace.store.postgres.schema import opened

__all__ = ["connect", "opened"]
