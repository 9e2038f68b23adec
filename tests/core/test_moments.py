"""Sums from which the statistics of traces follow."""

from __future__ import annotations

import numpy as np
import pytest

from sefront.core.moments import moments


def test_by_hand() -> None:
    assert moments([[1.0], [2.0]], [[3.0], [5.0]])[:, 0].tolist() == [2, 3, 8, 5, 34, 13]


def test_those_of_parts_add_up() -> None:
    y, x = np.random.default_rng(0).normal(size=(2, 30, 3))
    assert moments(y, x) == pytest.approx(moments(y[:11], x[:11]) + moments(y[11:], x[11:]))


def test_single_precision_is_summed_in_double() -> None:
    ones = np.full((100_000, 1), 0.1, dtype=np.float32)
    assert moments(ones, ones)[1, 0] == pytest.approx(100_000 * float(np.float32(0.1)), rel=1e-12)
