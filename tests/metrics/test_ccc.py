from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sefront.metrics.ccc import CCC

seeds = st.integers(0, 2**32 - 1)


def trace(*values: float) -> np.ndarray[Any, Any]:
    """One dimension, (frames, 1)."""
    return np.array(values, dtype=np.float32)[:, None]


def recordings(seed: int, count: int = 3) -> tuple[list[Any], list[Any]]:
    """Traces of arousal and valence, and estimates of another scale and offset with noise."""
    rng = np.random.default_rng(seed)
    truth = [rng.normal(rng.normal(), 0.5, size=(int(n), 2)) for n in rng.integers(2, 40, count)]
    return truth, [0.7 * t + 0.1 + rng.normal(0, 0.2, size=t.shape) for t in truth]


def by_definition(y: Any, x: Any) -> float:
    (_, xy), (yx, _) = np.cov(y, x, ddof=0)
    assert xy == yx
    return float(2 * xy / (np.var(y) + np.var(x) + (np.mean(y) - np.mean(x)) ** 2))


def test_golden_values() -> None:
    assert CCC()([trace(0, 1, 2)], [trace(1, 2, 3)]) == pytest.approx(4 / 7)
    assert CCC()([trace(0, 1, 2)], [trace(2, 1, 0)]) == pytest.approx(-1.0)
    assert CCC()([trace(-1, 0, 1)], [trace(-2, 0, 2)]) == pytest.approx(0.8)  # 2 s / (1 + s^2) at scale s = 2


@given(seeds)
def test_follows_its_definition_over_all_frames(seed: int) -> None:
    truth, estimate = recordings(seed)
    y, x = np.concatenate(truth), np.concatenate(estimate)
    expected = np.mean([by_definition(y[:, d], x[:, d]) for d in range(2)])
    assert CCC()(truth, estimate) == pytest.approx(expected, abs=1e-9)


@given(seeds)
def test_each_recording_alone(seed: int) -> None:
    truth, estimate = recordings(seed)
    alone = [CCC()([y], [x]) for y, x in zip(truth, estimate, strict=True)]
    assert CCC(over="clip")(truth, estimate) == pytest.approx(np.mean(alone))
    assert CCC().details([CCC().counts(y, x) for y, x in zip(truth, estimate, strict=True)], ())["per_clip"] == (
        pytest.approx(np.mean(alone))
    )


def test_recordings_that_differ_in_level_agree_better_together_than_alone() -> None:
    truth, estimate = [trace(0, 1), trace(10, 11)], [trace(1, 0), trace(11, 10)]
    assert CCC(over="clip")(truth, estimate) == pytest.approx(-1.0)
    assert CCC()(truth, estimate) == pytest.approx(1 - 1 / (2 * 25.25))


def test_dimensions_by_name_and_by_number() -> None:
    truth, estimate = [np.array([[0, 0], [1, 1], [2, 2.0]])], [np.array([[1, 0], [2, 1], [3, 2.0]])]
    counts = [CCC().counts(truth[0], estimate[0])]
    assert CCC().details(counts, ("arousal", "valence"))["by_dimension"] == pytest.approx(
        {"arousal": 4 / 7, "valence": 1}
    )
    assert list(CCC().details(counts, ())["by_dimension"]) == ["0", "1"]
    assert CCC()(truth, estimate) == pytest.approx((4 / 7 + 1) / 2)


@pytest.mark.parametrize("level", [0.0, 0.3, -1e6])
def test_constant_traces(level: float) -> None:
    constant = np.full((7, 1), level)
    assert CCC()([constant], [constant]) == 0.0
    assert CCC()([constant], [constant + 0.5]) == pytest.approx(0.0, abs=1e-9)
    assert CCC()([constant], [constant + trace(0, 1, 2, 0, 1, 2, 3)]) == pytest.approx(0.0, abs=1e-4)


def test_the_truth_itself_is_exactly_one() -> None:
    truth, _ = recordings(0)
    assert CCC()(truth, truth) == 1.0


def test_is_not_defined_without_frames_or_for_what_is_not_finite() -> None:
    assert math.isnan(CCC()([], []))
    assert math.isnan(CCC(over="clip")([], []))
    assert math.isnan(CCC()([np.zeros((0, 1))], [np.zeros((0, 1))]))
    assert math.isnan(CCC()([trace(0, 1)], [trace(0, math.nan)]))


def test_a_recording_without_frames_has_no_value_of_its_own() -> None:
    nothing, some = np.zeros((0, 1)), trace(0, 1, 2)
    assert CCC(over="clip")([nothing, some], [nothing, some + 1]) == pytest.approx(4 / 7)


@pytest.mark.parametrize("estimate", [trace(0, 1, 2), np.zeros((2, 2)), np.zeros(2)])
def test_refuses_traces_of_different_shape(estimate: Any) -> None:
    with pytest.raises(ValueError, match=r"must be \(frames, dims\) of one shape, but are \(2, 1\) and"):
        CCC()([trace(0, 1)], [estimate])


def test_refuses_other_ways_to_count() -> None:
    with pytest.raises(ValueError, match="over must be 'set' or 'clip', not 'file'"):
        CCC(over="file")  # type: ignore[arg-type]


def test_refuses_lists_of_different_length() -> None:
    with pytest.raises(ValueError, match="lists of one length, an item a clip, not 1 items and 2 items"):
        CCC()([trace(0)], [trace(0), trace(1)])
