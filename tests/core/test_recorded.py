"""Clips that were recorded in noise: nothing is mixed into them, and what needs their clean part says so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recordings import RATE, TASK, Sound, clip, hiss, mixtures, noise_folder, speech_folder, taped_folder, voice
from torch import Tensor

import sefront
from sefront.core.aggregation import aggregated
from sefront.core.batches import collate, load
from sefront.core.clips import Clip
from sefront.core.coupler import Coupler
from sefront.core.data import Damaged, Draw, Example, Material, Mixtures
from sefront.core.epochs import shuffled
from sefront.core.errors import BadOptionError, SefrontError
from sefront.core.evaluation import Chain, Judgement, Row, judge
from sefront.core.experiment import Experiment
from sefront.core.job import Job, prepared
from sefront.core.progress import Quiet
from sefront.core.recorded import are_recorded, check_measurable, lacking
from sefront.core.table import rendered
from sefront.core.training import Lengths
from sefront.core.types import Batch, Enhanced, Phase, Prediction
from sefront.core.written import write_experiment
from sefront.couplings.augment import Augment
from sefront.couplings.iterative import Iterative
from sefront.metrics.si_sdr import SISDR
from sefront.metrics.uar import UAR
from sefront.plugins import Catalogue
from sefront.testing.probes import ProbeBackend, ProbeFrontend


def taped(number: int, reference: bool = True, size: int = 1600) -> Clip:
    """A voice under a hiss that was there when it was recorded."""
    clean = voice(size, (400, 150)[number % 2], seed=number)
    noisy = Sound(clean + hiss(size, seed=number, level=0.02), f"tape{number}")
    heard = Sound(clean, f"clean{number}") if reference else None
    return Clip(f"tape{number}", noisy, TASK.labels[number % 2], recorded=True, reference=heard)


def tapes(count: int, *without: int) -> list[Clip]:
    return [taped(number, number not in without) for number in range(count)]


def example(source: Mixtures, draw: Draw) -> Example:
    found = source[draw]
    assert isinstance(found, Example)
    return found


@pytest.mark.parametrize("draw", [Draw(0), Draw(0, 7), Draw(0, snr=5.0), Draw(0, snr=math.inf)])
def test_a_recording_is_what_it_is_in_every_draw(draw: Draw) -> None:
    recording = taped(0)
    found = example(mixtures([recording], []), draw)
    np.testing.assert_array_equal(found.noisy, recording.audio.read(RATE))
    assert recording.reference is not None
    assert found.clean is not None
    np.testing.assert_array_equal(found.clean, recording.reference.read(RATE))
    assert math.isnan(found.snr)


def test_a_recording_may_have_no_clean_part() -> None:
    assert example(mixtures(tapes(1, 0)), Draw(0)).clean is None


def test_a_part_of_a_recording_is_that_of_its_reference() -> None:
    found = example(mixtures([taped(0, size=16000)]), Draw(0, 3, seconds=0.25))
    assert found.clean is not None
    assert len(found.noisy) == len(found.clean) == 4000
    assert np.std(found.noisy - found.clean) == pytest.approx(0.02, rel=0.1)  # misplaced, it would be the voice's


def test_what_leaves_full_scale_is_scaled_with_its_reference() -> None:
    loud = replace(taped(0), audio=Sound(4 * hiss(1600, level=1.0), "loud"))
    found = example(mixtures([loud]), Draw(0))
    assert found.clean is not None
    assert loud.reference is not None
    assert np.abs(found.noisy).max() == pytest.approx(1.0)
    scale = np.abs(loud.audio.read(RATE)).max()
    np.testing.assert_allclose(found.clean, loud.reference.read(RATE) / scale, rtol=1e-6)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (Sound(voice(1500, 150.0), "short"), "tape0: its clean reference has 1500 samples, but it has 1600"),
        (Sound(None, "gone"), "gone: not readable as audio"),
    ],
)
def test_a_damaged_reference_damages_the_clip(reference: Sound, reason: str) -> None:
    assert mixtures([replace(taped(0), reference=reference)])[Draw(0)] == Damaged("tape0", reason)


def test_two_kinds_of_clips_are_not_one_set() -> None:
    message = r"^these clips: clip tape0 was recorded in noise, but plain is for noise to be mixed into; give each "
    with pytest.raises(SefrontError, match=message):
        mixtures([clip("plain", voice(1600, 150.0), "low"), taped(0)])
    assert not are_recorded([])
    assert [each.id for each in lacking(tapes(3, 1))] == ["tape1"]


def test_a_batch_has_clean_waves_where_every_clip_has() -> None:
    whole, partial = mixtures(tapes(3)), mixtures(tapes(3, 1))
    found = collate([example(whole, Draw(index)) for index in range(3)])
    assert found.clean is not None
    assert torch.isnan(found.snr).all()
    assert torch.equal(found.clean[1], torch.from_numpy(example(whole, Draw(1)).clean))
    assert collate([example(partial, Draw(index)) for index in range(3)]).clean is None
    assert collate([example(partial, Draw(index)) for index in (0, 2)]).clean is not None


class Halving(torch.nn.Module):
    """A frontend that makes everything quieter."""

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        return Enhanced(0.5 * waves)

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        return torch.zeros(len(batch.ids))


class Constant(torch.nn.Module):
    """A backend that always gives the first answer."""

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        return Prediction(torch.tensor([[1.0, 0.0]]).repeat(len(waves), 1))

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        return torch.zeros(len(batch.ids))


METRICS: dict[str, Any] = {"uar": UAR(), "si_sdr": SISDR()}


def judged(clips: Sequence[Clip]) -> list[Row]:
    how = Judgement(METRICS, [math.inf, 5.0, 0.0], jobs=1)
    return judge(Chain(Halving(), Constant(), None), mixtures(clips, []), how)


def test_recordings_are_judged_once() -> None:
    rows = judged(tapes(4, 0, 1, 2, 3))
    assert {(row["snr"], row["noise"]) for row in rows} == {("recorded", None)}
    assert [row["system"] for row in rows].count("coupled") == 4
    assert all("signal" not in row for row in rows)
    table = aggregated(rows, METRICS)
    assert {(row["system"], row["snr"], row["metric"], row["n"]) for row in table} == {
        ("bypass", "recorded", "uar", 4), ("coupled", "recorded", "uar", 4)
    }  # fmt: skip
    lines = rendered(table, METRICS, TASK).splitlines()
    assert lines[0].split() == ["metric", "system", "recorded"]
    assert lines[-1] == "si_sdr: not applicable: no clean reference"


def test_signal_metrics_where_there_are_references() -> None:
    table = aggregated(judged(tapes(4)), METRICS)
    values = {row["system"]: row["value"] for row in table if row["metric"] == "si_sdr"}
    assert set(values) == {"noisy", "coupled"}
    assert values["noisy"] == pytest.approx(values["coupled"], abs=1e-3)  # which does not depend on the level
    assert 5 < values["noisy"] < 25
    assert "not applicable" not in rendered(table, METRICS, TASK)


def test_signal_metrics_are_of_all_clips_or_of_none() -> None:
    assert {row["metric"] for row in aggregated(judged(tapes(4, 2)), METRICS)} == {"uar"}


def test_metrics_that_could_say_nothing() -> None:
    message = r"^these clips: si_sdr compare with clean references, but 1 of 4 clips were recorded in noise"
    with pytest.raises(SefrontError, match=message):
        check_measurable(mixtures(tapes(4, 2)), {"si_sdr": SISDR()})
    check_measurable(mixtures(tapes(4, 2)), METRICS)
    check_measurable(mixtures(tapes(4)), {"si_sdr": SISDR()})


def trained(coupling: Any, train: Sequence[Clip], valid: Sequence[Clip]) -> list[dict[str, Any]]:
    parts = ProbeFrontend(RATE), ProbeBackend(TASK, RATE)
    coupler = Coupler(*parts, coupling, Lengths(1, batch_size=4), device="cpu", precision="32")
    return coupler.fit(Material(mixtures(train, []), mixtures(valid, [])), metric=UAR())


def test_a_frontend_learns_from_references() -> None:
    records = trained(Iterative(), tapes(8), tapes(4))
    assert [record["phase"] for record in records] == ["frontend", "backend", "joint"]
    assert all(list(record["scores"]) == ["recorded"] for record in records)
    assert all(math.isfinite(record["score"]) for record in records)


@pytest.mark.parametrize(("train", "valid"), [((3,), ()), ((), (0, 1))])
def test_coupling_without_references_is_refused_before_training(train: tuple[int, ...], valid: tuple[int, ...]) -> None:
    message = rf"^these clips: phase frontend needs clean references, but {len(train or valid)} of {8 if train else 4} "
    with pytest.raises(SefrontError, match=message):
        trained(Iterative(), tapes(8, *train), tapes(4, *valid))
    assert len(trained(Augment(), tapes(8, *train), tapes(4, *valid))) == 1


def test_epochs_of_recordings_have_the_same_clips() -> None:
    source = mixtures(tapes(6, 0))
    found = [batch for epoch in range(2) for batch in load(source, shuffled(source, 3, epoch))]
    assert sorted(name for batch in found for name in batch.ids) == sorted(2 * [f"tape{i}" for i in range(6)])


def test_which_phases_need_clean_waves() -> None:
    needs = {
        (learners, sees): Phase("x", learners, sees, lambda batch, update: {}).needs_clean
        for learners in (("frontend",), ("backend",), ("frontend", "backend"))
        for sees in ("clean", "noisy", "enhanced")
    }
    assert {key for key, needed in needs.items() if not needed} == {(("backend",), "noisy"), (("backend",), "enhanced")}


COMPONENTS = Catalogue.installed()
SMALL = {"frontend.width": 1, "frontend.depth": 1, "backend.width": 2}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``tapes`` recorded in noise, ``speech`` and ``noise``."""
    root = tmp_path_factory.mktemp("places")
    taped_folder(root / "tapes")
    speech_folder(root / "speech")
    noise_folder(root / "noise")
    return root


def job(places: Path, **values: Any) -> Job:
    filled = {k: v.format(places=places) if isinstance(v, str) else v for k, v in values.items() if k != "options"}
    asked = {"corpus": f"cheavd:{places / 'tapes'}", "mode": "augment", "device": "cpu", **filled}
    options = {**SMALL, **values.get("options", {})}
    return prepared(Experiment.of({**asked, "options": options}), COMPONENTS, places / "run", Quiet())


def test_a_plan_tells_of_recordings(places: Path) -> None:
    lines = job(places).plan()
    recorded = "clips recorded in noise, none of them with a clean reference"
    assert lines[:3] == [f"train: 27 {recorded}", f"valid: 5 {recorded}", f"test: 16 {recorded}"]


def test_what_is_not_mixed_is_not_written(places: Path, tmp_path: Path) -> None:
    run = job(places).run
    assert (run.experiment.noise, run.experiment.snr, run.experiment.test_snr) == ((), None, None)
    assert not run.experiment.section("noise")
    write_experiment(tmp_path / "experiment.toml", run.experiment, run.task)
    again = Experiment.read(tmp_path / "experiment.toml")
    assert prepared(again, COMPONENTS, tmp_path, Quiet()).run.experiment == run.experiment


NEVER = r"the clips of corpus 'cheavd:\S*' were recorded in noise, so nothing is mixed into them; leave it out$"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"noise": "{places}/noise"}, f"^--noise: {NEVER}"),
        ({"test_noise": "{places}/noise"}, f"^--test-noise: {NEVER}"),
        ({"frontend_noise": "{places}/noise", "init_frontend": None}, f"^--frontend-noise: {NEVER}"),
        ({"intruder": "toy"}, f"^--intruder: {NEVER}"),
        ({"snr": "0:10"}, f"^--snr: {NEVER}"),
        ({"test_snr": "10,0"}, f"^--test-snr: {NEVER}"),
        ({"options": {"noise.noises": 1}}, f"^--noise: {NEVER}"),
        (
            {"mode": "baseline"},
            r"^corpus 'cheavd:\S*', train split: phase backend needs clean references, but 27 of 27 ",
        ),
        (
            {"mode": "frozen"},
            r"split: phase frontend needs clean references, .* --mode augment learns from such recordings",
        ),
        ({"mode": "iterative", "options": {"coupling.init": "scratch"}}, "phase joint needs clean references"),
        ({"mode": "mtl", "options": {"coupling.init": "scratch"}}, "phase joint needs clean references"),
        (
            {"mode": "cold_cascade", "frontend_corpus": "{places}/speech", "options": {"noise.noises": 1}},
            "phase backend needs clean references",
        ),
        (
            {"mode": "frontend_only", "frontend_corpus": "{places}/speech", "options": {"noise.noises": 1}},
            r"^corpus 'cheavd:\S*', test split: si_sdr, stoi, pesq compare with clean references, but 16 of 16 ",
        ),
        (
            {"corpus": "{places}/speech", "mode": "frozen", "frontend_corpus": "cheavd:{places}/tapes"},
            r"^corpus 'cheavd:\S*', train split: phase frontend needs clean references, but 27 of 27 clips ",
        ),
    ],
)
def test_mistakes(places: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        job(places, **values)


def test_a_frontend_that_was_trained_elsewhere(places: Path) -> None:
    elsewhere = {"frontend_corpus": "{places}/speech", "snr": "5:10"}
    by_noise = job(places, mode="frozen", noise="{places}/noise", **elsewhere)
    by_own = job(places, mode="frozen", frontend_noise=str(places / "noise"), **elsewhere)
    for found in (by_noise, by_own):
        assert found.frontend_material is not None
        assert found.frontend_material.train.noises
        assert not found.material.train.noises
        assert found.run.experiment.snr == (5.0, 10.0)
        assert found.plan()[3].startswith("test: 16 clips recorded") or found.plan()[4].startswith("test: 16 clips rec")
    assert (by_noise.run.experiment.frontend_noise, by_own.run.experiment.noise) == ((), ())
    assert by_noise.run.experiment.noise == (str(places / "noise"),)
    with pytest.raises(BadOptionError, match=r"^--noise: the clips of corpus"):
        job(places, mode="frozen", noise="{places}/noise", frontend_noise=str(places / "noise"), **elsewhere)


def test_options_of_mixtures_are_refused(tmp_path: Path) -> None:
    folder = taped_folder(tmp_path / "cheavd")
    for section in ("mixing", "test_mixing"):
        with pytest.raises(SefrontError, match=rf"-o {section}: the clips of corpus .* were recorded in noise"):
            sefront.plan(
                corpus=f"cheavd:{folder}", mode="augment", frontend="identity", options={f"{section}.noises": 2},
                out=tmp_path / "run",
            )  # fmt: skip
