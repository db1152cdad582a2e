"""The receiver's own metrics in Prometheus's text format (version 0.0.4).

Written by hand: a dozen numbers need no registry, and the format is one line each. The tests parse
it with Prometheus's own parser.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

__all__ = ["CONTENT_TYPE", "Figures", "Histogram", "exposition"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

_METRICS: Final = (
    ("info", "gauge", "The program."),
    ("trouble", "gauge", "1: the last commit or background task failed; /healthz says why."),
    ("spans_stored_total", "counter", "Spans that senders were told are stored."),
    ("rejected_total", "counter", "Spans, records and data points that were not usable."),
    ("requests_total", "counter", "HTTP requests with data, by their answer."),
    ("queue_spans", "gauge", "Spans and records that wait for the writer."),
    ("commit_seconds", "histogram", "How long commits took."),
    ("database_bytes", "gauge", "Sizes of the database's files."),
    ("settling_lag_seconds", "gauge", "How long a trace has been due to be settled."),
    ("unindexed_spans", "gauge", "Spans that are not in the text index yet."),
)
"""Each metric: its name, its type, and what it means."""

Labels = Mapping[str, str]
Sample = tuple[str, Labels, float]


class Histogram:
    """A histogram of durations in seconds. One thread observes, others read."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count a duration."""
        self._counts[bisect_left(_BOUNDS, seconds)] += 1
        self._sum += seconds

    def samples(self) -> list[Sample]:
        """Cumulative samples, as in Prometheus."""
        below = 0
        samples: list[Sample] = []
        for bound, count in zip((*map(str, _BOUNDS), "+Inf"), [*self._counts], strict=True):
            below += count
            samples.append(("_bucket", {"le": bound}, below))
        return [*samples, ("_sum", {}, self._sum), ("_count", {}, below)]


class Figures(NamedTuple):
    """The receiver's metrics; counts are since its start."""

    version: str
    trouble: bool
    stored: int
    """Spans."""
    rejected: int
    """Spans, records and data points."""
    waiting: int
    """Spans and records."""
    answers: Mapping[tuple[str, int], int]
    """HTTP answers by signal and status."""
    commits: Histogram
    files: Mapping[str, int]
    """Bytes, by what the files hold."""
    settling_s: float | None
    """This and the next are None if the database can't be read just now."""
    unindexed: int | None


def exposition(figures: Figures) -> str:
    """The metrics in Prometheus's format."""
    samples = _samples(figures)
    return "".join(
        line
        for name, kind, meaning in _METRICS
        for line in _metric_lines(name, kind, meaning, samples[name])
    )


def _samples(figures: Figures) -> Mapping[str, Sequence[Sample]]:
    """The samples of each metric, by its name."""
    return {
        "info": [("", {"version": figures.version}, 1)],
        "trouble": _single_sample(figures.trouble),
        "spans_stored_total": _single_sample(figures.stored),
        "rejected_total": _single_sample(figures.rejected),
        "requests_total": [
            ("", {"signal": signal, "status": str(status)}, count)
            for (signal, status), count in sorted(figures.answers.items())
        ],
        "queue_spans": _single_sample(figures.waiting),
        "commit_seconds": figures.commits.samples(),
        "database_bytes": [("", {"file": name}, size) for name, size in figures.files.items()],
        "settling_lag_seconds": _single_sample(figures.settling_s),
        "unindexed_spans": _single_sample(figures.unindexed),
    }


def _single_sample(value: float | None) -> list[Sample]:
    return [] if value is None else [("", {}, value)]


def _metric_lines(name: str, kind: str, meaning: str, samples: Iterable[Sample]) -> Iterable[str]:
    yield f"# HELP clustertrace_{name} {meaning}\n# TYPE clustertrace_{name} {kind}\n"
    for ending, labels, value in samples:
        pairs = ",".join(f'{key}="{_escaped_label(text)}"' for key, text in labels.items())
        yield f"clustertrace_{name}{ending}{f'{{{pairs}}}' if pairs else ''} {float(value)!r}\n"


def _escaped_label(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
