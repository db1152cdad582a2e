"""Tools that refuse arguments they don't know: an ignored one would look as if it had worked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Self, cast

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations
from pydantic import ValidationError

from clustertrace.mcp.bounds import cut

__all__ = ["StrictTool"]

_SHOWN_CHARACTERS: Final = 80
"""Characters of a client's value that the refusal quotes."""


class StrictTool(Tool):
    """A tool that refuses arguments that are not in its schema, with a sentence."""

    @classmethod
    def of(
        cls, function: Callable[..., Any], name: str | None, annotations: ToolAnnotations
    ) -> Self:
        """The tool of a function, by its name or another."""
        tool = cast(Self, cls.from_function(function, name=name, annotations=annotations))
        argument_model = tool.fn_metadata.arg_model
        argument_model.model_config["extra"] = "forbid"
        argument_model.model_rebuild(force=True)
        tool.parameters = argument_model.model_json_schema(by_alias=True)
        return tool

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False
    ) -> Any:
        """Call it. Raises ToolError, in one sentence for arguments that don't fit."""
        try:
            self.fn_metadata.validate_arguments(arguments)
        except ValidationError as wrong:
            sentence = self._refusal(wrong)
            raise ToolError(f"Error executing tool {self.name}: {sentence}") from wrong
        return await super().run(arguments, context, convert_result)

    def _refusal(self, wrong: ValidationError) -> str:
        """What is wrong with the first argument that is."""
        first = wrong.errors(include_url=False)[0]
        name = cut(".".join(map(str, first["loc"])), _SHOWN_CHARACTERS)
        if first["type"] == "extra_forbidden":
            known = ", ".join(self.parameters.get("properties", ()))
            return f"There is no argument {name!r}; {self.name} takes {known}."
        if first["type"] == "missing":
            return f"{self.name} needs the argument {name!r}."
        reason = first["msg"].replace("Input should", "it should")
        return f"{name} can't be {cut(repr(first['input']), _SHOWN_CHARACTERS)}: {reason}."
