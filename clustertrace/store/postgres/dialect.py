"""The store's SQL, written for SQLite, translated to PostgreSQL.

sqlglot translates each statement once per process, and the result is cached. It covers most
differences (the order of nulls, `IS` between values, the larger of two numbers); this module adds
the ones that it leaves as they are.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import sqlglot
from sqlglot import exp

__all__ = ["translated"]

_HINTS: Final = re.compile(r" INDEXED BY \w+\b")
_JOIN_ORDER_HINT: Final = re.compile(r"CROSS JOIN (?=\w+(?: AS \w+)? (?:USING|ON)\b)")
"""Forces the join order in SQLite; PostgreSQL's planner finds its own."""

_PLACEHOLDER_LISTS: Final = re.compile(
    r"(?<=\bIN \()\?(?:, \?)*(?=\))|(?<=\bVALUES )\(\?(?:, \?)+\)(?:, \(\?(?:, \?)+\))+"
)
_LIST_MARK: Final = "__many__"
_LIST_MARKS: Final = re.compile(rf"\({_LIST_MARK}_rows\)|{_LIST_MARK}")
_MATCH: Final = re.compile(r"span_index MATCH (%s|%\(\w+\)s)")

_BOOLEANS: Final = (exp.Predicate, exp.And, exp.Or, exp.Not)


def translated(sql: str) -> str:
    """A statement in PostgreSQL's dialect; parameters become `%s` and `%(name)s`."""
    lists = [match.group().replace("?", "%s") for match in _PLACEHOLDER_LISTS.finditer(sql)]
    if not lists:
        return _translated(sql)
    # Lists differ in length from call to call, but should share one cached translation.
    first, *rest = _LIST_MARKS.split(_translated(_PLACEHOLDER_LISTS.sub(_stand_in, sql)))
    return first + "".join(marks + part for marks, part in zip(lists, rest, strict=True))


def _stand_in(match: re.Match[str]) -> str:
    return f"({_LIST_MARK}_rows)" if match.group().startswith("(") else _LIST_MARK


@lru_cache(maxsize=4096)
def _translated(sql: str) -> str:
    tree = sqlglot.parse_one(_JOIN_ORDER_HINT.sub("JOIN ", _HINTS.sub("", sql)), read="sqlite")
    for change in (_no_case, _likes, _empty_lists, _summed_booleans, _functions, _conflicts):
        tree = change(tree)
    _name_parts(tree)
    _double_percents(tree)
    return _MATCH.sub(r"span_index.words @@ \1::tsquery", tree.sql("postgres"))


def _no_case(tree: exp.Expr) -> exp.Expr:
    """`a = b COLLATE NOCASE` compares, and `ORDER BY a COLLATE NOCASE` sorts, lower(a)."""
    for collate in list(tree.find_all(exp.Collate)):
        if collate.expression.name.upper() != "NOCASE":
            continue
        parent = collate.parent
        if isinstance(parent, exp.Binary):
            other = parent.left if parent.right is collate else parent.right
            if not isinstance(other, (exp.Lower, exp.Collate)):
                other.replace(exp.Lower(this=other.copy()))
        collate.replace(exp.Lower(this=collate.this.copy()))
    return tree


def _likes(tree: exp.Expr) -> exp.Expr:
    """SQLite's LIKE ignores case."""
    for like in list(tree.find_all(exp.Like)):
        like.replace(exp.ILike(this=like.this.copy(), expression=like.expression.copy()))
    return tree


def _empty_lists(tree: exp.Expr) -> exp.Expr:
    for condition in list(tree.find_all(exp.In)):
        if not condition.expressions and not condition.args.get("query"):
            condition.replace(exp.false())
    return tree


def _summed_booleans(tree: exp.Expr) -> exp.Expr:
    """SQLite can sum booleans, which are numbers there."""
    for total in tree.find_all(exp.Sum):
        if isinstance(total.this, _BOOLEANS):
            total.set("this", exp.cast(exp.paren(total.this), "int"))
    return tree


def _functions(tree: exp.Expr) -> exp.Expr:
    for hex_call in list(tree.find_all(exp.Hex, exp.LowerHex)):
        encoded = exp.func("encode", hex_call.this.copy(), exp.Literal.string("hex"))
        hex_call.replace(encoded)
    for rounded in list(tree.find_all(exp.Round)):
        if rounded.args.get("decimals"):
            rounded.set("this", exp.cast(rounded.this, "decimal"))
            rounded.replace(exp.cast(rounded.copy(), "double"))
    return tree


def _conflicts(tree: exp.Expr) -> exp.Expr:
    """sqlglot adds an order of nulls to the columns of ON CONFLICT, where none is allowed."""
    for conflict in tree.find_all(exp.OnConflict):
        keys = conflict.args.get("conflict_keys") or ()
        conflict.set(
            "conflict_keys", [key.this if isinstance(key, exp.Ordered) else key for key in keys]
        )
    return tree


def _name_parts(tree: exp.Expr) -> None:
    """PostgreSQL requires an alias for each subquery in FROM."""
    for number, part in enumerate(tree.find_all(exp.Subquery)):
        if not part.alias and isinstance(part.parent, (exp.From, exp.Join)):
            part.set("alias", exp.TableAlias(this=exp.to_identifier(f"part_{number}")))


def _double_percents(tree: exp.Expr) -> None:
    """The driver would take a single percent sign as a parameter."""
    for literal in tree.find_all(exp.Literal):
        if literal.is_string:
            literal.set("this", literal.name.replace("%", "%%"))
