"""The store's SQL, written for SQLite, translated to PostgreSQL.

sqlglot translates each statement once per process, and the result is cached.
sqlglot knows how the two differ in general (to which end nulls are sorted, `IS` between values, the
larger of two numbers); what is added here are SQLite's habits that it leaves as they are.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import sqlglot
from sqlglot import exp

__all__ = ["translated"]

_HINTS: Final = re.compile(r" INDEXED BY \w+\b")
_ON: Final = re.compile(r"CROSS JOIN (?=\w+(?: AS \w+)? (?:USING|ON)\b)")
"""An order of joins that is meant: SQLite keeps it, PostgreSQL's planner finds its own."""

_MARKS: Final = re.compile(
    r"(?<=\bIN \()\?(?:, \?)*(?=\))|(?<=\bVALUES )\(\?(?:, \?)+\)(?:, \(\?(?:, \?)+\))+"
)
_ANY: Final = "__many__"
_LISTS: Final = re.compile(rf"\({_ANY}_rows\)|{_ANY}")
_MATCH: Final = re.compile(r"span_index MATCH (%s|%\(\w+\)s)")

_TRUTHS: Final = (exp.Predicate, exp.And, exp.Or, exp.Not)


def translated(sql: str) -> str:
    """PostgreSQL's words for a statement; parameters become `%s` and `%(name)s`."""
    lists = [found.group().replace("?", "%s") for found in _MARKS.finditer(sql)]
    if not lists:
        return _translated(sql)
    # Lists of one statement differ in length from call to call: they share what is kept of it.
    first, *rest = _LISTS.split(_translated(_MARKS.sub(_stand_in, sql)))
    return first + "".join(marks + part for marks, part in zip(lists, rest, strict=True))


def _stand_in(found: re.Match[str]) -> str:
    return f"({_ANY}_rows)" if found.group().startswith("(") else _ANY


@lru_cache(maxsize=4096)
def _translated(sql: str) -> str:
    tree = sqlglot.parse_one(_ON.sub("JOIN ", _HINTS.sub("", sql)), read="sqlite")
    for change in (_no_case, _likes, _empty_lists, _counted_truths, _functions, _conflicts):
        tree = change(tree)
    _name_parts(tree)
    _double_percents(tree)
    return _MATCH.sub(r"span_index.words @@ \1::tsquery", tree.sql("postgres"))


def _no_case(tree: exp.Expr) -> exp.Expr:
    """`a = b COLLATE NOCASE` compares, and `ORDER BY a COLLATE NOCASE` sorts, lower(a)."""
    for found in list(tree.find_all(exp.Collate)):
        if found.expression.name.upper() != "NOCASE":
            continue
        above = found.parent
        if isinstance(above, exp.Binary):
            other = above.left if above.right is found else above.right
            if not isinstance(other, (exp.Lower, exp.Collate)):
                other.replace(exp.Lower(this=other.copy()))
        found.replace(exp.Lower(this=found.this.copy()))
    return tree


def _likes(tree: exp.Expr) -> exp.Expr:
    """The case of letters does not matter to SQLite's LIKE."""
    for found in list(tree.find_all(exp.Like)):
        found.replace(exp.ILike(this=found.this.copy(), expression=found.expression.copy()))
    return tree


def _empty_lists(tree: exp.Expr) -> exp.Expr:
    for found in list(tree.find_all(exp.In)):
        if not found.expressions and not found.args.get("query"):
            found.replace(exp.false())
    return tree


def _counted_truths(tree: exp.Expr) -> exp.Expr:
    """SQLite's truths are numbers, which it can sum up."""
    for found in tree.find_all(exp.Sum):
        if isinstance(found.this, _TRUTHS):
            found.set("this", exp.cast(exp.paren(found.this), "int"))
    return tree


def _functions(tree: exp.Expr) -> exp.Expr:
    for found in list(tree.find_all(exp.Hex, exp.LowerHex)):
        encoded = exp.func("encode", found.this.copy(), exp.Literal.string("hex"))
        found.replace(encoded)
    for rounded in list(tree.find_all(exp.Round)):
        if rounded.args.get("decimals"):
            rounded.set("this", exp.cast(rounded.this, "decimal"))
            rounded.replace(exp.cast(rounded.copy(), "double"))
    return tree


def _conflicts(tree: exp.Expr) -> exp.Expr:
    """sqlglot writes an order of nulls behind the columns of ON CONFLICT, where none may stand."""
    for found in tree.find_all(exp.OnConflict):
        keys = found.args.get("conflict_keys") or ()
        found.set(
            "conflict_keys", [key.this if isinstance(key, exp.Ordered) else key for key in keys]
        )
    return tree


def _name_parts(tree: exp.Expr) -> None:
    """Each query that stands for a table needs a name."""
    for at, part in enumerate(tree.find_all(exp.Subquery)):
        if not part.alias and isinstance(part.parent, (exp.From, exp.Join)):
            part.set("alias", exp.TableAlias(this=exp.to_identifier(f"part_{at}")))


def _double_percents(tree: exp.Expr) -> None:
    """The driver takes a single percent sign for a parameter."""
    for found in tree.find_all(exp.Literal):
        if found.is_string:
            found.set("this", found.name.replace("%", "%%"))
