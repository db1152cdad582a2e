"""Options that need no check skip it.

Typer checks every value through pydantic, even the defaults of unused options, and loading pydantic
takes longer than most commands do.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

__all__ = ["skip_needless_checks"]

_PLAIN_TYPES: Final = (str, int, float, bool, type(None))


def skip_needless_checks(command: Any) -> None:
    """Let a Typer command, and those that it has, check only the values that need it."""
    for parameter in command.params:
        _skip_check(parameter)
    command.get_help_option = partial(_help_option, command.get_help_option)
    for inner in getattr(command, "commands", {}).values():
        skip_needless_checks(inner)


def _help_option(make: Any, context: Any) -> Any:
    """The option `--help`, which is made when it is first asked for and kept."""
    option = make(context)
    if option is not None:
        _skip_check(option)
    return option


def _skip_check(parameter: Any) -> None:
    takes_one = parameter.nargs == 1 and not getattr(parameter, "multiple", False)
    if takes_one and not isinstance(parameter.process_value, partial):
        parameter.process_value = partial(_process_value, parameter, parameter.process_value)


def _process_value(parameter: Any, check: Any, context: Any, value: Any) -> Any:
    """What the command is given for a value."""
    if not _needs_no_check(parameter, value):
        return check(context, value)
    return value if parameter.callback is None else parameter.callback(context, parameter, value)


def _needs_no_check(parameter: Any, value: Any) -> bool:
    """Whether a value is as the command wants it."""
    if isinstance(value, _PLAIN_TYPES) and value == parameter.default and not parameter.required:
        return type(value) is type(parameter.default)
    # Of a Typer that does not say so, or of any other type: let it check.
    accepted_type = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    return accepted_type is str and isinstance(value, str)
