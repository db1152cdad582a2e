"""`rules`: what failing runs have in common, from the database or from a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clustertrace.cli.app import Db, Json, Where, command_group, examples
from clustertrace.cli.output import note, plain, print_json, stdout
from clustertrace.errors import BadInput, UsageError
from clustertrace.opening import reading
from clustertrace.telling.words import chance, counted, percent

if TYPE_CHECKING:
    from clustertrace.patterns.conditions import Case
    from clustertrace.patterns.rules import Mined

__all__ = ["learn", "match", "rules"]

group = command_group("rules")

Runs = Annotated[
    Path, typer.Argument(metavar="FILE", help="Runs in the native format, plain or gzipped.")
]


@group.callback(
    invoke_without_command=True,
    epilog=examples("clustertrace rules", "clustertrace rules --json | jq '.rules[].sentence'"),
)
def rules(
    context: typer.Context,
    limit: Annotated[
        int, typer.Option("--runs", min=1, help="Learn from this many of the newest finished runs.")
    ] = 10_000,
    where: Where = None,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Say what the failing runs have in common.

    Prints failure rules: each a tested condition in one sentence, with how often runs that meet it
    failed, the base rate, and runs to look at; then whose runs fail, by their tags. Failures that
    you expect (`annotate --expected`) are left out unless --where says which runs count. Exit code
    1: nothing is significant.
    """
    if context.invoked_subcommand is not None:
        return
    from clustertrace.filters import parse
    from clustertrace.patterns.documents import learned_document
    from clustertrace.patterns.sentences import tags_note
    from clustertrace.store import queries

    matching = None if where is None else parse(where)
    with reading(db) as store, store.read() as conn:
        learned = queries.learned(conn, limit, matching)
        of_tags = queries.learned_of_tags(conn, limit, matching)
    document = learned_document(learned, of_tags)
    if as_json:
        print_json(document)
    else:
        _show_rules(document, learned.mined)
        if tags := tags_note(of_tags.mined):
            note(tags)
    if not learned.mined.rules and not of_tags.mined.rules:
        raise typer.Exit(1)


@group.command("learn", epilog=examples("clustertrace rules learn runs.jsonl.gz -o rules.json"))
def learn(
    file: Runs,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="RULES", help="Write the rules here, as JSON.")
    ],
    as_json: Json = False,
) -> None:
    """Learn failure rules from a file of runs.

    Its list `rules` is empty if nothing is significant.
    """
    import orjson

    from clustertrace.patterns.documents import mined_document
    from clustertrace.patterns.rules import mine

    mined = mine([case for _, case, is_known in _read_cases(file) if is_known])
    document = mined_document(mined)
    try:
        output.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise UsageError(f"{output} can't be written ({error.strerror}).") from None
    if as_json:
        print_json(document)
    else:
        _show_rules(document, mined)


@group.command("match", epilog=examples("clustertrace rules match rules.json new.jsonl"))
def match(
    document: Annotated[
        Path, typer.Argument(metavar="RULES", help="What `rules learn` or `rules --json` wrote.")
    ],
    file: Runs,
    as_json: Json = False,
) -> None:
    """Say which rules the runs of a file match.

    Nothing is learned again: each run is matched by its own steps. Rules are in rank order.
    """
    from clustertrace.patterns.conditions import matches
    from clustertrace.patterns.documents import conditions_of_document

    learned = conditions_of_document(_read_json(document))
    run_matches = []
    for trace_id, case, _ in _read_cases(file):
        ids = [name for name, rule in learned if matches(rule, case)]
        run_matches.append({"trace_id": trace_id, "rules": ids})
    if as_json:
        print_json({"matches": run_matches})
        return
    console = stdout()
    for run_match in run_matches:
        console.print(f"{run_match['trace_id']}  {' '.join(run_match['rules']) or '-'}")


def _show_rules(document: dict[str, Any], mined: Mined) -> None:
    from clustertrace.patterns.sentences import tried_words

    for rule in (*document["rules"], *document.get("tag_rules", ())):
        _show_rule(rule)
    if not mined.rules:
        note(document["why_none"])
        return
    left_out = document["left_out_as_expected"]
    without = f" without {counted(left_out, 'expected failure')}" if left_out else ""
    note(
        f"{tried_words(mined.tried)} on {mined.runs:,} runs{without}, {mined.failed:,} of them "
        "failed. A rule says what goes along with failing, not what causes it."
    )


def _show_rule(rule: dict[str, Any]) -> None:
    console = stdout()
    low, high = rule["interval"]
    console.print(f"{rule['id']}  {plain(rule['sentence'])}")
    console.print(
        f"          95 % interval {percent(low)} to {percent(high)},"
        f" p {chance(rule['p'])}, q {chance(rule['q'])}"
    )
    for trace_id in rule.get("sample_trace_ids", [])[:1]:
        console.print(f"          clustertrace inspect {trace_id[:12]}")


def _read_cases(file: Path) -> Iterator[tuple[str, Case, bool]]:
    """The runs of a file by their trace ids, and whether it is known how each went."""
    from clustertrace.exchange.native import traces_of
    from clustertrace.exchange.reading import open_source
    from clustertrace.model import failed
    from clustertrace.patterns.conditions import case_of
    from clustertrace.patterns.signature import in_order, root_of

    with open_source(file) as source:
        for spans, facts in traces_of(source):
            status = facts.status or root_of(in_order(spans)).status
            did_fail = failed(facts.outcome, status)
            case = case_of(spans, did_fail is True, facts.session_id)
            yield facts.trace_id, case, did_fail is not None


def _read_json(path: Path) -> Any:
    import orjson

    try:
        return orjson.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} can't be read ({error.strerror}).") from None
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{path} is not JSON ({error}).") from None
