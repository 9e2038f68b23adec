"""The convolutional LSTM network: sizes layer by layer, statistics, attention, padding, short clips."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sefront.backends.acln import ACLN
from sefront.core import Task
from sefront.core.masking import through

TASK = Task("classification", tuple("abcd"), "uar")


def network(sample_rate: int = 16000, **options: Any) -> ACLN:
    torch.manual_seed(0)
    return ACLN(TASK, sample_rate, **options).eval()


def noise(*shape: int) -> Tensor:
    return 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("n_mfcc", [16, 20, 31])
def test_number_of_parameters(n_mfcc: int) -> None:
    assert sum(p.numel() for p in network(n_mfcc=n_mfcc).parameters()) == 1_292_228


@pytest.mark.parametrize("n_mfcc", [16, 20, 24, 26, 31])
def test_sizes_of_table_1(n_mfcc: int) -> None:
    """Four poolings leave one row of coefficients and a sixteenth of the frames; 256 features go in, 128 come out."""
    built, lengths = network(n_mfcc=n_mfcc), torch.tensor([32000])
    features, frames = built.features(noise(1, 32000), lengths)
    assert features.shape == (1, n_mfcc, 167)  # 12 ms apart
    found, x, left = [], features[:, None], frames
    for place in range(0, 16, 4):
        x, left = through(built.blocks[place : place + 4], x, left)
        found.append(x.shape[1])
    assert found == [32, 64, 128, 256]
    assert x.shape[2:] == (1, 167 // 16)
    assert left.tolist() == [10]
    assert (built.lstm.input_size, built.lstm.hidden_size) == (256, 128)
    assert built(noise(1, 32000), lengths).embedding.shape == (1, 128)


@pytest.mark.parametrize(
    ("rate", "options", "points", "window"),
    [(16000, {}, 512, 384), (16000, {"n_fft": 256}, 256, 256), (8000, {}, 256, 192), (44100, {}, 2048, 1058)],
)
def test_windows_of_24_ms_and_the_transform(rate: int, options: dict[str, int], points: int, window: int) -> None:
    mel = network(rate, **options).mfcc.mel
    assert (mel.n_fft, len(mel.window), mel.hop) == (points, window, round(0.012 * rate))


def test_forward_is_features_then_classify_and_the_embedding_is_attended() -> None:
    built = network()
    waves, lengths = noise(2, 20000), torch.tensor([20000, 12000])
    whole = built(waves, lengths)
    features, frames = built.features(waves, lengths)
    assert torch.equal(whole.scores, built.classify(features, frames).scores)
    maps, steps = through(built.blocks, features[:, None], frames)
    hidden = built.lstm(maps.squeeze(2).transpose(1, 2))[0].transpose(1, 2)
    context, weights = built.attention(hidden, steps)
    torch.testing.assert_close(whole.embedding, context)
    torch.testing.assert_close(weights.sum(1), torch.ones(2))
    torch.testing.assert_close(whole.scores, built.head(context))


def test_the_embedding_is_taken_before_dropout() -> None:
    torch.manual_seed(0)
    built = ACLN(TASK, 16000, dropout=0.5).eval()
    built.dropout.train()
    prediction = built(noise(1, 16000), torch.tensor([16000]))
    assert bool((prediction.embedding != 0).all())
    assert not torch.allclose(prediction.scores, built.head(prediction.embedding))


def test_padding_does_not_matter() -> None:
    built = network()
    for layer in built.blocks:  # statistics and biases that turn padding into values
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean)
            nn.init.normal_(layer.bias)
    built.fit(noise(2, 20000), torch.tensor([20000, 9000]))
    wave = noise(1, 16001)
    padded = torch.cat([torch.nn.functional.pad(wave, (0, 17000)), noise(1, 33001)])
    with torch.no_grad():
        alone = built(wave, torch.tensor([16001])).scores
        together = built(padded, torch.tensor([16001, 33001])).scores
    torch.testing.assert_close(together[:1], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("samples", [1, 191, 192, 3071])
def test_clips_of_any_length(samples: int) -> None:
    built = network()
    features, frames = built.features(noise(1, samples), torch.tensor([samples]))
    assert features.shape == (1, 20, 16)
    assert frames.tolist() == [16]
    assert bool((features[..., samples // 192 + 1 :] == 0).all())
    assert bool(built(noise(1, samples), torch.tensor([samples])).scores.isfinite().all())


def test_fitted_coefficients_have_mean_zero_and_deviation_one() -> None:
    built, clips = (
        network(),
        [(noise(2, 9000), torch.tensor([9000, 5000])), (0.1 * noise(1, 4000), torch.tensor([4000]))],
    )
    for waves, lengths in clips:
        built.fit(waves, lengths)
    inside = []
    for waves, lengths in clips:
        features, frames = built.features(waves, lengths)
        counts = built.mfcc.frames(lengths)  # without what short clips are filled up with
        assert torch.equal(frames, counts.clamp(min=16))
        inside += [x[:, :n] for x, n in zip(features, counts.tolist(), strict=True)]
    found = torch.cat(inside, 1)
    torch.testing.assert_close(found.mean(1), torch.zeros(20), atol=1e-3, rtol=0)
    torch.testing.assert_close(found.std(1, correction=0), torch.ones(20), atol=1e-3, rtol=0)


@pytest.mark.parametrize("n_mfcc", [15, 32, 40])
def test_coefficients_that_do_not_collapse_to_one_row(n_mfcc: int) -> None:
    with pytest.raises(ValueError, match=f"n_mfcc must lie between 16 and 31, .* one row, but is {n_mfcc}"):
        network(n_mfcc=n_mfcc)


def test_a_transform_too_short_for_the_mel_bands() -> None:
    with pytest.raises(ValueError, match="n_fft must be at least 256 at 16000 Hz, but is 255"):
        network(n_fft=255)


def test_range_of_dropout() -> None:
    with pytest.raises(ValueError, match=r"dropout must lie in \[0, 1\), but is 1.0"):
        network(dropout=1.0)
