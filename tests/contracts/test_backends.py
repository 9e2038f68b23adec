"""Every backend of the live catalogue keeps the contract."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from recordings import RATE, mixtures, voices

from sefront.core import Coupler, Material
from sefront.core.chain import differentiable
from sefront.core.clips import Clip, Task, Tracing
from sefront.core.errors import SefrontError
from sefront.core.modes import judging, passing
from sefront.core.training import Lengths, Training
from sefront.couplings.frozen import Frozen
from sefront.couplings.iterative import Iterative
from sefront.couplings.mtl import MTL
from sefront.plugins import Catalogue
from sefront.testing import check_backend
from sefront.testing.backends import task_for, valid_scores
from sefront.testing.material import example
from sefront.testing.probes import ProbeFrontend

SMALL: dict[str, dict[str, Any]] = {  # the same code, sooner done
    "asc_dual_resnet": {"width": 4},
    "asr_ds2": {"width": 16, "layers": 2},
    "cnn": {"width": 4},
    "cnn_lstm": {"width": 4},
    "densenet": {"growth": 4, "layers": 2},
    "densenet_highway": {"growth": 4, "layers": 2},
    "densenet_lstm": {"growth": 4, "layers": 2},
    "emotion_prelim": {"length": 8},
    "ser_cnn": {"width": 8},
}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("acln", {"n_mfcc": 31, "n_fft": 256, "dropout": 0.0}),
    ("afcn", {"trunk": "alexnet_orig", "n_bins": 63, "attention_scale": 1.0, "dropout": 0.0}),
    ("asc_dual_resnet", {"width": 2, "deltas": True, "convs_per_block": 1}),
    ("asr_ds2", {"width": 8, "layers": 1, "feature": "mel", "dropout": 0.0}),
    ("cnn", {"width": 4, "dropout": 0.0}),
    ("densenet", {"growth": 4, "layers": 2, "theta": 0.5, "places": 1}),
    ("densenet_highway", {"growth": 2, "layers": 2, "theta": 0.5, "lstm_freq_pool": True, "scale": "mel"}),
    ("fcn384", {"dropout": 0.0}),
    ("scr_m5", {"variant": "dai2017"}),
    ("scr_m5", {"internal_rate": 8000}),
    ("ser_cnn", {"width": 4, "dropout": 0.0}),
]


@pytest.mark.parametrize("name", list(Catalogue.installed().backends))
def test_contract(name: str) -> None:
    check_backend(Catalogue.installed().backends[name], **SMALL.get(name, {}))


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_contract_of_variants(name: str, options: dict[str, Any]) -> None:
    check_backend(Catalogue.installed().backends[name], **options)


NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
DEVICES = ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_GPU])]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", list(Catalogue.installed().backends))
def test_a_judging_backend_passes_gradients_on_every_device(name: str, device: str) -> None:
    """cuDNN cannot go back through recurrent layers in eval mode; what is said is what eval mode says."""
    component = Catalogue.installed().backends[name]
    batch = example([5121, 48000, 30000], task_for(component))  # one, two and two segments
    torch.manual_seed(0)
    backend: Any = component(task_for(component), RATE, **SMALL.get(name, {}))
    with judging(backend):
        expected = valid_scores(backend(batch.noisy, batch.lengths))
    backend, there = backend.to(device), batch.to(torch.device(device))
    state = {key: value.clone() for key, value in backend.state_dict().items()}
    waves = there.noisy.clone().requires_grad_(differentiable(backend))
    with passing(backend):
        prediction = backend(waves, there.lengths)
        losses = backend.loss(prediction, there)
    for found, scores in zip(valid_scores(prediction), expected, strict=True):
        torch.testing.assert_close(found.cpu(), scores, atol=1e-5 if device == "cpu" else 2e-2, rtol=0)
    if differentiable(backend):
        losses.sum().backward()
        assert waves.grad is not None
        assert bool(waves.grad.isfinite().all())
        assert bool(waves.grad.abs().amax(1).gt(0).all())
    assert all(torch.equal(state[key], value) for key, value in backend.state_dict().items())


@dataclass(frozen=True)
class Wave:
    """A slow trace in memory."""

    frames: int
    dimensions: int

    def values(self) -> NDArray[np.float32]:
        return np.sin(np.arange(self.frames * self.dimensions, dtype=np.float32)).reshape(self.frames, -1)


def target_for(clip: Clip, row: int, task: Task) -> str | Tracing:
    if task.kind == "classification":
        return task.labels[row % len(task.labels)]
    if task.kind == "transcription":
        return ("ab", "c a")[row % 2]
    return Wave(int(clip.audio.duration() * (task.frame_rate or 1)) + 1, len(task.labels))


@pytest.mark.parametrize("coupling", [Frozen(), MTL(init="scratch"), Iterative(init="scratch")], ids=type)
@pytest.mark.parametrize("name", list(Catalogue.installed().backends))
def test_every_mode(name: str, coupling: Any) -> None:
    component = Catalogue.installed().backends[name]
    task = task_for(component)
    backend = component(task, RATE, **SMALL.get(name, {}))
    clips = [replace(clip, target=target_for(clip, row, task)) for row, clip in enumerate(voices(6, (4800, 6400)))]
    training = Training(valid_snr=(5.0,))
    coupler = Coupler(ProbeFrontend(RATE), backend, coupling, Lengths(1, batch_size=3), training, device="cpu")
    material = Material(mixtures(clips, task=task), mixtures(clips[:4], task=task))
    if isinstance(coupling, MTL) and not differentiable(backend):
        with pytest.raises(SefrontError, match="which is not differentiable; it works with cold_cascade, frozen and"):
            coupler.fit(material)
        return
    history = coupler.fit(material)
    assert history
    for record in history:
        assert all(math.isfinite(value) for value in record.values() if isinstance(value, float))
