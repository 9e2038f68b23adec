"""The scene network: sizes, lengths, means over valid places, differences, bfloat16."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
import torch.nn.functional as F

from sefront.backends.asc_dual_resnet import DualResNet, Residual, neighbourhood, with_differences
from sefront.core import Batch, Task
from sefront.core.masking import masked, through
from sefront.core.update import Update

TASK = Task("classification", tuple("abcdefghij"), "accuracy", wanted="scene")


@pytest.mark.parametrize(("deltas", "count"), [(False, 3_245_236), (True, 3_246_108)])
def test_number_of_parameters(deltas: bool, count: int) -> None:
    assert sum(p.numel() for p in DualResNet(TASK, 16000, deltas=deltas).parameters()) == count


def test_maps_of_ten_seconds() -> None:
    """Time is halved four times, frequency never."""
    network, shapes = DualResNet(TASK, 16000, width=2).eval(), []
    with torch.no_grad():
        features, frames = network.features(torch.zeros(1, 160000), torch.tensor([160000]))
        assert features.shape == (1, 1, 128, 626)
        x, frames = through(network.low.stem, features[:, :, :64], frames)
        shapes.append((*x.shape[1:], int(frames)))
        for block in network.low.blocks:
            x, frames = block(x, frames)
            shapes.append((*x.shape[1:], int(frames)))
    maps, times = [2, 2, 2, 4, 4, 8, 8, 16, 16], [313, 313, 313, 157, 157, 79, 79, 40, 40]
    assert shapes == [(m, 64, t, t) for m, t in zip(maps, times, strict=True)]


@pytest.mark.parametrize(("frames", "time"), [(7, 7), (8, 8), (7, 12), (8, 12), (1, 5)])
def test_means_are_over_valid_places(frames: int, time: int) -> None:
    """A clip in a longer batch has the means that it has alone."""
    x = masked(torch.randn(1, 2, 5, time, generator=torch.Generator().manual_seed(0)), torch.tensor([frames]))
    alone = F.avg_pool2d(x[..., :frames], 3, (1, 2), 1, count_include_pad=False)
    found = neighbourhood(x, torch.tensor([frames]))
    torch.testing.assert_close(found[..., : alone.shape[-1]], alone)
    assert found.isfinite().all()


@pytest.mark.parametrize("convolutions", [1, 2])
def test_a_residual_block_without_convolutions_is_its_shortcut(convolutions: int) -> None:
    x, frames = torch.randn(2, 3, 8, 10), torch.tensor([10, 10])
    for outputs in (3, 6):
        block = Residual(3, outputs, convolutions).eval()
        for layer in block.layers:
            if isinstance(layer, torch.nn.Conv2d):
                torch.nn.init.zeros_(layer.weight)
        y, after = block(x, frames)
        if outputs == 3:
            torch.testing.assert_close(y, x)
        else:
            assert after.tolist() == [5, 5]
            torch.testing.assert_close(y[:, :3], neighbourhood(x, frames))
            assert not y[:, 3:].any()


def test_low_and_high_bands_go_separate_ways() -> None:
    torch.manual_seed(0)
    network = DualResNet(TASK, 16000, width=2).eval()
    features, frames = torch.randn(1, 1, 128, 40), torch.tensor([40])
    found: dict[str, torch.Tensor] = {}
    for name in ("low", "high"):
        getattr(network, name).register_forward_hook(lambda _, given, out, name=name: found.update({name: given[0]}))
    network.classify(features, frames)
    torch.testing.assert_close(torch.cat([found["low"], found["high"]], 2), features)


def test_differences_are_slopes() -> None:
    t = torch.arange(20.0)
    x = torch.stack([3 * t + 1, t**2])[None, None]
    found = with_differences(x)
    assert found.shape == (1, 3, 2, 12)
    inside = t[4:-4]
    torch.testing.assert_close(found[0, 0], x[0, 0, :, 4:-4])
    torch.testing.assert_close(found[0, 1], torch.stack([torch.full((12,), 3.0), 2 * inside]))
    torch.testing.assert_close(found[0, 2], torch.stack([torch.zeros(12), torch.full((12,), 2.0)]))


@pytest.mark.parametrize("deltas", [False, True])
@pytest.mark.parametrize("samples", [1, 255, 4096, 4097])
def test_clips_of_any_length(deltas: bool, samples: int) -> None:
    network = DualResNet(TASK, 16000, width=2, deltas=deltas).eval()
    with torch.no_grad():
        prediction = network(torch.randn(2, samples), torch.tensor([samples, max(1, samples // 2)]))
    assert prediction.scores.shape == (2, 10)
    assert prediction.scores.isfinite().all()
    assert prediction.embedding.shape == (2, 64)


def test_learns_real_scenes_under_bfloat16(real_data: Path) -> None:
    paths = sorted((real_data / "esc50").rglob("*-A-*"))[::40][:4]
    waves = torch.stack([torch.from_numpy(soundfile.read(p, dtype="float32", frames=32000)[0]) for p in paths])
    count = len(paths)
    lengths, ones = torch.full((count,), waves.shape[1]), torch.ones(count, dtype=torch.long)
    data = Batch(waves, waves, lengths, torch.arange(count), ones, tuple(p.stem for p in paths), torch.zeros(count))
    torch.manual_seed(0)
    network = DualResNet(TASK, 16000, width=4).train()
    update = Update({"backend": network}, {"backend": DualResNet.recipe}, bf16=True)
    losses = []
    for _ in range(8):
        with update.precision(torch.device("cpu")):
            losses.append(float(update(network.loss(network(waves, lengths), data), "backend")))
    assert losses[-1] < losses[0] - 0.05


def test_the_papers_recipe() -> None:
    recipe = DualResNet.recipe
    assert (recipe.algorithm, recipe.lr, recipe.weight_decay) == ("adam", 1e-4, 1e-3)


@pytest.mark.parametrize("width", [0, -1])
def test_range(width: int) -> None:
    options: dict[str, Any] = {"width": width}
    with pytest.raises(ValueError, match="width must be at least 1, but is"):
        DualResNet(TASK, 16000, **options)
