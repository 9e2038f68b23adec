"""Features of continuous emotion, convolutions that keep the length, and the loss over whole recordings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sefront.core.affect import AffectFeatures, SameConv1d, Tracer, initialise, standardised
from sefront.core.clips import Task
from sefront.core.errors import SefrontError
from sefront.core.losses import concordance, shared_frames
from sefront.core.types import Batch, Prediction
from sefront.metrics.ccc import CCC

RATE = 16000


def noise(*shape: int, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def traced(target: Any, lengths: Any = None) -> Batch:
    """A batch with traces (batch, frames, dims)."""
    target = torch.as_tensor(target, dtype=torch.float32)
    count, frames, _ = target.shape
    valid = torch.tensor([frames] * count if lengths is None else lengths)
    waves = torch.zeros(count, 1)
    return Batch(waves, waves, valid, target, valid, tuple(f"clip{i}" for i in range(count)), torch.zeros(count))


def column(*values: float) -> Tensor:
    """One clip of one dimension, (1, frames, 1)."""
    return torch.tensor(values, dtype=torch.float32)[None, :, None]


# features


@pytest.mark.parametrize(("samples", "frames"), [(4_800_000, 7501), (1, 1), (639, 1), (640, 2), (32000, 51)])
def test_frames_of_a_trace(samples: int, frames: int) -> None:
    assert AffectFeatures(RATE, 25.0).frames(torch.tensor([samples])).tolist() == [frames]


def test_four_neighbours_are_standardised_and_stacked_and_the_last_is_repeated() -> None:
    heard, wave = AffectFeatures(RATE, 25.0), noise(1, 16000)
    features, frames = heard(wave, torch.tensor([16000]))
    assert (features.shape, frames.tolist()) == ((1, 160, 26), [26])
    mel = heard.mel(wave)[0].numpy().astype(np.float64)
    mel = (mel - mel.mean(1, keepdims=True)) / mel.std(1, keepdims=True)
    assert mel.shape == (40, 98)
    filled = np.concatenate([mel, np.repeat(mel[:, -1:], 6, axis=1)], axis=1)
    expected = np.stack([filled[:, 4 * t : 4 * t + 4].T.ravel() for t in range(26)], axis=1)
    np.testing.assert_allclose(features[0].numpy(), expected, atol=1e-4)


def test_each_clip_has_its_own_mean_and_deviation() -> None:
    waves, lengths = noise(2, 16000), torch.tensor([16000, 7000])
    waves[1] *= 0.01
    heard = AffectFeatures(RATE, 25.0)
    fine = heard.mel.frames(lengths)
    found = standardised(heard.mel(waves), fine)
    for row, size in zip(found, fine.tolist(), strict=True):
        torch.testing.assert_close(row[:, :size].mean(1), torch.zeros(40), atol=1e-4, rtol=0)
        torch.testing.assert_close(row[:, :size].std(1, correction=0), torch.ones(40), atol=1e-4, rtol=0)


def test_padding_does_not_matter() -> None:
    heard, wave = AffectFeatures(RATE, 25.0), noise(1, 9001)
    padded = torch.cat([torch.nn.functional.pad(wave, (0, 10999), value=0.3), noise(1, 20000, seed=1)])
    (alone, frames), (together, counts) = heard(wave, torch.tensor([9001])), heard(padded, torch.tensor([9001, 20000]))
    assert (frames.tolist(), counts.tolist()) == ([15], [15, 32])
    torch.testing.assert_close(together[:1, :, :15], alone, atol=1e-5, rtol=1e-5)
    assert not together[0, :, 15:].any()


def test_a_clip_shorter_than_a_frame_does_not_hear_its_padding() -> None:
    waves = torch.cat([torch.nn.functional.pad(noise(1, 100), (0, 600), value=0.3), noise(1, 700)])
    features, frames = AffectFeatures(RATE, 25.0)(waves, torch.tensor([100, 700]))
    assert frames.tolist() == [1, 2]
    assert not features[0].any()  # one frame, less its mean


@pytest.mark.parametrize("constant", [0.0, -15.942385, 7.3])
def test_a_constant_band_becomes_zeros_and_not_rounding_blown_up(constant: float) -> None:
    x = torch.full((1, 1, 30000), constant).requires_grad_()
    found = standardised(x, torch.tensor([30000]))
    assert not found.any()
    found.square().sum().backward()
    assert x.grad is not None
    assert bool(x.grad.isfinite().all())


@pytest.mark.parametrize("samples", [1, 100, 641])
def test_short_and_silent_clips_have_finite_features_and_gradients(samples: int) -> None:
    waves = torch.cat([noise(1, samples), torch.zeros(1, samples)]).requires_grad_()
    features, frames = AffectFeatures(RATE, 25.0)(waves, torch.tensor([samples] * 2))
    assert features.shape == (2, 160, samples // 640 + 1)
    assert frames.tolist() == [samples // 640 + 1] * 2
    features.square().sum().backward()
    assert waves.grad is not None
    assert bool(features.isfinite().all())
    assert bool(waves.grad.isfinite().all())


@pytest.mark.parametrize(("rate", "size", "frames"), [(10.0, 400, 11), (50.0, 80, 51), (100.0, 40, 101)])
def test_traces_of_other_rates(rate: float, size: int, frames: int) -> None:
    heard = AffectFeatures(RATE, rate)
    features, _ = heard(noise(1, RATE), torch.tensor([RATE]))
    assert heard.size == size
    assert features.shape == (1, size, frames)


def test_features_do_not_drift_where_ten_milliseconds_are_no_whole_number_of_samples() -> None:
    rate = 22050
    wave = 0.001 * noise(1, 60 * rate)
    wave[:, 50 * rate : 50 * rate + rate // 25] = noise(1, rate // 25, seed=1)
    features, _ = AffectFeatures(rate, 25.0)(wave, torch.tensor([60 * rate]))
    assert features[0].mean(0).argmax().item() == 50 * 25


# the frame around a network


class Mean(Tracer):
    """The mean of all features, in every dimension."""

    def trace(self, features: Tensor, lengths: Tensor) -> Tensor:
        return features.mean(1, keepdim=True).expand(-1, self.dimensions, -1) + 1


def test_traces_are_float32_and_zero_beyond_a_clip() -> None:
    backend = Mean(Task("trace", ("arousal", "valence"), "ccc", frame_rate=25.0), RATE)
    prediction = backend(noise(2, 16000), torch.tensor([16000, 8000]))
    assert prediction.scores.shape == (2, 26, 2)
    assert prediction.lengths is not None
    assert prediction.lengths.tolist() == [26, 13]
    assert not prediction.scores[1, 13:].any()
    with torch.autocast("cpu", torch.bfloat16):
        again = backend(noise(2, 16000), torch.tensor([16000, 8000]))
    assert torch.equal(again.scores, prediction.scores)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (Task("classification", ("a", "b"), "uar"), "over time, but the task is classification; name a corpus with"),
        (Task("transcription", ("", "a"), "wer"), "but the task is transcription"),
        (Task("trace", ("a",), "ccc", frame_rate=30.0), "divisors of 100 Hz such as 25, but .* frame_rate is 30"),
        (Task("trace", ("a",), "ccc", frame_rate=200.0), "frame_rate is 200"),
        (Task("trace", ("a",), "ccc"), "frame_rate is 0"),
    ],
)
def test_tasks_that_it_cannot_do(task: Task, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Mean(task, RATE)
    assert "\n" not in str(caught.value)


# convolutions


@pytest.mark.parametrize(("kernel", "dilation", "heard"), [
    (1, 1, [5]), (2, 1, [5, 6]), (3, 1, [4, 5, 6]), (4, 1, [4, 5, 6, 7]), (5, 1, [3, 4, 5, 6, 7]), (3, 2, [3, 5, 7]),
    (2, 3, [4, 7]),
])  # fmt: skip
def test_what_a_frame_hears(kernel: int, dilation: int, heard: list[int]) -> None:
    layer = SameConv1d(1, 1, kernel, dilation)
    nn.init.ones_(layer.conv.weight)
    x = torch.zeros(1, 1, 11).requires_grad_()
    y = layer(x)
    assert y.shape == x.shape
    y[0, 0, 5].backward()
    assert x.grad is not None
    assert x.grad[0, 0].nonzero()[:, 0].tolist() == heard


def test_first_weights_are_glorots() -> None:
    layers = nn.Sequential(SameConv1d(160, 32, 4), nn.ConvTranspose1d(32, 8, 4, 3), nn.Linear(3, 3))
    before = layers[2].weight.clone()
    initialise(layers)
    for weight, fans in ((layers[0].conv.weight, 4 * (160 + 32)), (layers[1].weight, 4 * (32 + 8))):
        bound = (6 / fans) ** 0.5
        assert 0.9 * bound < float(weight.detach().abs().max()) <= bound
    assert not layers[0].conv.bias.any()
    assert not layers[1].bias.any()
    assert torch.equal(layers[2].weight, before)


# loss


@pytest.mark.parametrize(("estimate", "truth", "ccc"), [
    ((1, 2, 3), (0, 1, 2), 4 / 7),
    ((0, 1, 2), (0, 1, 2), 1.0),
    ((1, 0, -1), (-1, 0, 1), -1.0),
    ((0, 2, 4), (0, 1, 2), 8 / 13),  # 2 (4/3) / (8/3 + 2/3 + 1)
    ((1, 1, 1), (0, 1, 2), 0.0),
    ((1, 1, 1), (1, 1, 1), 0.0),
])  # fmt: skip
def test_golden_values(estimate: tuple[float, ...], truth: tuple[float, ...], ccc: float) -> None:
    loss = concordance(Prediction(column(*estimate), torch.tensor([3])), traced(column(*truth)))
    assert loss.shape == (1,)
    assert loss.item() == pytest.approx(1 - ccc, abs=1e-6)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(1, 1e3))
def test_the_loss_is_one_less_the_metric_and_never_negative(seed: int, scale: float) -> None:
    x, y = scale * noise(3, 40, 2, seed=seed), scale * noise(3, 40, 2, seed=seed + 1)
    metric = CCC(over="clip")
    for estimate in (x, y + 0.1 * x, y):
        losses = concordance(Prediction(estimate, torch.tensor([40, 40, 40])), traced(y))
        assert bool((losses >= 0).all())
        for loss, a, b in zip(losses.tolist(), y.numpy(), estimate.numpy(), strict=True):
            assert loss == pytest.approx(1 - metric([a], [b]), abs=1e-4)


def test_dimensions_are_averaged() -> None:
    truth = torch.cat([column(0, 1, 2), column(0, 1, 2)], 2)
    estimate = torch.cat([column(1, 2, 3), column(0, 1, 2)], 2)
    assert concordance(Prediction(estimate), traced(truth)).item() == pytest.approx(3 / 14, abs=1e-6)


def test_padding_of_predictions_and_traces_does_not_matter() -> None:
    x, y = noise(1, 50, 2), noise(1, 50, 2, seed=1)
    alone = concordance(Prediction(x[:, :30], torch.tensor([30])), traced(y[:, :30]))
    whole = torch.cat([y[:, :30], noise(1, 20, 2, seed=2)], 1)
    batch = traced(torch.cat([whole, y]), [30, 50])
    losses = concordance(Prediction(torch.cat([x, x]), torch.tensor([30, 50])), batch)
    torch.testing.assert_close(losses[:1], alone)


@pytest.mark.parametrize(("said", "labelled"), [(30, 33), (33, 30), (30, 30), (30, 55)])
def test_what_is_longer_is_cut(said: int, labelled: int) -> None:
    x, y, n = noise(1, said, 1), noise(1, labelled, 1, seed=1), min(said, labelled)
    found = concordance(Prediction(x, torch.tensor([said])), traced(y))
    torch.testing.assert_close(found, concordance(Prediction(x[:, :n]), traced(y[:, :n])))
    assert shared_frames(Prediction(x), traced(y), 25.0).tolist() == [n]


def test_lengths_that_do_not_belong_together() -> None:
    scores = noise(2, 60, 1)
    batch = traced(noise(2, 40, 1), [40, 33])
    with pytest.raises(
        SefrontError, match=r"clip1: its trace has 33 frames, but its audio lasts for 60 at 25 Hz; .* 1 s"
    ):
        concordance(Prediction(scores, torch.tensor([60, 60])), batch)
    assert concordance(Prediction(scores, torch.tensor([60, 60])), batch, 50.0).shape == (2,)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_the_gradient_is_finite_where_nothing_moves(level: float) -> None:
    estimate = torch.full((1, 20, 1), 0.5).requires_grad_()
    concordance(Prediction(estimate), traced(0.5 + level * noise(1, 20, 1))).sum().backward()
    assert estimate.grad is not None
    assert bool(estimate.grad.isfinite().all())


def test_half_precision_is_left() -> None:
    x, y = noise(1, 400, 1), noise(1, 400, 1, seed=1)
    with torch.autocast("cpu", torch.bfloat16):
        found = concordance(Prediction(x), traced(y))
    assert torch.equal(found, concordance(Prediction(x), traced(y)))
