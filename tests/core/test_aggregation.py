"""From rows per clip to a table."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sefront.core.aggregation import aggregated
from sefront.core.clips import MetricCard, Task
from sefront.core.intervals import interval
from sefront.core.table import hardest, rendered
from sefront.metrics.accuracy import Accuracy
from sefront.metrics.uar import UAR


class Quality:
    """A metric on waves that nothing here computes."""

    def __call__(self, truth: Any, estimate: Any, **facts: Any) -> float:
        return math.nan

    def card(self) -> MetricCard:
        return MetricCard("waves", "clip", "dB", (-math.inf, math.inf), True, "nobody")


METRICS = {"uar": UAR(), "quality": Quality()}


def row(number: int, snr: Any, system: str, noise: str | None, **facts: Any) -> dict[str, Any]:
    return {"id": f"clip{number}", "snr": snr, "noise": noise, "system": system, **facts}


ROWS = [
    row(0, "clean", "coupled", None, target="a", prediction="a", signal={}, failed=["quality"]),
    row(1, "clean", "coupled", None, target="b", prediction="a", signal={}, failed=["quality"]),
    row(0, 0.0, "noisy", "hum", signal={"quality": 1.0}, failed=[]),
    row(1, 0.0, "noisy", "hiss", signal={}, failed=["quality"]),
    row(0, 0.0, "coupled", "hum", target="a", prediction="b", signal={"quality": 2.0}, failed=[]),
    row(1, 0.0, "coupled", "hiss", target="b", prediction="b", signal={"quality": 4.0}, failed=[]),
]


def cell(rows: list[dict[str, Any]], system: str, snr: Any, metric: str, noise: str = "all") -> dict[str, Any] | None:
    found = [r for r in rows if (r["system"], r["snr"], r["metric"], r["noise"]) == (system, snr, metric, noise)]
    assert len(found) <= 1
    return found[0] if found else None


def test_means_leave_failures_out_and_count_them() -> None:
    noisy = cell(aggregated(ROWS, METRICS), "noisy", 0.0, "quality")
    assert noisy == {
        "system": "noisy", "snr": 0.0, "metric": "quality", "value": 1.0, "ci95": None, "n": 1, "failed": 1,
        "noise": "all",
    }  # fmt: skip


def test_where_all_failed_there_is_no_value() -> None:
    clean = cell(aggregated(ROWS, METRICS), "coupled", "clean", "quality")
    assert clean is not None
    assert (clean["value"], clean["ci95"], clean["n"], clean["failed"]) == (None, None, 0, 2)


def test_labels_are_scored_as_a_set() -> None:
    table = aggregated(ROWS, METRICS)
    assert (cell(table, "coupled", "clean", "uar") or {})["value"] == 50.0
    assert (cell(table, "coupled", 0.0, "uar") or {})["value"] == 50.0
    assert (cell(table, "coupled", 0.0, "uar", "hum") or {})["value"] == 0.0
    assert cell(table, "noisy", 0.0, "uar") is None


def test_noise_types_stand_apart_and_clean_has_none() -> None:
    table = aggregated(ROWS, METRICS)
    assert (cell(table, "coupled", 0.0, "quality", "hiss") or {})["value"] == 4.0
    assert {r["noise"] for r in table if r["snr"] == "clean"} == {"all"}
    assert {r["system"] for r in table} == {"noisy", "coupled"}


def test_nothing_makes_an_empty_table() -> None:
    assert aggregated([], METRICS) == []


def test_systems_of_other_names_come_last_in_their_own_order() -> None:
    rows = [row(0, 0.0, system, "hum", target="a", prediction="a") for system in ("z", "coupled", "fused", "b")]
    table = aggregated([*rows, *ROWS], METRICS)
    assert list(dict.fromkeys(r["system"] for r in table if r["metric"] == "uar")) == ["coupled", "z", "fused", "b"]
    lines = rendered(table, {"uar": UAR()}).split("\n\n")[0].splitlines()
    assert [line.split()[2] for line in lines if line.startswith("uar")] == ["coupled", "z", "fused", "b"]


def test_the_table_a_person_reads() -> None:
    rows = ROWS + [{**r, "snr": 10.0, "signal": {"quality": 6.0}, "failed": []} for r in ROWS if r["snr"] == 0.0]
    assert rendered(aggregated(rows, METRICS), METRICS).splitlines() == [
        "metric        system   clean   0 dB  10 dB  average",
        "uar [%]       coupled  50.00  50.00  50.00    50.00",
        "quality [dB]  noisy        -   1.00   6.00     3.50",
        "quality [dB]  coupled      -   3.00   6.00     4.50",
        "",
        "at 0 dB       system     hiss   hum   mean",
        "uar [%]       coupled  100.00  0.00  50.00",
        "quality [dB]  noisy         -  1.00      -",
        "quality [dB]  coupled    4.00  2.00   3.00",
        "",
        "3 values are not defined (such as PESQ where no utterance is found); they were left out.",
    ]


def test_clean_comes_first_whatever_comes_first() -> None:
    rows = aggregated([row for row in ROWS if row["system"] == "noisy"] + ROWS, {"quality": Quality()})
    assert rendered(rows, METRICS).split()[2:5] == ["clean", "0", "dB"]


def test_one_noisy_column_has_no_average() -> None:
    assert "average" not in rendered(aggregated(ROWS, METRICS), METRICS)


def test_an_interval_is_ordered_and_repeats_itself() -> None:
    values = np.random.default_rng(0).normal(size=50)
    low, high = interval(values, np.mean) or (0, 0)
    assert low < float(values.mean()) < high
    assert interval(values, np.mean) == (low, high)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(50), rel=0.15)


def test_an_interval_mostly_holds_the_truth() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(60):
        low, high = interval(rng.normal(size=40), np.mean) or (1, 0)
        held += low <= 0.0 <= high
    assert 0.85 <= held / 60 <= 1.0


@pytest.mark.parametrize("values", [[], [1.0]])
def test_too_few_values_for_an_interval(values: list[float]) -> None:
    assert interval(values, np.mean) is None


def test_labels_and_ids_score_the_same() -> None:
    pairs = [("x", "x"), ("x", "y"), ("y", "y"), ("z", "x")]
    rows = [row(i, 0.0, "coupled", "hum", target=t, prediction=p) for i, (t, p) in enumerate(pairs)]
    table = aggregated(rows, {"uar": UAR(), "accuracy": Accuracy()})
    assert (cell(table, "coupled", 0.0, "uar") or {})["value"] == pytest.approx(50.0)
    assert (cell(table, "coupled", 0.0, "accuracy") or {})["value"] == pytest.approx(50.0)


def test_noise_types_are_told_apart_at_the_hardest_level() -> None:
    speech, scene = (Task("classification", ("a", "b"), "uar", wanted) for wanted in ("speech", "scene"))  # type: ignore[arg-type]
    rows = [
        {"system": "noisy", "snr": snr, "metric": "si_sdr", "value": 1.0, "failed": 0, "noise": noise}
        for snr in (-5.0, 10.0) for noise in ("all", "babble", "hiss")
    ]  # fmt: skip
    for task, level in ((None, "-5"), (speech, "-5"), (scene, "10")):
        assert f"at {level} dB" in rendered(rows, {}, hardest(task))
