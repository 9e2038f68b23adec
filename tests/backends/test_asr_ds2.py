"""The speech recogniser: sizes, frames, padding, gradients, half precision, and that it learns to spell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sefront.backends.asr_ds2 import AsrDS2
from sefront.core import Task
from sefront.core.decoding import Decoding, decoder_of
from sefront.core.transcripts import transcription
from sefront.core.types import Batch

SMALL = {"width": 8, "layers": 2, "dropout": 0.0}


def network(sample_rate: int = 16000, **options: Any) -> AsrDS2:
    torch.manual_seed(0)
    return AsrDS2(transcription(), sample_rate, **{**SMALL, **options}).eval()


def noise(*shape: int) -> Tensor:
    return 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(1))


def batch_of(waves: Tensor, lengths: Tensor, texts: list[list[int]]) -> Batch:
    target = nn.utils.rnn.pad_sequence([torch.tensor(text) for text in texts], batch_first=True)
    sizes = torch.tensor([len(text) for text in texts])
    return Batch(waves, waves, lengths, target, sizes, tuple(map(str, range(len(texts)))), torch.zeros(len(texts)))


@pytest.mark.parametrize(
    ("options", "count"),
    [({}, 22_984_093), ({"feature": "mel"}, 22_918_557), ({"layers": 3}, 13_530_525)],
)
def test_number_of_parameters(options: dict[str, Any], count: int) -> None:
    assert sum(p.numel() for p in AsrDS2(transcription(), 16000, **options).parameters()) == count


@pytest.mark.parametrize(("feature", "bands"), [("mfcc", 40), ("mel", 32)])
@pytest.mark.parametrize("rate", [8000, 16000, 22050])
def test_features_10_ms_apart_and_without_their_mean(feature: str, bands: int, rate: int) -> None:
    built, lengths = network(rate, feature=feature), torch.tensor([rate, rate // 2])
    features, frames = built.features(noise(2, rate), lengths)
    assert features.shape == (2, bands, rate // round(0.01 * rate) + 1)
    for clip, size in zip(features, frames.tolist(), strict=True):
        torch.testing.assert_close(clip[:, :size].mean(1), torch.zeros(bands), atol=1e-4, rtol=0)
        assert bool((clip[:, size:] == 0).all())


def test_loudness_does_not_matter() -> None:
    built, waves, lengths = network(), noise(1, 8000), torch.tensor([8000])
    torch.testing.assert_close(
        built.features(waves, lengths)[0], built.features(0.1 * waves, lengths)[0], atol=2e-3, rtol=0
    )


@pytest.mark.parametrize("samples", [1, 159, 160, 1600, 16000, 16160])
def test_a_frame_for_every_two_of_the_features(samples: int) -> None:
    prediction = network()(noise(1, samples), torch.tensor([samples]))
    frames = -(-(samples // 160 + 1) // 2)
    assert prediction.scores.shape == (1, frames, 29)
    assert prediction.lengths is not None
    assert prediction.lengths.tolist() == [frames]
    torch.testing.assert_close(prediction.scores.exp().sum(-1), torch.ones(1, frames))
    assert prediction.embedding is not None
    assert prediction.embedding.shape == (1, 16)


def test_the_network_layer_by_layer() -> None:
    built = network()
    features = noise(2, 40, 101)
    x = built.stem(features[:, None])
    assert x.shape == (2, 32, 20, 51)
    for residual in built.residuals:
        x = x + residual.layers(x)
    x = built.project(x.permute(0, 3, 1, 2).flatten(2))
    for layer in built.recurrent:
        x = layer.gru(nn.functional.gelu(layer.norm(x)))[0]
        assert x.shape == (2, 51, 16)
    expected = built.head(x).log_softmax(-1)
    torch.testing.assert_close(
        built.classify(features, torch.tensor([101, 101])).scores, expected, atol=1e-5, rtol=1e-5
    )


def test_forward_is_features_then_classify() -> None:
    built, waves, lengths = network(), noise(2, 9000), torch.tensor([9000, 5000])
    assert torch.equal(built(waves, lengths).scores, built.classify(*built.features(waves, lengths)).scores)


@pytest.mark.parametrize("feature", ["mfcc", "mel"])
def test_padding_does_not_matter(feature: str) -> None:
    built = network(feature=feature)
    for layer in built.modules():  # statistics and biases that turn padding into values
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean)
            nn.init.normal_(layer.bias)
    wave = noise(1, 8001)
    padded = torch.cat([nn.functional.pad(wave, (0, 9000)), noise(1, 17001)])
    with torch.no_grad():
        alone = built(wave, torch.tensor([8001]))
        together = built(padded, torch.tensor([8001, 17001]))
    assert together.lengths.tolist() == [26, 54]
    torch.testing.assert_close(together.scores[:1, :26], alone.scores, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(together.embedding[:1], alone.embedding, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_gradients_reach_the_waves(training: bool) -> None:
    built = network().train(training)
    waves, lengths = noise(2, 9000).requires_grad_(), torch.tensor([9000, 5000])
    batch = batch_of(waves.detach(), lengths, [[5, 6, 6], [4]])
    loss = built.loss(built(waves, lengths), batch)
    assert loss.shape == (2,)
    loss.sum().backward()
    assert waves.grad is not None
    assert bool(waves.grad.isfinite().all())
    assert bool((waves.grad[:, :4000].abs().amax(1) > 0).all())
    assert bool((waves.grad[1, 5000:] == 0).all())


def test_half_precision_leaves_the_recurrent_layers_and_the_loss_alone() -> None:
    built, waves, lengths = network(), noise(2, 9000), torch.tensor([9000, 5000])
    batch, exact, seen = batch_of(waves, lengths, [[5, 6, 6], [4]]), built(waves, lengths), []
    built.recurrent[0].dropout.register_forward_hook(lambda *heard: seen.append(heard[2].dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = built(waves, lengths)
        loss = built.loss(half, batch)
    assert seen == [torch.float32]
    assert half.scores.dtype == loss.dtype == torch.float32
    assert not torch.equal(half.scores, exact.scores)
    torch.testing.assert_close(half.scores, exact.scores, atol=0.05, rtol=0)


def test_the_loss_is_per_symbol() -> None:
    built, waves, lengths = network(), noise(1, 9000), torch.tensor([9000])
    prediction, once = built(waves, lengths), batch_of(waves, lengths, [[5, 6, 7]])
    scores = prediction.scores.transpose(0, 1)
    whole = nn.functional.ctc_loss(scores, once.target, prediction.lengths, once.target_lengths, reduction="none")
    torch.testing.assert_close(built.loss(prediction, once), whole / 3)


def test_it_learns_to_spell() -> None:
    """A low tone that begins late, a high one, and silence."""
    torch.manual_seed(0)
    built = AsrDS2(transcription(), 16000, width=16, layers=1, dropout=0.0).train()
    t = torch.arange(1600) / 16000
    low, high = (torch.sin(2 * torch.pi * pitch * t) for pitch in (300, 2500))
    waves = torch.stack([0.4 * low * (t > 0.05), 0.2 * high, 0 * t]) + 0.01 * noise(3, 1600)
    lengths = torch.tensor([1600, 1300, 900])
    batch = replace(batch_of(waves, lengths, [[4, 5], [6], [0]]), target_lengths=torch.tensor([2, 1, 0]))
    optimiser = torch.optim.Adam(built.parameters(), 0.01)
    for _ in range(120):
        loss = built.loss(built(waves, lengths), batch).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        prediction = built(waves, lengths)
    assert decoder_of(transcription(), Decoding())(prediction.scores, prediction.lengths) == ["cd", "e", ""]


def test_other_kinds_of_tasks() -> None:
    with pytest.raises(ValueError, match="transcribes, but the task is classification; name a corpus with transcripts"):
        AsrDS2(Task("classification", ("", "a"), "uar"), 16000)


@pytest.mark.parametrize("options", [{"width": 0}, {"layers": 0}, {"dropout": 1.0}, {"dropout": -0.1}])
def test_ranges(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"width and layers must be at least 1 and dropout in \[0, 1\)"):
        network(**options)
