"""Runs that are fused have to fit together, and none may have learnt from what is tested."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from recordings import TASK

import sefront
from sefront.core.errors import SefrontError
from sefront.core.exposure import Exposure, keep, prints
from sefront.core.members import names
from sefront.core.run import Run
from sefront.core.trial import sides


@pytest.fixture
def run(trained: Path) -> Run:
    """A small run."""
    return sefront.open_run(trained)


def other(run: Run, **changes: Any) -> Run:
    """`run` as if its experiment were another one."""
    return replace(run, experiment=replace(run.experiment, **changes))


def test_folders_and_opened_runs(trained: Path, run: Run) -> None:
    found = sefront.fuse([str(trained), trained, run], [2, 1, 1], test_snr=0, device="cpu")
    systems = ["original", "bypass", "trained", "trained-2", "trained-3", "fused"]
    assert list(dict.fromkeys(row["system"] for row in found.predictions)) == systems
    assert {row["metric"] for row in found.rows} == {"uar"}
    assert [line.split()[2] for line in found.table().split("\n\n")[0].splitlines()[1:]] == systems


def test_names_are_told_apart(run: Run, tmp_path: Path) -> None:
    runs = [replace(run, path=tmp_path / name) for name in ("a/seed", "b/seed", "fused", "coupled", "x-2", "x", "y/x")]
    decoded = [replace(run, changed=changed) for changed in ({"frontend.mix": 0.2}, {"a.b": 1, "a.c": "d"})]
    assert names(runs) == ["seed", "seed-2", "fused-2", "coupled-2", "x-2", "x", "x-3"]
    assert names([run, *decoded, *decoded]) == ["trained", "0.2", "1,d", "0.2-2", "1,d-2"]
    shared = [
        replace(runs[i], changed={"frontend.mix": 0.2, **own}) for i, own in enumerate([{"a.b": 1}, {"a.b": 2}, {}])
    ]
    assert names(shared) == ["1", "2", "fused-2"]  # a setting of all tells nobody apart


def test_runs_that_do_not_fit(run: Run) -> None:
    stranger = replace(run, task=replace(TASK, labels=("calm", "angry")))
    with pytest.raises(SefrontError, match=r"trained: predicts calm, angry, but .*trained high, low; fuse runs of"):
        sefront.fuse([run, stranger])
    with pytest.raises(SefrontError, match=r"trained: works at 8000 Hz, but .*trained at 16000 Hz; fuse runs of one"):
        sefront.fuse([run, other(run, sample_rate=8000)])


@pytest.mark.parametrize("metrics", ["si_sdr", ["si_sdr", "stoi"], []])
def test_metrics_that_do_not_judge_decisions(run: Run, metrics: str | list[str]) -> None:
    with pytest.raises(
        SefrontError, match=r"none of the metrics judges decisions, which are what is fused; name .* such as uar$"
    ):
        sefront.fuse([run, run], metrics=metrics)


def new(run: Run, place: Path, **exposure: Any) -> Run:
    """A copy of `run` in `place` that has learnt from nothing but what is said."""
    shutil.copytree(run.path, place)
    keep(place, {"backend": Exposure(**exposure)})
    return replace(run, path=place)


def test_a_member_that_has_learnt_from_the_clips(run: Run, tmp_path: Path) -> None:
    divided = other(
        new(run, tmp_path / "new"), options={**run.experiment.options, "corpus.test": 0.4, "corpus.valid": 0.4}
    )
    known = (
        r"^\d+ recordings are in both what .*trained has learnt from and test \(.*\): fuse runs whose data is divided"
    )
    with pytest.raises(SefrontError, match=known):
        sefront.fuse([divided, run])
    assert sefront.fuse([divided, run], allow_leak=True, metrics="accuracy").rows
    assert sefront.fuse([run, divided], split="train", metrics="accuracy").rows  # asked for, and true of the first


def test_a_member_that_has_learnt_from_the_noise(run: Run, tmp_path: Path) -> None:
    _, noise = sides((trial := run.trial()).data, trial.mixtures)
    heard = new(run, tmp_path / "heard", noises=frozenset(prints(noise)))
    with pytest.raises(SefrontError, match=r"noise recordings? (is|are) in both what .*heard has learnt from and test"):
        sefront.fuse([run, heard])
    assert sefront.fuse([heard, run]).rows
