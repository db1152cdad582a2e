"""PostgreSQL as the store's database: what it alone does, and how."""

from clustertrace.store.postgres.connection import connect
from clustertrace.store.postgres.schema import opened

__all__ = ["connect", "opened"]
