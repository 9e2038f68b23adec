"""WaveUNet: its published size, shapes for any length, decimation and interpolation written out, choices of loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from recordings import RATE, hiss, voice
from torch import Tensor

from sefront.core import Batch
from sefront.core.losses import si_sdr, wsdr
from sefront.core.update import Update
from sefront.frontends.wave_unet import WaveUNet, interpolated


def network(**options: Any) -> WaveUNet:
    torch.manual_seed(0)
    return WaveUNet(RATE, **{"levels": 3, "filters": 4, **options})


def batch(samples: int = 4000) -> Batch:
    clean, noise = torch.from_numpy(voice(samples, 150.0))[None], torch.from_numpy(hiss(samples))[None]
    one = torch.ones(1, dtype=torch.long)
    return Batch(clean + noise, clean, samples * one, 0 * one, one, ("a",), torch.zeros(1))


def weights_of_the_layer_list(levels: int, filters: int) -> int:
    """Every convolution as inputs x outputs x samples, and a bias for each output."""
    maps = [1, *(filters * level for level in range(1, levels + 2))]
    down = [(maps[level], maps[level + 1], 15) for level in range(levels + 1)]  # the last is the bottom
    up = [(maps[level + 1] + maps[level], maps[level], 5) for level in range(levels, 0, -1)]
    return sum(i * o * k + o for i, o, k in [*down, *up, (filters + 1, 1, 1)])


@pytest.mark.parametrize(("levels", "filters", "count"), [(12, 24, 10_263_002), (8, 24, 3_354_650)])
def test_number_of_parameters(levels: int, filters: int, count: int) -> None:
    assert sum(p.numel() for p in WaveUNet(RATE, levels=levels, filters=filters).parameters()) == count
    assert weights_of_the_layer_list(levels, filters) == count


@pytest.mark.parametrize("samples", [1, 255, 16001])
@pytest.mark.parametrize("levels", [1, 3, 12])
def test_any_length_comes_back(levels: int, samples: int) -> None:
    model = network(levels=levels, filters=2).eval()
    with torch.no_grad():
        waves = model(0.1 * torch.ones(1, samples), torch.tensor([samples])).waves
    assert waves.shape == (1, samples)
    assert bool(waves.isfinite().all())


@pytest.mark.parametrize("size", [1, 2, 5])
def test_interpolation_meets_the_kept_samples_and_lies_between_them(size: int) -> None:
    x = torch.randn(2, 3, size, generator=torch.Generator().manual_seed(0))
    expected = np.apply_along_axis(lambda v: np.interp(np.arange(2 * size) / 2, np.arange(size), v), 2, x.numpy())
    out = interpolated(x)
    np.testing.assert_allclose(out.numpy(), expected, rtol=1e-6)
    assert torch.equal(out[..., ::2], x)


def test_one_level_written_out() -> None:
    """Seven samples are filled up to eight, four of which reach the bottom."""
    model, noisy = network(levels=1, filters=2), torch.from_numpy(hiss(7))[None]

    def level(layers: Any, x: Tensor) -> Tensor:
        out = F.conv1d(x, layers[0].weight, layers[0].bias, padding=layers[0].weight.shape[-1] // 2)
        return torch.where(out > 0, out, 0.2 * out)

    padded = torch.cat([noisy, torch.zeros(1, 1)], 1)[:, None]
    first = level(model.down[0], padded)
    bottom = level(model.down[1], first[:, :, [0, 2, 4, 6]])
    a, b, c, d = bottom.unbind(2)
    doubled = torch.stack([a, (a + b) / 2, b, (b + c) / 2, c, (c + d) / 2, d, d], 2)
    last = torch.cat([level(model.up[0], torch.cat([doubled, first], 1)), padded], 1)
    expected = torch.tanh((model.head.weight[:, :, 0] @ last)[:, 0] + model.head.bias)[:, :7]
    torch.testing.assert_close(model(noisy, torch.tensor([7])).waves, expected)


def test_waves_stay_within_full_scale() -> None:
    model = network()
    torch.nn.init.constant_(model.head.bias, 5.0)
    data = batch()
    with torch.no_grad():
        assert float(model(data.noisy, data.lengths).waves.abs().max()) <= 1


@pytest.mark.parametrize(("name", "by_hand"), [("wsdr", wsdr), ("si_sdr", si_sdr)])
def test_losses(name: str, by_hand: Any) -> None:
    model, data = network(loss=name), batch()
    enhanced = model(data.noisy, data.lengths)
    torch.testing.assert_close(model.loss(enhanced, data), by_hand(enhanced.waves, data))


def test_silence_has_a_finite_gradient() -> None:
    model, waves = network(), torch.zeros(2, 3000, requires_grad=True)
    model(waves, torch.tensor([3000, 3000])).waves.square().sum().backward()
    gradients = [waves.grad, *(p.grad for p in model.parameters())]
    assert all(bool(gradient.isfinite().all()) for gradient in gradients if gradient is not None)


@pytest.mark.parametrize("bf16", [False, True])
def test_training_lowers_the_loss(bf16: bool) -> None:
    model, data = network().train(), batch()
    update = Update({"frontend": model}, {"frontend": replace(model.recipe, lr=1e-3)})
    curve = []
    for _ in range(20):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            enhanced = model(data.noisy, data.lengths)
            curve.append(float(update(model.loss(enhanced, data), "frontend")))
    assert enhanced.waves.dtype == torch.float32
    assert min(curve[-3:]) < curve[0] - 0.1


@pytest.mark.parametrize("options", [{"levels": 0}, {"levels": 17}, {"filters": 0}])
def test_ranges(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="levels must be between 1 and 16 and filters at least 1"):
        WaveUNet(RATE, **options)  # type: ignore[arg-type]
