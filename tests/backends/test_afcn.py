"""The attention-based convolutional network: sizes, maps, attention, statistics, short clips."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import soundfile
import torch
from torch import Tensor

from sefront.backends.afcn import AFCN
from sefront.core import Task
from sefront.core.features import logarithm
from sefront.core.masking import masked_mean, through

TASK = Task("classification", tuple("abcd"), "uar")
Trunk = Literal["alexnet_tv", "alexnet_orig"]


def network(sample_rate: int = 16000, **options: Any) -> AFCN:
    torch.manual_seed(0)
    return AFCN(TASK, sample_rate, **options).eval()


def noise(*shape: int) -> Tensor:
    return 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("trunk", "count"), [("alexnet_tv", 2_454_208), ("alexnet_orig", 3_723_968)])
def test_number_of_parameters(trunk: Trunk, count: int) -> None:
    built = network(trunk=trunk)
    assert sum(p.numel() for p in built.trunk.parameters()) == count
    added = 256 * 256 + 256 + 256 + 256 * 4 + 4  # W, b, u, W_o, b_o
    assert sum(p.numel() for p in built.parameters()) == count + added


@pytest.mark.parametrize("trunk", ["alexnet_tv", "alexnet_orig"])
@pytest.mark.parametrize(("bins", "frames", "shape"), [(200, 300, (5, 8)), (400, 500, (11, 14)), (63, 63, (1, 1))])
def test_map_of_the_last_convolution(trunk: Trunk, bins: int, frames: int, shape: tuple[int, int]) -> None:
    maps, columns = through(network(trunk=trunk).trunk, torch.randn(1, 1, bins, frames), torch.tensor([frames]))
    assert maps.shape == (1, 256, *shape)
    assert columns.tolist() == [shape[1]]


@pytest.mark.parametrize("bins", [62, 200])
def test_one_frame_less_leaves_nothing(bins: int) -> None:
    with pytest.raises(RuntimeError, match="too small"):
        network().trunk(torch.zeros(1, 1, bins, 62))


def test_the_original_normalises_responses_across_maps() -> None:
    """b_i = a_i / (2 + 1e-4 / 5 sum of a_j^2 over five neighbouring maps)^0.75, behind the first two convolutions."""
    layers = list(network(trunk="alexnet_orig").trunk)
    found = [place for place, layer in enumerate(layers) if isinstance(layer, torch.nn.LocalResponseNorm)]
    assert [type(layers[place - 2]).__name__ for place in found] == ["Conv2d"] * 2
    a = torch.zeros(1, 9, 1, 1)
    a[0, 4] = 100.0
    b = layers[found[0]](a)[0, 4, 0, 0]
    assert float(b) == pytest.approx(100 / (2 + 1e-4 / 5 * 100**2) ** 0.75)
    assert not any(isinstance(layer, torch.nn.LocalResponseNorm) for layer in network().trunk)


@pytest.mark.parametrize(
    ("rate", "options", "points", "bins"),
    [
        (16000, {}, 800, 200),
        (16000, {"n_dft": 1600}, 1600, 400),
        (16000, {"n_bins": 100}, 800, 100),
        (8000, {}, 400, 200),
        (4000, {}, 200, 101),
        (44100, {}, 2205, 200),
    ],
)
def test_bins_reach_up_to_four_kilohertz(rate: int, options: dict[str, int], points: int, bins: int) -> None:
    built = network(rate, **options)
    features, frames = built.features(torch.zeros(1, rate), torch.tensor([rate]))
    assert built.power.n_fft == points
    assert features.shape == (1, bins, int(frames))


def test_tone_is_in_its_bin_and_the_band_above_four_kilohertz_is_not_heard() -> None:
    built, t = network(), torch.arange(16000) / 16000
    low, high = 0.1 * torch.sin(2 * torch.pi * 1000 * t), 0.1 * torch.sin(2 * torch.pi * 6000 * t)
    one, _ = built.features(low[None], torch.tensor([16000]))
    assert int(one[0, :, 50].argmax()) == 50  # 1000 Hz on a grid of 20 Hz
    both, _ = built.features((low + high)[None], torch.tensor([16000]))
    torch.testing.assert_close(both[0, 49:52, 50], one[0, 49:52, 50], atol=1e-2, rtol=0)


def test_forward_is_features_then_classify_and_the_embedding_is_attended() -> None:
    built = network()
    waves, lengths = noise(2, 20000), torch.tensor([20000, 12000])
    whole = built(waves, lengths)
    features, frames = built.features(waves, lengths)
    assert torch.equal(whole.scores, built.classify(features, frames).scores)
    context, weights = built.attention(*through(built.trunk, features[:, None], frames))
    torch.testing.assert_close(whole.embedding, context)
    torch.testing.assert_close(weights.sum((1, 2)), torch.ones(2))
    torch.testing.assert_close(whole.scores, built.head(context))


def test_without_attention_scale_it_is_masked_average_pooling() -> None:
    built = network(attention_scale=0.0)
    waves, lengths = noise(2, 30000), torch.tensor([30000, 15000])
    features, frames = built.features(waves, lengths)
    maps, columns = through(built.trunk, features[:, None], frames)
    assert columns[0] > columns[1]
    torch.testing.assert_close(built(waves, lengths).embedding, masked_mean(maps.mean(2), columns))


@pytest.mark.parametrize("trunk", ["alexnet_tv", "alexnet_orig"])
def test_padding_does_not_matter(trunk: Trunk) -> None:
    built = network(trunk=trunk)
    built.fit(noise(2, 20000), torch.tensor([20000, 9000]))
    wave = noise(1, 16001)
    padded = torch.cat([torch.nn.functional.pad(wave, (0, 17000)), noise(1, 33001)])
    with torch.no_grad():
        alone = built(wave, torch.tensor([16001])).scores
        together = built(padded, torch.tensor([16001, 33001])).scores
    torch.testing.assert_close(together[:1], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("samples", [1, 159, 9919, 9920])
def test_clips_of_any_length(samples: int) -> None:
    """63 frames are 0.62 s and one sample; shorter clips are filled up with the mean of the training data."""
    built = network()
    features, frames = built.features(noise(1, samples), torch.tensor([samples]))
    assert features.shape[-1] == 63
    assert frames.tolist() == [63]
    assert bool((features[..., samples // 160 + 1 :] == 0).all())
    assert bool(built(noise(1, samples), torch.tensor([samples])).scores.isfinite().all())


def test_statistics_of_real_speech(real_data: Any) -> None:
    files = sorted((real_data / "emodb" / "wav").glob("*.flac"))[:3]
    if len(files) < 3:
        pytest.skip(f"no EMO-DB at {real_data / 'emodb'}")
    clips = [torch.from_numpy(soundfile.read(file, dtype="float32")[0]) for file in files]
    waves = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)
    lengths = torch.tensor([len(clip) for clip in clips])
    built = network()
    raw, _ = built.features(waves, lengths)
    torch.testing.assert_close(raw[0, :, 0], logarithm(built.power(waves))[0, :200, 0])
    built.fit(waves[:2], lengths[:2])
    built.fit(waves[2:], lengths[2:])
    features, frames = built.features(waves, lengths)
    inside = torch.cat([x[:, :n] for x, n in zip(features, frames.tolist(), strict=True)], 1)
    torch.testing.assert_close(inside.mean(1), torch.zeros(200), atol=1e-3, rtol=0)
    torch.testing.assert_close(inside.std(1, correction=0), torch.ones(200), atol=1e-3, rtol=0)


@pytest.mark.parametrize("options", [{"attention_scale": -0.1}, {"dropout": 1.0}])
def test_ranges(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"attention_scale must be at least 0 and dropout in \[0, 1\)"):
        network(**options)


def test_a_transform_shorter_than_its_window() -> None:
    with pytest.raises(ValueError, match="n_dft must be at least 640, which is 40 ms at 16000 Hz, but is 512"):
        network(n_dft=512)


@pytest.mark.parametrize("bins", [62, 402])
def test_number_of_bins(bins: int) -> None:
    with pytest.raises(
        ValueError, match=f"n_bins must lie between 63 and 401, all that 800 points have, but is {bins}"
    ):
        network(n_bins=bins)
