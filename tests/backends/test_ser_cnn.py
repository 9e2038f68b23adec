"""The emotion network: size, map, split forward, short clips."""

from __future__ import annotations

import pytest
import torch

from sefront.backends.ser_cnn import SerCNN
from sefront.core import Task
from sefront.core.masking import through

TASK = Task("classification", tuple("abcdefg"), "uar")


def test_number_of_parameters() -> None:
    assert sum(p.numel() for p in SerCNN(TASK, 16000).parameters()) == 1_554_439


def test_map_of_one_second() -> None:
    """32 bands by 101 frames become 512 maps of 2 by 6."""
    network = SerCNN(TASK, 16000).eval()
    features, frames = network.features(torch.zeros(1, 16000), torch.tensor([16000]))
    assert features.shape == (1, 32, 101)
    maps, left = through(network.blocks, features[:, None], frames)
    assert maps.shape == (1, 512, 2, 6)
    assert left.tolist() == [6]


def test_forward_is_features_then_classify() -> None:
    torch.manual_seed(0)
    network = SerCNN(TASK, 16000, width=4).eval()
    waves, lengths = torch.randn(2, 9000), torch.tensor([9000, 5000])
    whole = network(waves, lengths)
    torch.testing.assert_close(whole.scores, network.classify(*network.features(waves, lengths)).scores)
    assert whole.embedding.shape == (2, 32)


@pytest.mark.parametrize("samples", [1, 100, 2399])
def test_clips_shorter_than_the_smallest_map(samples: int) -> None:
    network = SerCNN(TASK, 16000, width=4).eval()
    scores = network(torch.randn(2, samples), torch.tensor([samples, max(1, samples // 2)])).scores
    assert scores.shape == (2, 7)
    assert bool(torch.isfinite(scores).all())


@pytest.mark.parametrize("options", [{"width": 0}, {"bands": 8}, {"dropout": 1.0}])
def test_ranges(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="width must be at least 1, bands at least 16 and dropout in"):
        SerCNN(TASK, 16000, **options)  # type: ignore[arg-type]
