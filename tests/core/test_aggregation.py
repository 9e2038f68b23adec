"""From rows per clip to a table."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sefront.core.aggregation import Evaluation, aggregated
from sefront.core.clips import MetricCard, Task
from sefront.core.intervals import interval
from sefront.core.protocols import Metric
from sefront.core.table import rendered
from sefront.metrics.accuracy import Accuracy
from sefront.metrics.ccc import CCC
from sefront.metrics.cer import CER
from sefront.metrics.pesq import PESQ
from sefront.metrics.rmse import RMSE
from sefront.metrics.si_sdr import SISDR
from sefront.metrics.stoi import STOI
from sefront.metrics.uar import UAR
from sefront.metrics.wer import WER


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
        assert f"at {level} dB" in rendered(rows, {}, task)


def test_a_metric_of_speech_does_not_apply_to_scenes() -> None:
    speech, scene = (Task("classification", ("a", "b"), "uar", wanted) for wanted in ("speech", "scene"))  # type: ignore[arg-type]
    rows = [{"system": "noisy", "snr": 0.0, "metric": "si_sdr", "value": 1.0, "failed": 0, "noise": "all"}]
    metrics = {"si_sdr": SISDR(), "stoi": STOI(), "pesq": PESQ(), "quality": Quality()}
    assert rendered(rows, metrics, scene).splitlines()[-1] == "stoi, pesq: not applicable to scenes"
    assert rendered([], {"stoi": STOI()}, scene).splitlines()[-1] == "stoi: not applicable to scenes"
    for task in (None, speech):
        assert "applicable" not in rendered(rows, metrics, task)


TEXT = Task("transcription", ("_", *" abcdefghijklmnopqrstuvwxyz'"), "wer")
AFFECT = Task("trace", ("arousal", "valence"), "ccc", frame_rate=25.0)
SPOKEN = [("the cat sat down", "the hat sat"), ("yes", "yes oh yes"), ("", "well"), ("a b c d e", "a b c d e")]


def answers(pairs: Sequence[tuple[Any, Any]], snr: Any = 0.0, system: str = "coupled") -> list[dict[str, Any]]:
    return [
        row(i, snr, system, None if snr == "clean" else "hum", target=truth, prediction=estimate)
        for i, (truth, estimate) in enumerate(pairs)
    ]


def spoken() -> list[dict[str, Any]]:
    """Two systems, clean and at two SNRs; the original always answers what was said, but for one word."""
    original = [(truth, truth.replace("down", "up")) for truth, _ in SPOKEN]
    return [
        found for snr in ("clean", 10.0, 0.0)
        for found in [*answers(original, snr, "original"), *answers(SPOKEN if snr == 0.0 else original, snr)]
    ]  # fmt: skip


def traced(clips: int = 6, noise: float = 0.3) -> list[tuple[Any, Any]]:
    """Traces of several levels and their noisy estimates, (frames, 2) float32 each."""
    rng = np.random.default_rng(0)
    truth = [rng.normal(rng.normal(), 0.3, size=(40 + i, 2)).astype(np.float32) for i in range(clips)]
    return [(t, (t + rng.normal(0, noise, size=t.shape)).astype(np.float32)) for t in truth]


def only(rows: Sequence[dict[str, Any]], metric: Metric, task: Task | None = None) -> dict[str, Any]:
    (found,) = [r for r in aggregated(rows, {"metric": metric}, task) if r["noise"] == "all"]
    return found


def test_transcripts_are_scored_as_a_set_with_their_errors() -> None:
    found = only(answers(SPOKEN), WER(), TEXT)
    assert found["value"] == pytest.approx(100 * 5 / 10)
    assert found["errors"] == {"hits": 8, "substitutions": 1, "deletions": 1, "insertions": 3}
    assert (found["n"], found["failed"]) == (4, 0)
    assert found["value"] == WER()(*map(list, zip(*SPOKEN, strict=True)))


@pytest.mark.parametrize("metric", [WER(), CER()])
def test_where_nothing_was_said_there_is_no_rate(metric: Metric) -> None:
    found = only(answers([("", "well"), ("", "")]), metric)
    assert (found["value"], found["ci95"], found["n"], found["errors"]["hits"]) == (None, None, 2, 0)
    assert found["errors"]["insertions"] > 0
    assert rendered([{**found, "metric": "wer"}], {"wer": metric}).splitlines() == [
        "metric   system   0 dB",
        "wer [%]  coupled     -",
        "",
        "of wer [%]     system   0 dB",
        "substitutions  coupled     -",
        "deletions      coupled     -",
        "insertions     coupled     -",
    ]


def test_intervals_of_what_adds_up_are_those_of_all_pairs() -> None:
    pairs = [*SPOKEN, *SPOKEN[:2]]
    numbers = range(len(pairs))
    slow = interval(numbers, lambda drawn: WER()([pairs[i][0] for i in drawn], [pairs[i][1] for i in drawn]))
    assert only(answers(pairs), WER())["ci95"] == pytest.approx(slow)
    clips = traced()
    slow = interval(range(6), lambda drawn: CCC()([clips[i][0] for i in drawn], [clips[i][1] for i in drawn]))
    found = only(answers(clips), CCC())
    assert found["ci95"] == pytest.approx(slow)
    assert found["ci95"][0] < found["value"] < found["ci95"][1]


def test_traces_together_alone_and_by_dimension() -> None:
    clips = traced()
    found = only(answers(clips), CCC(), AFFECT)
    alone = only(answers(clips), CCC(over="clip"), AFFECT)
    assert found["value"] == CCC()(*map(list, zip(*clips, strict=True)))
    assert found["per_clip"] == pytest.approx(alone["value"])
    assert found["value"] > found["per_clip"] + 0.1  # levels that differ from clip to clip are easy to follow
    assert np.mean(list(found["by_dimension"].values())) == pytest.approx(found["value"])
    assert list(found["by_dimension"]) == ["arousal", "valence"]
    assert found["by_dimension"]["valence"] == pytest.approx(
        CCC()([t[:, 1:] for t, _ in clips], [e[:, 1:] for _, e in clips])
    )
    assert alone["ci95"] is not None
    assert list(only(answers(clips), RMSE())["by_dimension"]) == ["0", "1"]


@pytest.mark.parametrize("over", ["set", "clip"])
def test_traces_that_are_not_finite_are_counted_and_left_out(over: Any) -> None:
    clips = traced()
    damaged = [
        *clips,
        (clips[0][0], np.full_like(clips[0][0], np.nan)),
        (clips[1][0], np.full_like(clips[1][0], np.inf)),
    ]
    found, whole = (only(answers(pairs), CCC(over=over)) for pairs in (damaged, clips))
    assert (found["n"], found["failed"]) == (6, 2)
    assert found["value"] == whole["value"]
    nothing = only(answers(damaged[6:]), CCC(over=over))
    assert (nothing["value"], nothing["ci95"], nothing["n"], nothing["failed"]) == (None, None, 0, 2)


@pytest.mark.parametrize(
    ("metrics", "task", "rows"),
    [
        ({"wer": WER(), "cer": CER()}, TEXT, spoken()),
        ({"ccc": CCC(), "rmse": RMSE(), "alone": CCC(over="clip")}, AFFECT, answers(traced())),
    ],
    ids=["transcripts", "traces"],
)
def test_what_is_written_gives_the_same_again(metrics: Any, task: Task, rows: Any, tmp_path: Path) -> None:
    Evaluation(rows, aggregated(rows, metrics, task), metrics, task).save(tmp_path)
    again = [json.loads(line) for line in (tmp_path / "predictions.jsonl").read_text().splitlines()]
    written = json.loads((tmp_path / "evaluation.json").read_text())["rows"]
    recomputed = aggregated(again, metrics, task)
    assert len(recomputed) == len(written)
    for one, other in zip(recomputed, written, strict=True):
        for name in ("value", "ci95", "errors", "by_dimension", "per_clip"):
            assert one.get(name) == pytest.approx(other.get(name), abs=1e-4)


def test_what_is_not_finite_is_written_as_null(tmp_path: Path) -> None:
    rows = answers([(np.zeros((2, 1), np.float32), np.array([[0.123456789], [np.nan]], np.float32))])
    Evaluation(rows, aggregated(rows, {"ccc": CCC()}), {"ccc": CCC()}).save(tmp_path)
    (line,) = (tmp_path / "predictions.jsonl").read_text().splitlines()
    assert json.loads(line)["prediction"] == [[0.12346], [None]]
    assert "NaN" not in line + (tmp_path / "evaluation.json").read_text()
    assert aggregated([json.loads(line)], {"ccc": CCC()})[0]["failed"] == 1


def test_the_table_shows_what_errors_there_are() -> None:
    metrics = {"wer": WER()}
    assert rendered(aggregated(spoken(), metrics, TEXT), metrics).splitlines() == [
        "metric   system    clean  10 dB   0 dB  average",
        "wer [%]  original  10.00  10.00  10.00    10.00",
        "wer [%]  coupled   10.00  10.00  50.00    30.00",
        "",
        "of wer [%]     system    clean  10 dB   0 dB  average",
        "substitutions  original  10.00  10.00  10.00    10.00",
        "substitutions  coupled   10.00  10.00  10.00    10.00",
        "deletions      original   0.00   0.00   0.00     0.00",
        "deletions      coupled    0.00   0.00  10.00     5.00",
        "insertions     original   0.00   0.00   0.00     0.00",
        "insertions     coupled    0.00   0.00  30.00    15.00",
    ]


def test_the_table_shows_dimensions_and_the_mean_over_clips() -> None:
    ramp = np.array([[0.0, 0], [1, 1], [2, 2]])
    metrics = {"ccc": CCC(), "rmse": RMSE()}
    found = aggregated(answers([(ramp, ramp + np.array([1, 0])), (ramp + 9, ramp + 9)]), metrics, AFFECT)
    assert rendered(found, metrics).splitlines() == [
        "metric  system   0 dB",
        "ccc     coupled  0.99",
        "rmse    coupled  0.35",
        "",
        "of ccc    system   0 dB",
        "arousal   coupled  0.99",
        "valence   coupled  1.00",
        "per clip  coupled  0.89",
        "",
        "of rmse   system   0 dB",
        "arousal   coupled  0.71",
        "valence   coupled  0.00",
        "per clip  coupled  0.25",
    ]
