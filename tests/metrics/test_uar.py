from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import recall_score

from sefront.metrics.uar import UAR

pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=60)


def macro_recall(truth: object, estimate: object) -> float:
    present = np.unique(np.asarray(truth))
    return 100 * float(recall_score(truth, estimate, labels=present, average="macro", zero_division=0.0))


@given(pairs)
def test_equals_scikit_learn_over_the_classes_present(items: list[tuple[int, int]]) -> None:
    truth, estimate = zip(*items, strict=True)
    assert UAR()(truth, estimate) == pytest.approx(macro_recall(truth, estimate))


@given(pairs)
def test_does_not_depend_on_how_classes_are_called(items: list[tuple[int, int]]) -> None:
    truth, estimate = (np.array(part) for part in zip(*items, strict=True))
    names = np.array(["anger", "boredom", "disgust", "fear", "joy", "neutral"])
    expected = UAR()(truth, estimate)
    assert UAR()(names[truth], names[estimate]) == pytest.approx(expected)
    assert UAR()(truth - 3, estimate - 3) == pytest.approx(expected)
    assert UAR()(truth * 10**9, estimate * 10**9) == pytest.approx(expected)


def test_rare_classes_count_as_much_as_frequent_ones() -> None:
    assert UAR()(["a"] * 9 + ["b"], ["a"] * 10) == 50.0


def test_leaves_out_classes_absent_from_the_truth() -> None:
    assert UAR()([0, 0, 2], [0, 1, 2]) == 75.0


def test_identity_gives_the_best_bound() -> None:
    assert UAR()([0, 1, 1, 6], [0, 1, 1, 6]) == UAR().card().bounds[1]
    assert UAR()([0, 1], [1, 0]) == UAR().card().bounds[0]


def test_is_not_defined_for_no_items() -> None:
    assert math.isnan(UAR()([], []))


def test_refuses_lists_of_different_length() -> None:
    with pytest.raises(ValueError, match="one length"):
        UAR()([1, 2], [1])
