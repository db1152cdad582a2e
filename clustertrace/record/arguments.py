"""The arguments of a call, by parameter name, without asking `inspect` at each call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["argument_reader"]

Reader = Callable[[tuple[Any, ...], dict[str, Any]], dict[str, Any]]


def argument_reader(function: Callable[..., Any], skip: Iterable[str]) -> Reader:
    """A function from the arguments of a call to a dict by parameter name.

    `self` and `cls` are left out, as are the names to skip. What a `*args` took stands as a list
    under its name, what a `**kwargs` took as an object under its.
    """
    left_out = frozenset(skip)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return lambda args, kwargs: {"args": list(args), **kwargs}
    positional = [p.name for p in parameters if p.kind <= p.POSITIONAL_OR_KEYWORD]
    named = frozenset(p.name for p in parameters if p.kind in (1, 3))
    rest = next((p.name for p in parameters if p.kind == p.VAR_POSITIONAL), "args")
    others = next((p.name for p in parameters if p.kind == p.VAR_KEYWORD), None)
    if positional and positional[0] in ("self", "cls"):
        left_out |= {positional[0]}
    count = len(positional)
    simple = not left_out

    def read(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = dict(zip(positional, args))  # noqa: B905 - half the time of a strict one
        if simple and not kwargs and len(args) <= count:
            return told
        if len(args) > count:
            told[rest] = list(args[count:])
        if others is None or named.issuperset(kwargs):
            told.update(kwargs)
        else:
            told.update((key, value) for key, value in kwargs.items() if key in named)
            told[others] = {key: value for key, value in kwargs.items() if key not in named}
        if left_out:
            for name in left_out:
                told.pop(name, None)
        return told

    return read
