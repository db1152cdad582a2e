"""How well failure rules hold on runs that they have never seen, beside two rivals, in one run.

    python benchmarks/patterns.py [--shuffles 100] [FILE ...]

FILEs are native JSONL of finished runs with outcomes; without any, the sets of real runs in the
folder beside the checkout. Five folds, split at random and by the tag `task` (runs of one task are
not independent). Of runs that stop as soon as they succeed only the first steps may be used, else
their length gives the outcome away: `FILE:5` keeps runs of at least five steps, cut to five.

Printed for each set and split: J@5 (share of the held-out failures that any of the five rules
matches, less the share of the passes), the failures covered, the failure rate where a rule
matches, the area under the ROC curve of the highest matching failure rate, and the share of label
shufflings on which any rule is still reported. The rivals: exact signatures (the five variants
with most excess failures) and a six-leaf decision tree of scikit-learn over the same conditions.
"""

from __future__ import annotations

import argparse
import gzip
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from clustertrace.exchange.native import parse_trace
from clustertrace.model import Span
from clustertrace.patterns.conditions import Case, case_of, matches
from clustertrace.patterns.rules import mine
from clustertrace.patterns.signature import STEP_KINDS, in_order, root_of, variant

FOLDS = 5
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
USUAL = ("tau2_retail.jsonl.gz", "intercode_sql.jsonl.gz:5")

Score = Callable[["Sample"], float]
"""The failure rate that a model expects of a run; 0 where no rule of it matches."""


class Sample(NamedTuple):
    """A run, what it is compared by, and where it belongs."""

    case: Case
    signature: str
    task: str


def load(name: str) -> list[Sample]:
    """Read a set; `:5` behind the name keeps runs of five steps or more, cut to five."""
    path, _, steps = name.partition(":")
    made = []
    with gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb") as file:
        for line in file:
            spans, facts = parse_trace(line)
            kept = cut(spans, int(steps)) if steps else spans
            if kept:
                ordered = in_order(kept)
                made.append(
                    Sample(
                        case_of(kept, facts.outcome == "fail", facts.session_id),
                        variant(ordered, root_of(ordered)).id,
                        facts.tags.get("task", facts.trace_id),
                    )
                )
    return made


def cut(spans: Sequence[Span], steps: int) -> list[Span]:
    """The spans up to the given number of steps; nothing of a run that has fewer."""
    acting = [span for span in in_order(spans) if span.kind in STEP_KINDS and span.parent_span_id]
    if len(acting) < steps:
        return []
    end = acting[steps - 1].start_ns
    dropped = {span.span_id for span in acting[steps:]}
    return [s for s in spans if s.span_id not in dropped and s.start_ns <= end]


def rules(samples: Sequence[Sample]) -> Score:
    """Ours."""
    found = mine([sample.case for sample in samples]).rules

    def score(sample: Sample) -> float:
        rates = [
            rule.failed / rule.matched for rule in found if matches(rule.conditions, sample.case)
        ]
        return max(rates, default=0.0)

    return score


def signatures(samples: Sequence[Sample]) -> Score:
    """The five exact signatures with most failures beyond the base rate."""
    runs = Counter(sample.signature for sample in samples)
    failed = Counter(sample.signature for sample in samples if sample.case.failed)
    base = failed.total() / len(samples)
    top = sorted(runs, key=lambda name: failed[name] - base * runs[name])[-5:]
    rates = {name: failed[name] / runs[name] for name in top if failed[name] > base * runs[name]}
    return lambda sample: rates.get(sample.signature, 0.0)


def tree(samples: Sequence[Sample]) -> Score:
    """A decision tree of six leaves; leaves that fail more than the base rate are its rules."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.tree import DecisionTreeClassifier

    def features(sample: Sample) -> dict[str, float]:
        return {**{str(trait): 1.0 for trait in sample.case.traits}, **sample.case.measures}

    vectors = DictVectorizer()
    labels = [sample.case.failed for sample in samples]
    model = DecisionTreeClassifier(max_leaf_nodes=6, min_samples_leaf=8, random_state=0)
    model.fit(vectors.fit_transform(map(features, samples)), labels)
    base = statistics.mean(labels)

    def score(sample: Sample) -> float:
        rate = float(model.predict_proba(vectors.transform([features(sample)]))[0][1])
        return rate if rate > base else 0.0

    return score


def folds(samples: Sequence[Sample], by_task: bool, seed: int) -> Iterable[set[int]]:
    """Five sets of indices to hold out."""
    rng = random.Random(seed)
    places = list(range(len(samples)))
    if not by_task:
        rng.shuffle(places)
        return [set(places[at::FOLDS]) for at in range(FOLDS)]
    tasks = sorted({sample.task for sample in samples})
    rng.shuffle(tasks)
    fold_of = {task: at % FOLDS for at, task in enumerate(tasks)}
    return [{at for at in places if fold_of[samples[at].task] == fold} for fold in range(FOLDS)]


def auc(failed: Sequence[float], passed: Sequence[float]) -> float:
    """The chance that a failed run scores higher than a passed one, ties halved."""
    wins = sum((f > p) + 0.5 * (f == p) for f in failed for p in passed)
    return wins / (len(failed) * len(passed))


def measure(
    samples: Sequence[Sample], learn: Callable[[Sequence[Sample]], Score], by_task: bool
) -> tuple[float, float, float, float]:
    """J@5, failures covered, failure rate where matched, and AUC, averaged over the folds."""
    found = []
    for seed in range(3):
        for held_out in folds(samples, by_task, seed):
            score = learn([sample for at, sample in enumerate(samples) if at not in held_out])
            failed = [score(samples[at]) for at in held_out if samples[at].case.failed]
            passed = [score(samples[at]) for at in held_out if not samples[at].case.failed]
            hit, false = sum(map(bool, failed)), sum(map(bool, passed))
            covered = hit / len(failed)
            rate = hit / (hit + false) if hit + false else 0.0
            found.append((covered - false / len(passed), covered, rate, auc(failed, passed)))
    means = [statistics.mean(column) for column in zip(*found, strict=True)]
    return means[0], means[1], means[2], means[3]


def false_patterns(samples: Sequence[Sample], shuffles: int) -> float:
    """The share of label shufflings that still give a rule."""
    reported = 0
    for seed in range(shuffles):
        labels = [sample.case.failed for sample in samples]
        random.Random(seed).shuffle(labels)
        cases = [s.case._replace(failed=label) for s, label in zip(samples, labels, strict=True)]
        reported += bool(mine(cases).rules)
    return reported / shuffles


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*")
    parser.add_argument("--shuffles", type=int, default=100)
    options = parser.parse_args()
    names = options.files or [str(SHARED / name) for name in USUAL]
    if not options.files and not SHARED.is_dir():
        print("there are no real runs beside this checkout: name files of your own")
        return
    learners: dict[str, Callable[[Sequence[Sample]], Score]] = {"failure rules": rules}
    learners["exact signatures"] = signatures
    try:
        import sklearn  # noqa: F401 - only whether it is there
    except ImportError:
        print("scikit-learn is not installed: the decision tree is left out")
    else:
        learners["six-leaf tree"] = tree
    totals: dict[tuple[str, bool], list[float]] = {}
    for name in names:
        samples = load(name)
        failed = sum(sample.case.failed for sample in samples)
        print(f"\n{Path(name).name}: {len(samples)} runs, {failed} failed")
        print(f"{'':18} {'split':8} {'J@5':>6} {'covered':>8} {'rate':>6} {'AUC':>6}")
        for label, learn in learners.items():
            for by_task in (False, True):
                row = measure(samples, learn, by_task)
                totals.setdefault((label, by_task), []).append(row[0])
                cells = f"{row[0]:6.2f} {row[1]:8.2f} {row[2]:6.2f} {row[3]:6.2f}"
                print(f"{label:18} {'task' if by_task else 'random':8} {cells}", flush=True)
        begin = time.perf_counter()
        rate = false_patterns(samples, options.shuffles)
        took = (time.perf_counter() - begin) / options.shuffles
        print(f"false patterns {rate:.0%} of {options.shuffles} shufflings, {took:.2f} s a mining")
    print("\nmean J@5 over the sets")
    for (label, by_task), values in totals.items():
        print(f"{label:18} {'task' if by_task else 'random':8} {statistics.mean(values):6.3f}")


if __name__ == "__main__":
    main()
