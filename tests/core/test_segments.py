"""Segments of spectrograms: how they are cut, read and averaged, and what a clip's posterior and loss are made of."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
import torch
from torch import Tensor, nn

from sefront.core import Batch, Task
from sefront.core.segments import Scale, SegmentClassifier, averaged, cut, read

TASK = Task("classification", ("a", "b", "c"), "uar")


class Probe(SegmentClassifier):
    """Classifies by the mean of every band and by what an LSTM says."""

    def __init__(self, task: Task, sample_rate: int, *, scale: Scale = "linear") -> None:
        super().__init__(sample_rate, scale)
        self.lstm = nn.LSTM(128, 8, batch_first=True)
        self.head = nn.Linear(136, len(task.labels))

    def embed(self, segments: Tensor, frames: Tensor) -> Tensor:
        return torch.cat([segments[:, 0].mean(2), read(self.lstm, segments, frames)], 1)


def probe(scale: Scale = "linear") -> Probe:
    torch.manual_seed(0)
    return Probe(TASK, 16000, scale=scale).eval()


def clips(*lengths: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    waves = 0.1 * torch.randn(len(lengths), max(lengths), generator=generator)
    return waves, torch.tensor(lengths)


def test_cut_pieces_are_those_of_every_clip_in_turn() -> None:
    lengths = torch.tensor([10, 3, 4, 1])
    x = torch.arange(1.0, 81).view(4, 2, 10) * (torch.arange(10) < lengths[:, None, None])
    segments, left, owner = cut(x, lengths, 4)
    assert owner.tolist() == [0, 0, 0, 1, 2, 3]
    assert left.tolist() == [4, 4, 2, 3, 4, 1]
    starts = [0, 4, 8, 0, 0, 0]
    for piece, row, start, frames in zip(segments, owner.tolist(), starts, left.tolist(), strict=True):
        torch.testing.assert_close(piece[:, :frames], x[row, :, start : start + frames])
        assert not piece[:, frames:].any()


def test_averaged_over_the_pieces_of_every_row() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0], [8.0, 9.0]])
    assert averaged(x, torch.tensor([0, 0, 1]), 2).tolist() == [[2.0, 3.0], [8.0, 9.0]]


@pytest.mark.parametrize(
    ("steps", "frames", "last"), [(256, 1, 1), (256, 256, 256), (64, 4, 1), (64, 5, 2), (16, 200, 13)]
)
def test_an_lstm_is_asked_where_the_clip_ends(steps: int, frames: int, last: int) -> None:
    torch.manual_seed(0)
    lstm, x = nn.LSTM(6, 4, batch_first=True), torch.randn(1, 3, 2, steps)
    _, (alone, _) = lstm(x[..., :last].reshape(1, 6, last).transpose(1, 2))
    torch.testing.assert_close(read(lstm, x, torch.tensor([frames])), alone[0])


@pytest.mark.parametrize(
    ("samples", "frames", "segments"), [(1, 1, 1), (40960, 256, 1), (40961, 257, 2), (48000, 300, 2)]
)
def test_one_segment_lasts_as_long_as_256_steps(samples: int, frames: int, segments: int) -> None:
    features, found = probe().features(*clips(samples))
    assert features.shape == (1, 128, frames)
    assert found.tolist() == [frames]
    assert len(cut(features, found, 256)[0]) == segments


def test_linear_bands_are_means_of_neighbouring_bins() -> None:
    wave = torch.sin(2 * torch.pi * 1000.0 * torch.arange(16000) / 16000)[None]
    network = probe()
    powers = network.power(wave)[0, :, 50]
    bands, _ = network.bands(wave, torch.tensor([16000]))
    torch.testing.assert_close(bands[0, :, 50], torch.log(powers[1:].view(128, 2).mean(1) + 1e-10))
    assert int(bands[0, :, 50].argmax()) == 15  # 937.5 to 1000 Hz


def test_no_mel_band_is_empty() -> None:
    assert bool((probe("mel").bank.sum(1) > 0).all())


def test_features_are_standardised_and_filled_up_with_zeros() -> None:
    network = probe()
    waves, lengths = clips(30000, 9000)
    network.fit(waves, lengths)
    features, frames = network.features(waves, lengths)
    held = torch.cat([clip[:, :n] for clip, n in zip(features, frames.tolist(), strict=True)], 1)
    torch.testing.assert_close(held.mean(1), torch.zeros(128), atol=1e-3, rtol=0)
    torch.testing.assert_close(held.std(1, correction=0), torch.ones(128), atol=1e-3, rtol=0)
    assert not features[1, :, int(frames[1]) :].any()


def test_the_posterior_of_a_clip_is_the_mean_of_its_segments() -> None:
    network, lengths = probe(), torch.tensor([600, 100])
    features = torch.randn(2, 128, 600, generator=torch.Generator().manual_seed(0))
    features[1, :, 100:] = 0
    with torch.no_grad():
        whole = network.classify(features, lengths)
        pieces = [(0, 0, 256), (0, 256, 512), (0, 512, 600), (1, 0, 100)]
        alone = [
            network.classify(features[row : row + 1, :, a:b], torch.tensor([b - a])).scores[0].exp()
            for row, a, b in pieces
        ]
    torch.testing.assert_close(whole.scores.softmax(-1), torch.stack([torch.stack(alone[:3]).mean(0), alone[3]]))


def test_the_loss_is_the_mean_of_the_segments_losses() -> None:
    network = probe()
    waves, lengths = clips(96000, 20000)
    ones = torch.ones(2, dtype=torch.long)
    data = Batch(waves, waves, lengths, torch.tensor([2, 0]), ones, ("a", "b"), torch.zeros(2))
    with torch.no_grad():
        prediction = network(waves, lengths)
        segments, frames, _ = cut(*network.features(waves, lengths), 256)
        logits = network.head(network.embed(segments[:, None], frames))
    losses = nn.functional.cross_entropy(logits, torch.tensor([2, 2, 2, 0]), reduction="none")
    found = network.loss(prediction, data)
    torch.testing.assert_close(found, torch.stack([losses[:3].mean(), losses[3]]))
    own = -prediction.scores[torch.arange(2), data.target]
    assert float(found[0]) > float(own[0])  # by Jensen's inequality
    torch.testing.assert_close(found[1], own[1])


def test_statistics_of_real_speech(real_data: Path) -> None:
    """Speech has most of its power below 4 kHz; silence in it is far above the logarithm's floor."""
    network = probe()
    for path in sorted((real_data / "emodb" / "wav").glob("*.flac"))[:4]:
        wave = torch.from_numpy(soundfile.read(path, dtype="float32")[0])[None]
        network.fit(wave, torch.tensor([wave.shape[1]]))
    mean = network.standard.mean
    assert float(mean[2:64].mean()) > float(mean[64:].mean()) + 1
    assert float(mean.min()) > -20
    assert 0.5 < float(network.standard.deviation.min()) < float(network.standard.deviation.max()) < 6
