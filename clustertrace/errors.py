"""Everything that clustertrace raises on purpose.

    ClustertraceError
    ├── UsageError            the caller asked for something that makes no sense
    │   ├── CannotReplay      a recording lacks what it takes to run it again
    │   ├── NotFound          no such trace, pattern, span or file
    │   │   └── Ambiguous     several have an id that begins so
    │   └── BadSetting        an environment variable or option has a value that can't be used
    ├── BadInput              data from outside can't be read
    │   └── TooLarge          it is larger than a limit that the user can raise
    ├── StoreError            the database can't do what was asked
    │   ├── StoreBusy         another program holds it; trying again may help
    │   ├── StoreSlow         an answer took longer than it may; asking for less helps
    │   ├── StoreCorrupt      it is damaged; it is never overwritten
    │   └── StoreTooNew       a newer clustertrace made it
    ├── ModelError            a model that the user wanted asked gave no answer
    └── ServeError            the receiver or the pages can't be served

Each message is one sentence that says what is wrong and what to do next, so that every edge
(command line, receiver, page) can show `str(error)` as it is. The recorder raises none of
them: it never breaks the program that it watches.
"""

__all__ = [
    "Ambiguous",
    "BadInput",
    "BadSetting",
    "CannotReplay",
    "ClustertraceError",
    "ModelError",
    "NotFound",
    "ServeError",
    "StoreBusy",
    "StoreCorrupt",
    "StoreError",
    "StoreSlow",
    "StoreTooNew",
    "TooLarge",
    "UsageError",
]


class ClustertraceError(Exception):
    """The root of the tree; catch it to catch all of clustertrace's own errors."""


class UsageError(ClustertraceError):
    """The caller asked for something that makes no sense."""


class CannotReplay(UsageError):
    """A recording lacks what it takes to run it again."""


class NotFound(UsageError):
    """No such trace, pattern, span or file."""


class Ambiguous(NotFound):
    """Several have an id that begins so."""


class BadSetting(UsageError):
    """An environment variable or option has a value that can't be used."""


class BadInput(ClustertraceError):
    """Data from outside can't be read."""


class TooLarge(BadInput):
    """Data from outside is larger than a limit that the user can raise."""


class StoreError(ClustertraceError):
    """The database can't do what was asked."""


class StoreBusy(StoreError):
    """Another program holds the database; trying again may help."""


class StoreSlow(StoreError):
    """An answer took longer than it may; asking for less helps."""


class StoreCorrupt(StoreError):
    """The database is damaged. It is never overwritten."""


class StoreTooNew(StoreError):
    """The database was made by a newer clustertrace."""


class ModelError(ClustertraceError):
    """A model that the user wanted asked gave no answer."""


class ServeError(ClustertraceError):
    """The receiver or the pages can't be served."""
