"""Turn recorded JSON into the types that a program's annotations name.

A recording holds plain JSON. If a parameter or a result is annotated (a dataclass, a model, a
date, a path), pydantic builds that type; otherwise, or if that fails, the plain value stays.
"""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args, get_type_hints

from clustertrace.model import Span

__all__ = ["RecordedFailure", "annotations_of", "error_of", "items_of", "rebuilt"]


class RecordedFailure(Exception):
    """Stands in for a recorded exception whose class can't be found."""


def annotations_of(fn: Callable[..., Any]) -> Mapping[str, Any]:
    """Types by parameter name, the result's under `return`; empty if they can't be resolved."""
    try:
        return get_type_hints(fn)
    except Exception:  # annotations are the program's code, and may name anything
        return {}


def rebuilt(value: Any, annotation: Any) -> Any:
    """A recorded value as the annotated type, or as it is."""
    if annotation is None or annotation is Any:
        return value
    from pydantic import TypeAdapter

    try:
        return TypeAdapter(annotation).validate_python(value)
    except Exception:  # pydantic's own, and whatever a program's validators raise
        return value


def items_of(value: Any, annotation: Any) -> Iterator[Any]:
    """The items that a generator yielded; `annotation` is its return annotation."""
    item_types = get_args(annotation)
    for item in value or ():
        yield rebuilt(item, item_types[0] if item_types else None)


def error_of(span: Span, program: Mapping[str, Any]) -> BaseException:
    """The exception that a recorded span ended with, rebuilt as far as possible.

    `program` holds the globals of the called function's module: classes of a main program are
    recorded without their module.
    """
    message = span.error_message or ""
    error_type = _class_of(span.error_type or "", program)
    if error_type is None:
        return RecordedFailure(f"{span.error_type or 'Error'}: {message}")
    try:
        return error_type(message)
    except Exception:
        # Its constructor needs more than a message.
        error = error_type.__new__(error_type)
        error.args = (message,)
        return error


def _class_of(name: str, program: Mapping[str, Any]) -> type[BaseException] | None:
    module, _, qualname = name.rpartition(".")
    target: Any = program.get(name) or getattr(builtins, name, None)
    while target is None and module:
        try:
            target = importlib.import_module(module)
        except ImportError:
            module, _, head = module.rpartition(".")
            qualname = f"{head}.{qualname}"
            continue
        for part in qualname.split("."):
            target = getattr(target, part, None)
    usable = isinstance(target, type) and issubclass(target, BaseException)
    return target if usable else None
