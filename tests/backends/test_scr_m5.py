"""M5: published sizes and lengths, and clips longer than a second."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from sefront.backends.scr_m5 import M5
from sefront.core import Batch, Task

TASK = Task("classification", tuple(map(str, range(35))), "accuracy")
Variant = Literal["tutorial", "dai2017"]


@pytest.mark.parametrize(("variant", "count"), [("tutorial", 26_915), ("dai2017", 571_939)])
def test_number_of_parameters(variant: Variant, count: int) -> None:
    assert sum(p.numel() for p in M5(TASK, 16000, variant=variant).parameters()) == count


@pytest.mark.parametrize(
    ("variant", "lengths"),
    [
        ("tutorial", [996, 249, 247, 61, 59, 14, 12, 3]),
        ("dai2017", [4000, 1000, 1000, 250, 250, 62, 62, 15]),
    ],
)
def test_lengths_after_convolutions_and_pools(variant: Variant, lengths: list[int]) -> None:
    x, found = torch.zeros(1, 1, 16000), []
    for layer in M5(TASK, 16000, variant=variant).eval().layers:
        x = layer(x)
        if isinstance(layer, (torch.nn.Conv1d, torch.nn.MaxPool1d)):
            found.append(x.shape[-1])
    assert found == lengths


@pytest.mark.parametrize(("samples", "starts"), [(1, [0]), (16000, [0]), (16001, [0, 1]), (40000, [0, 12000, 24000])])
def test_windows_cover_a_clip_from_beginning_to_end(samples: int, starts: list[int]) -> None:
    waves = torch.arange(1.0, samples + 1)[None]
    windows, owner = M5(TASK, 16000).windows(waves, torch.tensor([samples]))
    assert owner.tolist() == [0] * len(starts)
    assert [int(window[0]) - 1 for window in windows] == starts
    assert float(windows.max()) == samples


def test_posteriors_of_windows_are_averaged() -> None:
    torch.manual_seed(0)
    network = M5(TASK, 16000).eval()
    waves = 0.1 * torch.randn(1, 32000)
    with torch.no_grad():
        halves = network(waves.view(2, 16000), torch.tensor([16000, 16000])).scores.exp()
        whole = network(waves, torch.tensor([32000])).scores.exp()
    torch.testing.assert_close(whole[0], halves.mean(0))
    torch.testing.assert_close(whole.sum(), torch.tensor(1.0))


def test_loss_is_cross_entropy_of_the_averaged_posterior() -> None:
    torch.manual_seed(0)
    network = M5(TASK, 16000).eval()
    waves, lengths = 0.1 * torch.randn(2, 20000), torch.tensor([20000, 9000])
    ones = torch.ones(2, dtype=torch.long)
    data = Batch(waves, waves, lengths, torch.tensor([3, 5]), ones, ("a", "b"), torch.zeros(2))
    prediction = network(waves, lengths)
    expected = -prediction.scores[torch.arange(2), data.target]
    torch.testing.assert_close(network.loss(prediction, data), expected)


def test_internal_rate() -> None:
    network = M5(TASK, 16000, internal_rate=8000).eval()
    assert network.resample(torch.zeros(1, 16000)).shape == (1, 8000)
    assert network(torch.zeros(1, 16000), torch.tensor([16000])).scores.shape == (1, 35)
    with pytest.raises(ValueError, match="internal_rate must lie between 8000 and 16000 Hz, but is 44100"):
        M5(TASK, 16000, internal_rate=44100)
