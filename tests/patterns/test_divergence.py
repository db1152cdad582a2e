"""Where paths part: the step at which the chance of failing jumps, and silence without one."""

from __future__ import annotations

import pytest

from clustertrace.patterns.divergence import END, Path, divergence, tree
from clustertrace.patterns.signature import Step
from clustertrace.patterns.why_words import divergence_words
from tests.patterns.test_families import steps


def path(text: str, runs: int, failed: int, independent: tuple[int, int] | None = None) -> Path:
    """Make runs of these steps; each is a session of its own unless told otherwise."""
    return Path(steps(text), runs, failed, *(independent or (failed, runs - failed)))


def test_the_step_at_which_failing_jumps_is_found() -> None:
    """What was shared before, both counts, and where the others went."""
    found = divergence(tree([path("plan search fetch", 30, 2), path("plan search guess", 12, 11)]))
    assert found is not None
    assert found.path == steps("plan search")
    assert found.step == steps("guess")[0]
    assert (found.failed, found.runs, found.other_failed, found.other_runs) == (11, 12, 2, 30)
    assert found.others == steps("fetch")
    assert divergence_words(found) == (
        "After `plan`, `search`, 11 of the 12 runs that took `guess` failed, against 2 of the 30 "
        "that went another way (mostly `fetch`); p <0.0001."
    )


def test_the_earliest_step_of_a_way_stands_for_it() -> None:
    """Steps behind the branch, which all its runs took, add nothing."""
    found = divergence(tree([path("a b c d", 10, 10), path("a x", 20, 0)]))
    assert found is not None
    assert found.path == steps("a")
    assert found.step == steps("b")[0]


def test_ending_early_is_a_way_too() -> None:
    """Runs that stop where others go on are told as such."""
    found = divergence(tree([path("a", 10, 9), path("a cite", 30, 1)]))
    assert found is not None
    assert found.step == END
    assert "9 of the 10 runs that ended there failed" in divergence_words(found)


def test_where_most_of_the_others_ended_is_told() -> None:
    """To end is a way as any other, and comes first where most went it."""
    found = divergence(tree([path("a", 198, 2), path("a x", 2, 0), path("a y", 12, 11)]))
    assert found is not None
    assert "that went another way (mostly ended there, `x`)" in divergence_words(found)


def test_loops_part_by_their_count() -> None:
    """How often a step came is part of the way."""
    found = divergence(tree([path("search*4-7", 10, 9), path("search cite", 30, 1)]))
    assert found is not None
    assert found.step == Step(("search",), (False,), ("tool",), "4-7")
    assert divergence_words(found).startswith("9 of the 10 runs that took `search ×4–7` failed")


def test_a_pattern_s_own_way_comes_first() -> None:
    """Of several jumps the one on the way of the pattern that is asked for is told."""
    both = tree([path("a b", 10, 10), path("c d", 60, 0), path("c e", 12, 8), path("a f", 30, 1)])
    anywhere, own = divergence(both), divergence(both, steps("c e"))
    assert anywhere is not None
    assert own is not None
    assert anywhere.step == steps("b")[0]
    assert (own.path, own.step) == (steps("c"), steps("e")[0])


def test_a_pattern_that_broke_in_a_step_went_its_way() -> None:
    """The branch of that step comes before one that other runs came to by another way."""
    broke = [path("load pdf!", 20, 20)._replace(broke=20)]
    paths = [*broke, path("load pdf mail", 25, 2), path("load html mail", 200, 20)]
    paths += [path("load time pdf", 12, 8), path("load time html", 40, 2)]
    found = divergence(tree(paths), steps("load pdf!"))
    assert found is not None
    assert (found.path, found.step, found.failed) == (steps("load"), steps("pdf")[0], 22)


@pytest.mark.parametrize("steps_taken", ["plan fetch!", "plan fetch!*2-3", "plan"])
def test_that_a_run_broke_is_no_way_that_it_took(steps_taken: str) -> None:
    """Where an error ended runs is told elsewhere; here it would only say that they failed."""
    broken = path(steps_taken, 20, 20)._replace(broke=20)
    assert divergence(tree([path("plan fetch cite", 60, 2), broken])) is None


def test_a_step_counts_as_taken_by_those_that_broke_in_it() -> None:
    """Whoever takes the risky one of two steps fails more often; that it failed is no other way."""
    taken = [path("plan safe", 40, 2), path("plan risky", 12, 2)]
    broken = path("plan risky!", 9, 9)._replace(broke=9)
    found = divergence(tree([*taken, broken]))
    assert found is not None
    assert divergence_words(found) == (
        "After `plan`, 11 of the 21 runs that took `risky` failed, against 2 of the 40 that went "
        "another way (mostly `safe`); p <0.0001."
    )
    assert divergence(tree([*taken, path("look", 40, 2), broken])) == found


def test_a_step_called_end_is_a_step_as_any_other() -> None:
    """It is told from ending, whatever it is called, and so are the runs that broke in it."""

    def told(step: str) -> str:
        paths = [path("plan", 30, 1), path(f"plan {step}", 12, 2)]
        paths.append(path(f"plan {step}!", 9, 9)._replace(broke=9))
        found = divergence(tree(paths))
        return "" if found is None else divergence_words(found)

    assert told("stop").startswith("After `plan`, 11 of the 21 runs that took `stop` failed")
    assert told("end") == told("stop").replace("stop", "end")


def test_breaking_in_either_of_two_ways_alike_parts_nothing() -> None:
    """One step that fails one time in six does so whatever came before it."""
    paths = [path("fetch cite", 160, 0), path("search fetch cite", 92, 0)]
    paths += [
        path(f"{way}fetch!", n, n)._replace(broke=n) for way, n in (("", 32), ("search ", 16))
    ]
    assert divergence(tree(paths)) is None


def test_to_have_broken_off_speaks_against_no_way() -> None:
    """Of runs that break anywhere, those that did a step more often fail no more often."""
    ended = path("look", 45, 33)._replace(broke=33)
    again = path("look*2-3", 42, 30)._replace(broke=30)
    assert divergence(tree([ended, again])) is None
    found = divergence(tree([path("look", 45, 33), again._replace(broke=0), path("ask", 90, 3)]))
    assert found is not None
    assert found.left_out == 0
    found = divergence(tree([path("look", 50, 45)._replace(broke=20), path("look cite", 90, 3)]))
    assert found is not None
    assert divergence_words(found) == (
        "After `look`, 25 of the 30 runs that ended there failed, against 3 of the 90 that went "
        "another way (mostly `cite`); p <0.0001. Not counted: 20 runs that broke there."
    )


def test_a_loop_that_broke_early_is_not_taken_for_a_short_one() -> None:
    """Nobody knows how often it would have gone round; one that broke at its cap went so often."""
    early = path("ask", 20, 20)._replace(broke=20)
    assert divergence(tree([path("ask*4-7 end", 60, 2), early])) is None
    capped = path("ask*4-7", 20, 20)._replace(broke=20)
    found = divergence(tree([path("ask end", 60, 2), capped]))
    assert found is not None
    assert divergence_words(found).startswith("20 of the 20 runs that took `ask ×4–7` failed")


@pytest.mark.parametrize(
    "paths",
    [
        [],
        [path("a b", 500, 200)],
        [path(f"s{at}", 1, at % 2) for at in range(40)],
        [path("a b", 30, 0), path("a c", 30, 0)],
        [path("a b", 30, 30), path("a c", 30, 30)],
        [path("a b", 4, 2), path("a c", 4, 1)],
        [path("a b", 40, 40, (1, 0)), path("a c", 40, 0)],
    ],
)
def test_no_evidence_is_no_divergence(paths: list[Path]) -> None:
    """One giant pattern, all singletons, none or all failing, few runs, one session repeated."""
    assert divergence(tree(paths)) is None


def test_long_paths_are_cut() -> None:
    """Runs that agree for very long are taken for one way."""
    long = " ".join(f"s{at} t{at}" for at in range(2_000))
    root = tree([path(long, 9, 9), path(f"{long} x", 9, 0)])
    assert divergence(root) is None
    depth = 0
    node = root
    while node.children:
        (node,) = node.ranked()
        depth += 1
    assert depth < 100
    assert node.rate == 0.5
