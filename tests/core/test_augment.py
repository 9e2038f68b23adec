"""What backends learn from beside the clips as they are: options, refusals, and whole runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from probes import RATE, TASK, Tones, material, pair, same
from torch import Tensor

from sefront.backends.acln import ACLN
from sefront.backends.asr_ds2 import AsrDS2
from sefront.backends.emotion_dilated import EmotionDilated
from sefront.backends.fcn384 import FCN384
from sefront.core.augment import Augment
from sefront.core.checkpoint import Weights, load_part, weights_of
from sefront.core.coupler import Coupler
from sefront.core.data import Draw, Example, Material
from sefront.core.errors import SefrontError
from sefront.core.joined import joined
from sefront.core.kinds import EXAMPLES
from sefront.core.progress import Quiet
from sefront.core.speed import with_copies
from sefront.core.training import Lengths, Training
from sefront.core.types import Prediction
from sefront.couplings.augment import Augment as OnNoisy
from sefront.couplings.baseline import Baseline
from sefront.couplings.cold_cascade import ColdCascade
from sefront.couplings.frontend_only import FrontendOnly
from sefront.couplings.frozen import Frozen
from sefront.couplings.independent import Independent
from sefront.couplings.iterative import Iterative
from sefront.couplings.mtl import MTL
from sefront.frontends.identity import Identity
from sefront.testing.probes import ProbeBackend

EVERYTHING = Augment(mixup=0.3, speed=(0.9, 1.25), noise=0.5, crop=0.15)


def coupler(frontend: Any, backend: Any, coupling: Any, augment: Augment, epochs: int = 2, **options: Any) -> Coupler:
    lengths = Lengths(epochs, batch_size=options.pop("batch_size", 4))
    training = Training(valid_snr=(5.0,))
    return Coupler(
        frontend, backend, coupling, lengths, training, device="cpu", precision="32", augment=augment, **options
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mixup": -1}, r"^mixup must be at least 0, but is -1$"),
        ({"mixup": float("inf")}, r"^mixup must be at least 0, but is inf$"),
        ({"speed": (0.4,)}, r"^speed must hold factors from 0\.5 to 2 other than 1, but is \(0\.4,\)$"),
        ({"speed": (1.0,)}, r"^speed must hold factors from 0\.5 to 2 other than 1"),
        ({"speed": (0.9, 0.9)}, r"^speed must hold each factor once, but is \(0\.9, 0\.9\)$"),
        ({"specaugment": True, "time_width": -1}, r"^sizes and numbers of masks must be at least 0, but they are"),
        ({"freq_width": 4, "time_masks": 1}, r"^freq_width, time_masks: there are no masks without specaugment=true$"),
        ({"noise": 1.5}, r"^noise is a probability, from 0 to 1, but is 1\.5$"),
        ({"crop": 0.0}, r"^crop must be above 0 s, or none, but is 0$"),
    ],
)
def test_values_out_of_range(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Augment(**values)


def test_all_is_off_by_default() -> None:
    assert Augment().on == []
    assert EVERYTHING.on == ["mixup", "speed", "noise", "crop"]


# What would do nothing, or could not be learnt from


def refusal(backend: Any, coupling: Any, augment: Augment, **options: Any) -> str:
    with pytest.raises(SefrontError) as caught:
        coupler(Identity(16000), backend, coupling, augment, **options).check()
    return str(caught.value)


@pytest.mark.parametrize(
    ("coupling", "augment", "message"),
    [
        (FrontendOnly(), Augment(mixup=0.2), "-o augment.mixup: no phase trains a backend; leave it out"),
        (FrontendOnly(), Augment(speed=(0.9,)), "-o augment.speed: no phase trains a backend; leave it out"),
        (
            OnNoisy(),
            Augment(noise=0.5),
            "-o augment.noise: the backend learns from noisy waves, so noise is in all of them; leave it out",
        ),
        (
            Frozen(),
            Augment(noise=0.5),
            "-o augment.noise: the backend learns from enhanced waves, so noise is in all of them; leave it out",
        ),
        (
            Independent(sees="clean"),
            Augment(mixup=0.5),
            "-o augment.mixup: phase backend counts the answer to each clip; leave one of them out",
        ),
    ],
)
def test_what_a_coupling_cannot_do(coupling: Any, augment: Augment, message: str) -> None:
    assert refusal(pair()[1], coupling, augment) == message


def test_stale_weights_are_those_of_the_backends_step() -> None:
    frontend, backend = pair()
    with pytest.raises(SefrontError, match=r"^-o augment\.mixup: phase joint has stale weights, the losses of"):
        coupler(frontend, backend, Iterative(stale=True), Augment(mixup=0.2)).check()
    coupler(frontend, backend, Iterative(), Augment(mixup=0.2)).check()
    coupler(frontend, backend, Iterative(stale=True), replace(EVERYTHING, mixup=0.0)).check()


def test_a_trained_backend_that_learns_no_more() -> None:
    with pytest.raises(SefrontError, match=r"^-o augment\.crop: no phase trains a backend"):
        coupler(*pair(), ColdCascade(), Augment(crop=0.1), given=("backend",)).check()


def test_a_batch_of_one_has_nobody_to_be_mixed_with() -> None:
    assert refusal(pair()[1], Baseline(), Augment(mixup=0.2), batch_size=1) == (
        "-o augment.mixup: it mixes the clips of a batch, and phase backend has 1 a step; "
        "give it --batch-size 2 or more"
    )


class Unframed(ProbeBackend):
    """A backend that transcribes and does not say how many frames a clip has."""

    kind = "transcription"


@pytest.mark.parametrize(
    ("backend", "augment", "message"),
    [
        (
            lambda: joined({"one": ACLN, "two": ACLN})(EXAMPLES["classification"], 16000),
            Augment(mixup=0.2),
            "-o augment.mixup: one+two joins several backends, each with features of its own; name one backend",
        ),
        (
            lambda: Unframed(TASK, RATE),
            Augment(mixup=0.2),
            "-o augment.mixup: each of two mixed clips is taught its own frames, and Unframed has no method frames to "
            "tell them; leave it out",
        ),
        (
            lambda: EmotionDilated(EXAMPLES["trace"], 16000),
            Augment(speed=(0.9,)),
            "-o augment.speed: the frames of a trace belong to the recording as it is; leave it out",
        ),
        (
            lambda: AsrDS2(EXAMPLES["transcription"], 16000, width=4, layers=1),
            Augment(crop=1.0),
            "-o augment.crop: part of a clip does not have its whole transcription; leave it out",
        ),
        (
            lambda: ProbeBackend(TASK, RATE),
            Augment(specaugment=True),
            "-o augment.specaugment: ProbeBackend has no features with frames to hide; leave it out",
        ),
    ],
)
def test_what_a_backend_cannot_do(backend: Any, augment: Augment, message: str) -> None:
    assert refusal(backend(), OnNoisy(), augment) == message


def test_features_of_whole_clips_have_no_frames_to_hide() -> None:
    pytest.importorskip("opensmile")
    message = refusal(FCN384(EXAMPLES["classification"], 16000), OnNoisy(), Augment(specaugment=True))
    assert message == "-o augment.specaugment: FCN384 has no features with frames to hide; leave it out"


def test_what_was_recorded_in_noise_is_not_put_into_more() -> None:
    source = Tones().mixtures()
    source = replace(source, clips=[replace(c, recorded=True, reference=c.audio) for c in source.clips])
    with pytest.raises(SefrontError, match=r"^-o augment\.noise: the clips were recorded in noise, so nothing is"):
        coupler(None, pair()[1], Baseline(), Augment(noise=0.5)).fit(Material(source, source))
    copies = with_copies(source, (1.25,))
    example = copies[Draw(12)]
    assert isinstance(example, Example)
    assert example.clean is not None
    assert len(example.noisy) == len(example.clean) == 160


# Training


class Listening(ProbeBackend):
    """A backend that writes down what it learns from."""

    def __init__(self) -> None:
        super().__init__(TASK, RATE, dropout=0.0)
        self.heard: list[tuple[int, Tensor]] = []

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        if self.training:
            self.heard += zip(lengths.tolist(), waves, strict=True)
        return super().forward(waves, lengths)


class Stopping(Quiet):
    """Interrupts after an epoch."""

    def __init__(self, after: int) -> None:
        self.left = after

    def record(self, values: Mapping[str, Any]) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def kept(folder: Path) -> dict[str, list[dict[str, Any]]]:
    places = sorted((folder / "samples").glob("*.jsonl"))
    return {place.stem: [json.loads(line) for line in place.read_text().splitlines()] for place in places}


CLIPS = [f"clip{i}" for i in range(12)]


def test_only_phases_with_a_backend_see_copies(tmp_path: Path) -> None:
    augment = Augment(speed=(0.9, 1.25))
    made = coupler(*pair(), Iterative(), augment, folder=tmp_path)
    counts = {phase.name: len(made.phase_run(phase, material()).train) for phase in made.planned()}
    assert counts == {"frontend": 12, "backend": 36, "joint": 36}
    made.fit(material())
    copies = [*CLIPS, *(f"{name}@{factor}" for factor in augment.speed for name in CLIPS)]
    for lines in kept(tmp_path).values():
        assert [sorted(line["id"]) for line in lines] == [sorted(copies)] * 2


def test_copies_that_are_too_short_for_their_text_are_left_out(tmp_path: Path) -> None:
    task = replace(EXAMPLES["transcription"])
    backend = AsrDS2(task, RATE * 16, width=4, layers=1)
    train = Tones(2, task=task).mixtures()
    texts = ["abc" * 3, "a"]  # 0.2 s have 11 frames, a half of it has 6
    train.clips = [replace(c, target=text) for c, text in zip(train.clips, texts, strict=True)]
    train.reader.sample_rate = RATE * 16
    made = coupler(None, backend, OnNoisy(), Augment(speed=(2.0,)))
    found = made.learnt(made.planned()[0], train)
    assert [c.id for c in found.clips] == ["clip0", "clip1", "clip1@2.0"]
    assert list(made.damages.reasons) == ["clip0@2.0"]


def test_a_crop_is_of_a_length_and_moves() -> None:
    backend = Listening()
    made = coupler(None, backend, OnNoisy(), Augment(crop=0.15), epochs=2)
    made.fit(material())
    assert {length for length, _ in backend.heard} == {150}
    whole, parts = Listening(), {tuple(wave[:20].tolist()) for _, wave in backend.heard}
    coupler(None, whole, OnNoisy(), Augment()).fit(material())
    assert {length for length, _ in whole.heard} == {200, 240}
    assert len(parts) > 12


def test_noise_of_probability_one_is_to_learn_from_mixtures() -> None:
    noisy, always, never, half = (Listening() for _ in range(4))
    coupler(None, noisy, OnNoisy(), Augment()).fit(material())
    coupler(None, always, Baseline(), Augment(noise=1.0)).fit(material())
    coupler(None, never, Baseline(), Augment()).fit(material())
    coupler(None, half, Baseline(), Augment(noise=0.5), epochs=20).fit(material())
    assert all(torch.equal(one, other) for (_, one), (_, other) in zip(noisy.heard, always.heard, strict=True))
    assert not any(torch.equal(one, other) for (_, one), (_, other) in zip(never.heard, always.heard, strict=True))
    clean = {tuple(wave[:200].tolist()) for _, wave in never.heard}
    share = sum(tuple(wave[:200].tolist()) in clean for _, wave in half.heard) / len(half.heard)
    assert share == pytest.approx(0.5, abs=0.1)


def test_a_recogniser_that_heard_noise_is_no_clean_trained_original(tmp_path: Path) -> None:
    for name, augment in (("noise", Augment(noise=0.2)), ("mixup", Augment(mixup=0.2))):
        coupler(None, pair()[1], Baseline(), augment, folder=tmp_path / name).fit(material())
    assert load_part(tmp_path / "noise" / "checkpoint" / "original", "backend") is None
    assert load_part(tmp_path / "mixup" / "checkpoint" / "original", "backend") is not None


def test_nothing_is_kept_of_mixed_clips_but_what_judges_clips_as_they_are(tmp_path: Path) -> None:
    coupler(*pair(), Iterative(), Augment(mixup=0.2), folder=tmp_path / "iterative").fit(material())
    found = kept(tmp_path / "iterative")
    assert list(found) == ["joint"]
    assert {"task_loss", "answer", "weight"} <= set(found["joint"][0])
    coupler(*pair(), MTL(), Augment(mixup=0.2), folder=tmp_path / "mtl").fit(material())
    assert kept(tmp_path / "mtl") == {}


def trained(coupling: Any, augment: Augment, folder: Path, after: int = 0, resume: bool = False) -> Weights:
    frontend, backend = pair()
    made = coupler(frontend, backend, coupling, augment, 3, folder=folder, progress=Stopping(after))
    made.fit(material(), resume=resume)
    return {**weights_of(frontend), **{f"backend.{name}": value for name, value in weights_of(backend).items()}}


@pytest.mark.parametrize("after", [4, 5, 8])
def test_a_resumed_run_is_the_same_to_the_last_bit(after: int, tmp_path: Path) -> None:
    whole = trained(Iterative(), EVERYTHING, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        trained(Iterative(), EVERYTHING, tmp_path / "parts", after)
    assert same(whole, trained(Iterative(), EVERYTHING, tmp_path / "parts", resume=True))
    assert not same(whole, trained(Iterative(), Augment(), tmp_path / "plain"))


def test_hard_examples_count_copies_by_themselves() -> None:
    coupling = Independent(count_epochs=2, retrain_epochs=1, sees="clean", hard_fraction=0.5)
    coupler(Identity(RATE), pair()[1], coupling, Augment(speed=(0.9,))).fit(material())
    assert sorted(coupling.miner("backend").seen) == sorted([*CLIPS, *(f"{name}@0.9" for name in CLIPS)])


def test_batches_of_one_length_stay_so_with_copies() -> None:
    backend = Listening()
    backend.pads = False  # type: ignore[assignment]
    coupler(None, backend, OnNoisy(), Augment(speed=(0.9, 1.25))).fit(material())
    assert {length for length, _ in backend.heard} == {200, 240, 222, 267, 160, 192}
    assert all(len(wave) == length for length, wave in backend.heard)


def test_features_are_masked_in_training() -> None:
    source = Tones().mixtures()
    source.reader.sample_rate = 16000
    weights = []
    for augment in (Augment(), Augment(specaugment=True)):
        torch.manual_seed(0)
        backend = ACLN(TASK, 16000, dropout=0.0)
        coupler(None, backend, OnNoisy(), augment, 1).fit(Material(source, source))
        weights.append(weights_of(backend))
    assert not same(*weights)
    assert all(torch.isfinite(value).all() for value in weights[1].values())
