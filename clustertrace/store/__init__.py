"""The only code that knows the database: tables, migrations, the writer and the queries."""

from clustertrace.store.store import Store
from clustertrace.store.writing.writer import Written

__all__ = ["Store", "Written"]
