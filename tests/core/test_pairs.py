from __future__ import annotations

import numpy as np
import pytest

from sefront.core.pairs import audible, labels, waves


def test_labels_become_arrays() -> None:
    truth, estimate = labels(["a", "b"], ("b", "b"))
    assert (truth == estimate).tolist() == [False, True]


def test_labels_of_a_table_are_refused() -> None:
    with pytest.raises(ValueError, match=r"lists of one length, not of shapes \(1, 2\) and \(1, 2\)"):
        labels([[1, 2]], [[1, 2]])


def test_waves_of_two_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="waves of one length"):
        waves(np.zeros((10, 2)), np.zeros((10, 2)))


@pytest.mark.parametrize(
    ("wave", "expected"), [([0.0, 0.1], True), ([0.0, 0.0], False), ([], False), ([0.1, np.nan], False)]
)
def test_audible(wave: list[float], expected: bool) -> None:
    assert audible(np.array(wave)) == expected
