from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score

from sefront.metrics.accuracy import Accuracy

pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=60)


@given(pairs)
def test_equals_scikit_learn(items: list[tuple[int, int]]) -> None:
    truth, estimate = zip(*items, strict=True)
    assert Accuracy()(truth, estimate) == pytest.approx(100 * accuracy_score(truth, estimate))


def test_counts_names_and_ids_alike() -> None:
    assert Accuracy()(["yes", "no", "yes", "no"], ["yes", "no", "yes", "yes"]) == 75.0
    assert Accuracy()(np.array([1, 0, 1, 0]), np.array([1, 0, 1, 1])) == 75.0


def test_identity_gives_the_best_bound() -> None:
    assert Accuracy()(["a", "b"], ["a", "b"]) == Accuracy().card().bounds[1]
    assert Accuracy()(["a", "b"], ["b", "a"]) == Accuracy().card().bounds[0]


def test_is_not_defined_for_no_items() -> None:
    assert math.isnan(Accuracy()([], []))


def test_refuses_lists_of_different_length() -> None:
    with pytest.raises(ValueError, match=r"one length, not of shapes \(2,\) and \(3,\)"):
        Accuracy()([1, 2], [1, 2, 3])


def test_refuses_names_against_ids() -> None:
    with pytest.raises(ValueError, match="both be names or both be ids"):
        Accuracy()(["0", "1"], [0, 1])
