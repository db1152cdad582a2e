"""The only code that knows the database: tables, migrations, the writer and the queries."""

from typing import TYPE_CHECKING

from clustertrace.late import late
from clustertrace.store.store import Store

if TYPE_CHECKING:
    from clustertrace.store.writing.writer import Written

__all__ = ["Store", "Written"]

if not TYPE_CHECKING:
    __getattr__ = late(__name__, {"writing.writer": ["Written"]})
