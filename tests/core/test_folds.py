"""What folds and repetitions come to together."""

from __future__ import annotations

from pathlib import Path
from statistics import stdev
from typing import Any

import pytest

from sefront.core.errors import SefrontError
from sefront.core.experiment import Experiment
from sefront.core.fold_table import rendered
from sefront.core.folds import Series, aggregated
from sefront.core.progress import Quiet
from sefront.plugins import Catalogue

COMPONENTS = Catalogue.installed()


def rows(clean: float, *noisy: float | None, system: str = "coupled") -> list[dict[str, Any]]:
    """The rows of a run: a score on clean speech and one at every SNR."""
    levels = [("clean", clean), *zip((20.0, 10.0, 0.0), noisy, strict=False)]
    return [
        {"system": system, "snr": snr, "metric": "uar", "value": value, "noise": noise, "n": 9}
        for snr, value in levels
        for noise in ("all", "hiss")
    ]


def facts(repeats: list[list[list[dict[str, Any]]]], dependent: bool = False) -> dict[str, Any]:
    return {
        "folds": len(repeats[0]), "repeats": len(repeats), "over": "repetitions" if len(repeats) > 1 else "folds",
        "split": {"kind": "random", "fold": None, "speaker_dependent": dependent}, "rows": aggregated(repeats),
    }  # fmt: skip


TWICE = [[rows(90, 70, 60, 50), rows(80, 60, 50, 40)], [rows(70, 50, 40, 30), rows(60, 44, 30, 20)]]


def test_folds_are_averaged_before_repetitions() -> None:
    found = aggregated(TWICE)
    assert [(row["snr"], row["noise"]) for row in found[:3]] == [("clean", "all"), ("clean", "hiss"), (20.0, "all")]
    assert found[0] == {
        "system": "coupled", "snr": "clean", "metric": "uar", "value": 75.0, "std": pytest.approx(stdev([85, 65])),
        "values": [85.0, 65.0], "noise": "all",
    }  # fmt: skip


def test_of_one_repetition_the_folds_are_shown() -> None:
    found = aggregated(TWICE[:1])
    assert (found[0]["values"], found[0]["value"], found[0]["std"]) == ([90, 80], 85.0, pytest.approx(stdev([90, 80])))


def test_what_is_not_defined_is_left_out() -> None:
    found = aggregated([[rows(90, None), rows(80, None)], [rows(70, None), rows(60, 44)]])
    assert [(row["value"], row["std"], row["values"]) for row in found[2:3]] == [(44, None, [None, 44])]
    nothing = aggregated([[rows(90, None), rows(80, None)]])[2]
    assert (nothing["value"], nothing["std"], nothing["values"]) == (None, None, [None, None])


def test_the_table_of_repetitions() -> None:
    assert rendered(facts(TWICE), {}).splitlines() == [
        "mean ± standard deviation over 2 repetitions of the mean over 2 folds",
        "",
        "metric  system           clean          20 dB          10 dB           0 dB        average",
        "uar     coupled  75.00 ± 14.14  56.00 ± 12.73  45.00 ± 14.14  35.00 ± 14.14  45.33 ± 13.67",
    ]


def test_the_table_of_folds_says_so_and_that_speakers_are_shared() -> None:
    lines = rendered(facts([[rows(90, 70), rows(80, None)]], dependent=True), {}).splitlines()
    assert lines == [
        "mean ± standard deviation over the 2 folds of one repetition",
        "",
        "metric  system          clean  20 dB",
        "uar     coupled  85.00 ± 7.07  70.00",
        "",
        "speaker-dependent: splits 'random' do not keep speakers apart",
    ]


def test_an_average_needs_every_snr() -> None:
    last = rendered(facts([[rows(90, 70, None)], [rows(80, 60, None)]]), {}).splitlines()[-1]
    assert last.split()[-2:] == ["-", "-"]


def series(**values: Any) -> Series:
    return Series(Path("OUT"), Experiment.of({"options": {"corpus.speakers": 4}, **values}), COMPONENTS, Quiet())


def test_the_runs_of_all_folds() -> None:
    found = series(splits="leave-one-speaker-out", folds="all", repeats=2, seed=7).runs
    assert [[str(path) for path, _ in runs] for runs in found] == [
        [f"OUT/repeat-{repeat}/fold-{fold:02d}" for fold in (1, 2, 3, 4)] for repeat in (1, 2)
    ]
    assert [(e.fold, e.seed, e.folds, e.repeats) for runs in found for _, e in runs] == [
        (f"{fold}/4", seed, None, 1) for seed in (7, 8) for fold in (1, 2, 3, 4)
    ]


def test_the_runs_of_one_repetition_and_of_repeats_alone() -> None:
    once = series(splits="k-fold", folds=3).runs
    assert [[(str(path), e.fold) for path, e in runs] for runs in once] == [
        [("OUT/fold-01", "1/3"), ("OUT/fold-02", "2/3"), ("OUT/fold-03", "3/3")]
    ]
    seeds = series(repeats=2).runs
    assert [[(str(path), e.fold, e.seed) for path, e in runs] for runs in seeds] == [
        [("OUT/repeat-1", None, 0)], [("OUT/repeat-2", None, 1)]
    ]  # fmt: skip


def test_one_fold_and_all_of_them() -> None:
    with pytest.raises(SefrontError, match=r"^--fold 1/3 is one of those that --folds all runs; leave one of"):
        _ = series(splits="k-fold", folds="all", fold="1/3").runs
    with pytest.raises(SefrontError, match=r"^--folds all: --splits speaker has none; name one that has"):
        _ = series(splits="speaker", folds="all").runs


def test_unfinished_folds_have_no_table(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r": holds no finished folds; continue them with --out .* --resume$"):
        Series.open(tmp_path, COMPONENTS)
