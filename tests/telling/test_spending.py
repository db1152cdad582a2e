"""What model calls came to, in a sentence."""

from __future__ import annotations

import pytest

from clustertrace.telling.spending import spending_sentence
from clustertrace.understanding.spending import Measures


@pytest.mark.parametrize(
    ("total", "sentence"),
    [
        (
            Measures(2, input_tokens=1_000, cache_read_tokens=250, cost_usd=0.5),
            "$0.5000 for 2 calls of models, embeddings included; 25 % of the input was read from "
            "a cache.",
        ),
        (
            Measures(1, 1, output_tokens=9),
            "cost unknown for 1 call of models, embeddings included.",
        ),
    ],
)
def test_the_total(total: Measures, sentence: str) -> None:
    """Where no input was counted, nothing is said of its share from a cache."""
    assert spending_sentence(total) == sentence
