"""Recorded JSON → the values that a program expects, as its own annotations say.

A recording holds plain JSON. Where a parameter or a result is annotated (a dataclass, a model, a
date, a path), pydantic makes that type of it; otherwise, or if that fails, the plain value stays.
"""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args, get_type_hints

from clustertrace.model import Span

__all__ = ["RecordedFailure", "annotations_of", "error_of", "items_of", "rebuilt"]


class RecordedFailure(Exception):
    """Stands for a recorded exception whose class is not to be found any more."""


def annotations_of(fn: Callable[..., Any]) -> Mapping[str, Any]:
    """Types by the names of parameters, and of the result under `return`; none where unreadable."""
    try:
        return get_type_hints(fn)
    except Exception:  # annotations are the program's code, and may name what is not there
        return {}


def rebuilt(value: Any, annotation: Any) -> Any:
    """A recorded value as a type says, or as it is."""
    if annotation is None or annotation is Any:
        return value
    from pydantic import TypeAdapter

    try:
        return TypeAdapter(annotation).validate_python(value)
    except Exception:  # pydantic's own, and whatever a program's validators raise
        return value


def items_of(value: Any, annotation: Any) -> Iterator[Any]:
    """What a generator had yielded, item by item; `annotation` is what it is said to return."""
    told = get_args(annotation)
    for item in value or ():
        yield rebuilt(item, told[0] if told else None)


def error_of(span: Span, program: Mapping[str, Any]) -> BaseException:
    """The exception that a recorded span ended in, as far as it can be made again.

    `program` are the names of the module that the call stands in, since the classes of a main
    program are recorded without their module.
    """
    message = span.error_message or ""
    kind = _class_of(span.error_type or "", program)
    if kind is None:
        return RecordedFailure(f"{span.error_type or 'Error'}: {message}")
    try:
        return kind(message)
    except Exception:
        # Its constructor wants more than a message.
        made = kind.__new__(kind)
        made.args = (message,)
        return made


def _class_of(name: str, program: Mapping[str, Any]) -> type[BaseException] | None:
    module, _, rest = name.rpartition(".")
    found: Any = program.get(name) or getattr(builtins, name, None)
    while found is None and module:
        try:
            found = importlib.import_module(module)
        except ImportError:
            module, _, head = module.rpartition(".")
            rest = f"{head}.{rest}"
            continue
        for part in rest.split("."):
            found = getattr(found, part, None)
    usable = isinstance(found, type) and issubclass(found, BaseException)
    return found if usable else None
