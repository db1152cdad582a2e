"""The filter language: one way to say which traces, for commands, pages and editors alike.

    status:error tag.agent:research model:claude-* cost>0.10 duration>5s has(web_search)
    seq(search -> search -> answer) lacks(cite) pattern:ab12 since:7d text:"rate limit"

Conditions side by side must all hold; `or`, `not` and parentheses combine them.
"""

from clustertrace.filters.syntax import FilterError, parse, parse_chosen
from clustertrace.filters.tree import Filter, before_only
from clustertrace.filters.writing import both, condition, of_patterns, taking

__all__ = [
    "Filter",
    "FilterError",
    "before_only",
    "both",
    "condition",
    "of_patterns",
    "parse",
    "parse_chosen",
    "taking",
]
