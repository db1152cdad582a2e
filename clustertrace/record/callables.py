"""What a function is: its sort, and the names of its parameters, read once when it is decorated.

A plain function's code object knows all of it; `inspect`, which takes 5 ms to import and 5 µs to
bind the arguments of a call, is for other callables only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, Final, Literal, NamedTuple

__all__ = ["Sort", "argument_reader", "sort_of"]

Reader = Callable[[tuple[Any, ...], dict[str, Any]], dict[str, Any]]

Sort = Literal["function", "coroutine", "generator", "async generator"]

# Flags of code objects; `inspect` has them as CO_VARARGS and so on.
_TAKES_ARGS: Final = 0x04
_TAKES_KWARGS: Final = 0x08
_SORTS: Final[tuple[tuple[int, Sort], ...]] = (
    (0x200, "async generator"),
    (0x80, "coroutine"),
    (0x20, "generator"),
)


class _Names(NamedTuple):
    """The names of a function's parameters."""

    positional: tuple[str, ...]
    by_name: frozenset[str]
    """Those that a caller may name."""
    rest: str
    """Of `*args`."""
    others: str | None
    """Of `**kwargs`."""


def argument_reader(function: Callable[..., Any], skip: Iterable[str]) -> Reader:
    """A function from the arguments of a call to a dict by parameter name.

    `self` and `cls` are left out, as are the names to skip. What a `*args` took stands as a list
    under its name, what a `**kwargs` took as an object under its.
    """
    positional, by_name, rest, others = _names(function)
    left_out = frozenset(skip)
    if positional and positional[0] in ("self", "cls"):
        left_out |= {positional[0]}
    count = len(positional)
    simple = not left_out

    def read(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        arguments: dict[str, Any] = dict(zip(positional, args))  # noqa: B905 - twice as fast
        if simple and not kwargs and len(args) <= count:
            return arguments
        if len(args) > count:
            arguments[rest] = list(args[count:])
        if others is None or by_name.issuperset(kwargs):
            arguments.update(kwargs)
        else:
            arguments.update((key, value) for key, value in kwargs.items() if key in by_name)
            arguments[others] = {
                key: value
                for key, value in kwargs.items()
                if key not in by_name and key not in left_out
            }
        for name in left_out:
            arguments.pop(name, None)
        return arguments

    return read


def sort_of(function: Callable[..., Any]) -> Sort:
    """How a function gives its result."""
    if type(function) is FunctionType:
        flags = function.__code__.co_flags
        return next((sort for flag, sort in _SORTS if flags & flag), "function")
    import inspect

    if inspect.isasyncgenfunction(function):
        return "async generator"
    if inspect.iscoroutinefunction(function):
        return "coroutine"
    return "generator" if inspect.isgeneratorfunction(function) else "function"


def _names(function: Callable[..., Any]) -> _Names:
    if type(function) is FunctionType and not hasattr(function, "__wrapped__"):
        return _names_in_code(function)
    import inspect

    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return _Names((), frozenset(), "args", "kwargs")
    return _Names(
        tuple(p.name for p in parameters if p.kind <= p.POSITIONAL_OR_KEYWORD),
        frozenset(p.name for p in parameters if p.kind in (1, 3)),
        next((p.name for p in parameters if p.kind == p.VAR_POSITIONAL), "args"),
        next((p.name for p in parameters if p.kind == p.VAR_KEYWORD), None),
    )


def _names_in_code(function: FunctionType) -> _Names:
    code = function.__code__
    count, keyword_only = code.co_argcount, code.co_kwonlyargcount
    names = code.co_varnames
    extra = list(names[count + keyword_only :])
    rest = extra.pop(0) if code.co_flags & _TAKES_ARGS else "args"
    others = extra[0] if code.co_flags & _TAKES_KWARGS else None
    by_name = names[code.co_posonlyargcount : count + keyword_only]
    return _Names(names[:count], frozenset(by_name), rest, others)
