"""Branches from names to run folders: options, recipes, resuming, and runs that others begin with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recordings import noise_folder, speech_folder

import sefront
from sefront.core.checkpoint import load_state
from sefront.core.errors import SefrontError
from sefront.core.experiment import Experiment
from sefront.core.job import Job, prepared
from sefront.core.progress import Quiet
from sefront.core.run import Run
from sefront.core.runs import check_same, started
from sefront.core.update import Update
from sefront.plugins import Catalogue

COMPONENTS = Catalogue.installed()
SMALL = {
    "backend.ser_cnn.width": 2, "backend.width": 4, "coupling.count_epochs": 2, "coupling.retrain_epochs": 1,
    "training.valid_snr": (5.0,),
}  # fmt: skip


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("audio")
    speech_folder(root / "speech")
    speech_folder(root / "others", each=6, seed=50)
    noise_folder(root / "noise")
    return root


def experiment(audio: Path, **values: Any) -> Experiment:
    plain = {
        "frontend": "identity", "backend": "scr_m5+ser_cnn", "mode": "independent", "corpus": str(audio / "speech"),
        "noise": (str(audio / "noise"),), "test_snr": (0.0,), "device": "cpu", "precision": "32",
    }  # fmt: skip
    return Experiment.of({**plain, **values, "options": {**SMALL, **values.get("options", {})}})


def job(audio: Path, folder: Path = Path("run"), **values: Any) -> Job:
    return prepared(experiment(audio, **values), COMPONENTS, folder, Quiet())


def fused(audio: Path, **options: Any) -> Experiment:
    """The same branches under one loss."""
    own = {name: value for name, value in SMALL.items() if not name.startswith("coupling.")}
    wanted = experiment(audio, mode="fused", epochs=1)
    return replace(wanted, options={**own, **options})


def recipe(job: Job, phase: str) -> Any:
    (found,) = [p for p in job.coupler.planned() if p.name == phase]
    (own,) = job.coupler.recipes(found).values()
    return own


@pytest.fixture(scope="module")
def run(audio: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of two branches; nobody may change it."""
    folder = tmp_path_factory.mktemp("runs") / "independent"
    job(audio, folder).train("uar", False, [])
    return Run.open(folder, COMPONENTS)


# Recipes


def test_every_branch_has_its_own_recipe(audio: Path) -> None:
    found = job(audio)
    for name in ("scr_m5", "ser_cnn"):
        assert recipe(found, name) == found.run.models.backend.branches[name].recipe  # type: ignore[union-attr]
    assert recipe(found, "scr_m5") != recipe(found, "ser_cnn")


@pytest.mark.parametrize(
    ("options", "rates"),
    [
        ({"optimiser.lr": 0.5}, [0.5, 0.5]),
        ({"optimiser.backend.lr": 0.25}, [0.25, 0.25]),
        ({"optimiser.backend.lr": 0.25, "optimiser.backend.scr_m5.lr": 0.125}, [0.125, 0.25]),
    ],
)
def test_settings_of_all_branches_or_of_one(options: dict[str, Any], rates: list[float], audio: Path) -> None:
    first = job(audio, options=options)
    again = prepared(first.run.experiment, COMPONENTS, Path("run"), Quiet())
    for found in (first, again):
        assert [recipe(found, name).lr for name in ("scr_m5", "ser_cnn")] == rates
        assert [recipe(found, f"{name}_hard").lr for name in ("scr_m5", "ser_cnn")] == rates


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimiser.backend.scr_m6.lr": 1}, r"^optimiser.backend.scr_m5 has no option 'scr_m6.lr'"),
        ({"optimiser.backend.scr_m5.clp": 1}, r"^optimiser.backend.scr_m5 has no option 'clp'; did you mean 'clip'\?"),
        ({"backend.scr_m6.width": 1}, r"^backend 'scr_m5\+ser_cnn' has no option 'scr_m6.width'"),
        ({"epochs.scr": 1}, r"^mode 'independent' has no phase 'scr'; did you mean 'scr_m5'\?"),
    ],
)
def test_mistakes_in_the_names_of_branches(options: dict[str, Any], message: str, audio: Path) -> None:
    with pytest.raises(SefrontError, match=message):
        job(audio, options=options)


def test_what_is_written_repeats_the_experiment(audio: Path) -> None:
    """Branches keep their recipes, and phases the lengths that options of the coupling give them."""
    first = job(audio)
    written = first.run.experiment
    again = prepared(written, COMPONENTS, Path("run"), Quiet())
    assert again.run.experiment == written
    for phase in ("scr_m5", "ser_cnn", "scr_m5_hard"):
        assert recipe(again, phase) == recipe(first, phase)
    assert not any(key.startswith("optimiser.backend.") and key.count(".") == 2 for key in written.options)
    assert [first.coupler.lengths.of(p) for p in first.coupler.planned()] == [100, 2, 1, 2, 1]
    assert [again.coupler.lengths.of(p) for p in again.coupler.planned()] == [100, 2, 1, 2, 1]


@pytest.mark.parametrize(
    ("asked", "lengths"),
    [
        ({"options": {"coupling.schedule": 2}}, [100, 4, 2, 4, 2]),
        ({"options": {"epochs.ser_cnn": 7}}, [100, 2, 1, 7, 1]),
        ({"epochs": 3}, [3, 3, 3, 3, 3]),
    ],
)
def test_an_experiment_that_is_repeated_with_other_lengths(
    asked: dict[str, Any], lengths: list[int], audio: Path
) -> None:
    changed = job(audio).run.experiment.changed(asked)
    found = prepared(changed, COMPONENTS, Path("run"), Quiet()).coupler
    assert [found.lengths.of(phase) for phase in found.planned()] == lengths


@pytest.mark.parametrize(("mode", "other"), [("independent", "fused"), ("fused", "independent"), ("fused", "augment")])
def test_a_repeated_experiment_in_another_mode_takes_its_recipes_anew(mode: str, other: str, audio: Path) -> None:
    first = experiment(audio) if mode == "independent" else fused(audio)
    changed = prepared(first, COMPONENTS, Path("run"), Quiet()).run.experiment.changed({"mode": other})
    found = prepared(changed, COMPONENTS, Path("run"), Quiet()).coupler
    fresh = prepared(replace(fused(audio), mode=other), COMPONENTS, Path("run"), Quiet()).coupler
    assert [found.recipes(p) for p in found.planned()] == [fresh.recipes(p) for p in fresh.planned()]


def test_a_setting_of_all_branches_beats_what_is_written_for_each(audio: Path) -> None:
    changed = job(audio).run.experiment.changed({"options": {"optimiser.backend.lr": 0.25}})
    found = prepared(changed, COMPONENTS, Path("run"), Quiet())
    assert [recipe(found, name).lr for name in ("scr_m5", "ser_cnn")] == [0.25, 0.25]


def test_a_mode_that_trains_the_branches_as_one_has_one_recipe(audio: Path) -> None:
    found = prepared(fused(audio, **{"optimiser.backend.lr": 0.25}), COMPONENTS, Path("run"), Quiet())
    assert recipe(found, "backend").lr == 0.25
    assert found.run.experiment.options["optimiser.backend.lr"] == 0.25


# Runs


def test_a_run_is_used_like_any_other(run: Run, tmp_path: Path) -> None:
    backend: Any = run.backend
    assert int(backend.decision) == 1
    assert {path.suffix for path in (run.path / "checkpoint" / "best").iterdir()} == {".safetensors"}
    evaluation = run.evaluate(out=tmp_path)
    rows = {(row["system"], row["metric"]): row for row in evaluation.rows}
    assert 0 <= rows["coupled", "uar"]["value"] <= 100
    wave = np.random.default_rng(0).normal(0, 0.1, 8000).astype("float32")
    found = run.predict(wave, 16000)
    assert found["label"] in ("high", "low")
    with torch.no_grad():
        margins = backend(torch.tensor(wave)[None], torch.tensor([8000])).scores
    assert list(found["scores"].values()) == pytest.approx(margins.softmax(1)[0].tolist(), abs=1e-5)


def test_runs_of_branches_are_fused(run: Run) -> None:
    rows = sefront.fuse([run, run]).rows
    values = [{row["value"] for row in rows if (row["system"] == "fused") == fused} for fused in (True, False)]
    assert values[0] == values[1]


def test_the_log_of_a_run(run: Run) -> None:
    records = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    phases = [record["phase"] for record in records]
    assert phases == ["scr_m5"] * 2 + ["scr_m5_hard"] + ["ser_cnn"] * 2 + ["ser_cnn_hard"]
    assert all(0 <= record["wrong"] <= 1 for record in records if not record["phase"].endswith("_hard"))
    hard = [record for record in records if record["phase"].endswith("_hard")]
    assert all(record["hard"] >= 6 for record in hard)
    assert all(record["hard_share_0"] + record["hard_share_1"] == pytest.approx(1) for record in hard)


def test_a_run_begins_with_the_counts_of_another(run: Run, audio: Path, tmp_path: Path) -> None:
    found = job(audio, tmp_path / "again", init_backend=str(run.path), options={"coupling.loss": "ce"})
    lines = [line for line in found.plan() if "left out" in line]
    reason = "left out, because its answers were counted in the run that the backend comes from"
    assert lines[-2:] == [f"phase scr_m5: {reason}", f"phase ser_cnn: {reason}"]
    found.train("uar", False, [])
    log = (tmp_path / "again" / "log.jsonl").read_text()
    assert [json.loads(line)["phase"] for line in log.splitlines()] == ["scr_m5_hard", "ser_cnn_hard"]
    counts = [
        (load_state(p / "checkpoint" / "last") or {})["coupling"]["counts"] for p in (run.path, tmp_path / "again")
    ]
    assert counts[0] == counts[1]
    assert counts[0]["scr_m5"]["seen"] == [2] * 12


def test_a_run_of_another_mode_brings_no_counts(audio: Path, run: Run, tmp_path: Path) -> None:
    prepared(fused(audio), COMPONENTS, tmp_path / "fused", Quiet()).train("uar", False, [])
    for sees in ("enhanced", "clean"):
        found = job(audio, init_backend=str(tmp_path / "fused"), options={"coupling.sees": sees})
        left_out = [phase.name for phase in found.coupler.planned() if found.coupler.left_out(phase)]
        assert left_out == ["frontend"]


def test_counts_of_another_corpus_are_refused(run: Run, audio: Path) -> None:
    with pytest.raises(
        SefrontError, match=r"^--init-backend: that run has counted \d+ clips that are not among those "
    ):
        job(audio, init_backend=str(run.path), corpus=str(audio / "others"))


def test_a_run_that_was_interrupted_keeps_the_recipes_of_its_branches(audio: Path, tmp_path: Path) -> None:
    """And comes to the same weights, in which the learning rates of both have a part."""

    class Stopping(Quiet):
        left = 4

        def record(self, values: Any) -> None:
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

    options = {"optimiser.backend.weight_decay": 0.001}
    whole = job(audio, tmp_path / "whole", options=options).train("uar", False, [])
    wanted = experiment(audio, options=options)
    with pytest.raises(KeyboardInterrupt):
        prepared(wanted, COMPONENTS, tmp_path / "parts", Stopping()).train("uar", False, [])
    again = started(tmp_path / "parts", {"options": dict(options)}, COMPONENTS.corpora)
    check_same(tmp_path / "parts", again)
    rest = prepared(again, COMPONENTS, tmp_path / "parts", Quiet()).train("uar", True, [])
    states = [r.models.backend.state_dict() for r in (whole, rest)]  # type: ignore[union-attr]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    counts = [(load_state(r.path / "checkpoint" / "last") or {})["coupling"]["counts"] for r in (whole, rest)]
    assert counts[0] == counts[1]


def test_a_branch_steps_with_its_own_optimiser(audio: Path) -> None:
    found = job(audio)
    update: Update = found.coupler.phase_run(found.coupler.planned()[1], found.material).update
    assert list(update.learners) == ["backend.scr_m5"]
    assert update.learners["backend.scr_m5"].recipe == recipe(found, "scr_m5")


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("scr_m5+asr_ds2", "^backend 'asr_ds2' is made for transcription; only those that classify can be joined$"),
        ("scr_m5+", r"^backend 'scr_m5\+': a \+ stands between two names"),
        ("scr_m5+scr_m5", r"^backend 'scr_m5\+scr_m5': 'scr_m5' stands twice"),
        ("scr_m5+ser_cn", r"^there is no backend 'ser_cn'; did you mean 'ser_cnn'\?"),
    ],
)
def test_names_that_join_nothing(backend: str, message: str, audio: Path) -> None:
    with pytest.raises(SefrontError, match=message):
        prepared(
            Experiment.of({"backend": backend, "mode": "baseline", "corpus": str(audio / "speech"), "device": "cpu"}),
            COMPONENTS, Path("run"), Quiet(),
        )  # fmt: skip


def test_transcripts_are_refused_in_one_line(tmp_path: Path) -> None:
    asked = {"backend": "asr_ds2", "mode": "independent", "device": "cpu", "frontend": "identity"}
    with pytest.raises(
        SefrontError, match=r"^independent counts wrong answers, of which a task of transcription has none"
    ):
        prepared(Experiment.of(asked), COMPONENTS, tmp_path, Quiet())
