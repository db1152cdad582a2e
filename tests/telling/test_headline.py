"""The pitch in one sentence, for every shape of data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clustertrace.store.answers import Cluster, ClusterPage, PatternAnnotation
from clustertrace.telling.headline import headline


def page(traces: int, *failed: int) -> ClusterPage:
    """Patterns with these numbers of failures, most first."""
    clusters = tuple(
        Cluster(str(n), "agent", (), lost, lost, 0.0, 0.0, 0, lost, None, None, 0, 0, "")
        for n, lost in enumerate(failed)
    )
    return ClusterPage(clusters, len(clusters), traces, sum(failed))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (page(0), "No trace has finished yet."),
        (page(1, 0), "The only finished trace did not fail."),
        (page(1, 1), "The only finished trace failed."),
        (page(40, 0, 0), "None of the 40 finished traces failed."),
        (page(40, 1, 0), "1 of 40 finished traces failed."),
        (page(40, 1, 1, 1), "3 traces failed, and no two of them in one pattern."),
        (page(60, 6, 4, 1, 1), "2 patterns hold 10 of the 12 failures (83 %)."),
        (page(60, 12, 0), "1 pattern holds all 12 failures."),
        (page(60, 2, 0), "1 pattern holds both failures."),
        (page(60, 12), "12 of 60 finished traces failed, and all took the same steps."),
        (page(12, 12), "1 pattern holds all 12 failures."),
        (page(300, 140, 140, 1), "2 patterns hold 280 of the 281 failures (99 %)."),
        (
            page(2000, 400, 400, 400, 400, 400),
            "4 patterns hold 1,600 of the 2,000 failures (80 %).",
        ),
        (
            page(60, *[2] * 10),
            "Failures are spread over many patterns: "
            "the 5 worst hold 10 of the 20 failures (50 %).",
        ),
    ],
)
def test_the_headline_says_where_the_failures_are(answer: ClusterPage, sentence: str) -> None:
    """The fewest patterns that hold four fifths of the failures if they are few, or the spread."""
    assert headline(answer) == sentence


def test_the_only_trace_of_a_filter_is_not_the_only_one() -> None:
    """If a filter leaves one trace, the headline speaks of the only one that matches."""
    sentence = headline(page(1, 1), filtered=True)
    assert sentence == "The only finished trace that matches failed."


def expecting(page: ClusterPage, *places: int) -> ClusterPage:
    """The same page, where the failures of the patterns at these places are expected."""
    clusters = [
        replace(cluster, annotation=PatternAnnotation(expected=True))
        if place in places
        else cluster
        for place, cluster in enumerate(page.clusters)
    ]
    expected = sum(page.clusters[place].failed for place in places)
    return replace(page, clusters=tuple(clusters), expected=expected)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (expecting(page(1, 1), 0), "The only finished trace failed, as expected."),
        (expecting(page(40, 1, 0), 0), "1 of 40 finished traces failed, as expected."),
        (expecting(page(180, 60, 6), 0, 1), "66 of 180 finished traces failed, as expected."),
        (
            expecting(page(180, 60, 1), 0),
            "1 of 180 finished traces failed unexpectedly; 60 more are expected.",
        ),
        (
            expecting(page(180, 1, 1, 1), 2),
            "2 traces failed unexpectedly, and no two of them in one pattern; 1 more is expected.",
        ),
        (
            expecting(page(180, 6, 4, 60, 1), 2),
            "2 patterns hold 10 of the 11 unexpected failures (91 %); 60 more are expected.",
        ),
        (
            expecting(page(180, *[2] * 11), 0),
            "Failures are spread over many patterns: "
            "the 5 worst hold 10 of the 20 unexpected failures (50 %); 2 more are expected.",
        ),
    ],
)
def test_expected_failures_do_not_lead(answer: ClusterPage, sentence: str) -> None:
    """The sentence is about the others, and says how many failures are expected."""
    assert headline(answer) == sentence
