"""U-Net: published sizes, shapes for any length, receptive field, choices of loss."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sefront.core import Batch
from sefront.core.losses import l1_mag, mask_mse, ratio_mask, si_sdr, wsdr
from sefront.frontends.unet import UNet


def batch(clips: int = 2, samples: int = 4000) -> Batch:
    generator = torch.Generator().manual_seed(0)
    clean, noise = 0.1 * torch.randn(2, clips, samples, generator=generator)
    ones = torch.ones(clips, dtype=torch.long)
    return Batch(clean + noise, clean, samples * ones, 0 * ones, ones, tuple("ab"[:clips]), torch.zeros(clips))


@pytest.mark.parametrize(("width", "count"), [(8, 464_651), (16, 1_855_251), (32, 7_414_307)])
def test_number_of_parameters(width: int, count: int) -> None:
    assert sum(p.numel() for p in UNet(16000, width=width).parameters()) == count


@pytest.mark.parametrize("frames", [1, 7, 63])
def test_mask_has_the_shape_of_the_spectrum(frames: int) -> None:
    network = UNet(16000, width=2).eval()
    spectrum = torch.randn(2, 513, frames, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        mask = network.mask(spectrum, torch.tensor([frames, frames]))
    assert mask.shape == (2, 513, frames)
    assert bool(((mask > 0) & (mask < 1)).all())


@pytest.mark.parametrize("depth", [1, 2])
def test_receptive_field_in_time_is_finite(depth: int) -> None:
    """Two convolutions on each of 2 depth + 1 stages reach one frame each to either side."""
    torch.manual_seed(0)
    network = UNet(16000, width=2, depth=depth, n_fft=64, hop=32).eval()
    reach, frames = 2 * (2 * depth + 1), 61
    spectrum = torch.randn(1, 33, frames, dtype=torch.complex64)
    changed = spectrum.clone()
    changed[..., 30] *= 5.0
    with torch.no_grad():
        lengths = torch.tensor([frames])
        moved = (network.mask(spectrum, lengths) - network.mask(changed, lengths)).abs().amax(1)[0]
    touched = torch.nonzero(moved).flatten()
    assert int(touched.min()) == 30 - reach
    assert int(touched.max()) == 30 + reach


@pytest.mark.parametrize("depth", [1, 2])
def test_a_causal_network_looks_only_back(depth: int) -> None:
    """Two convolutions on each of 2 depth + 1 stages reach two frames back each."""
    torch.manual_seed(0)
    network = UNet(16000, width=2, depth=depth, n_fft=64, hop=32, causal=True).eval()
    spectrum = torch.randn(1, 33, 61, dtype=torch.complex64)
    changed = spectrum.clone()
    changed[..., 20] *= 5.0
    with torch.no_grad():
        lengths = torch.tensor([61])
        moved = (network.mask(spectrum, lengths) - network.mask(changed, lengths)).abs().amax(1)[0]
    touched = torch.nonzero(moved).flatten()
    assert int(touched.min()) == 20
    assert int(touched.max()) == 20 + 4 * (2 * depth + 1)


def test_only_a_causal_network_has_a_latency_and_both_are_of_one_size() -> None:
    networks = [UNet(16000, width=2, causal=causal) for causal in (False, True)]
    assert [network.latency for network in networks] == [None, 1024]
    assert len({sum(p.numel() for p in network.parameters()) for network in networks}) == 1


def test_a_mask_of_one_returns_the_mixture() -> None:
    network = UNet(16000, width=2).eval()
    torch.nn.init.zeros_(network.head.weight)
    torch.nn.init.constant_(network.head.bias, 30.0)
    data = batch()
    with torch.no_grad():
        enhanced = network(data.noisy, data.lengths)
    torch.testing.assert_close(enhanced.waves, data.noisy, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("name", "by_hand"), [("wsdr", wsdr), ("si_sdr", si_sdr)])
def test_wave_losses(name: str, by_hand: object) -> None:
    network = UNet(16000, width=2, loss=name).eval()  # type: ignore[arg-type]
    data = batch()
    enhanced = network(data.noisy, data.lengths)
    expected: Tensor = by_hand(enhanced.waves, data)  # type: ignore[operator]
    torch.testing.assert_close(network.loss(enhanced, data), expected)


def test_mask_loss_compares_powers() -> None:
    """The mask is an amplitude gain: its square is compared with the ideal ratio of powers."""
    network = UNet(16000, width=2, loss="mask_mse").eval()
    data = batch()
    enhanced = network(data.noisy, data.lengths)
    expected = mask_mse(enhanced.extras["mask"].square(), data, network.stft)
    torch.testing.assert_close(network.loss(enhanced, data), expected)
    ideal = type(enhanced)(enhanced.waves, {"mask": ratio_mask(data, network.stft).sqrt()})
    assert float(network.loss(ideal, data).max()) < 1e-10


def test_magnitude_loss() -> None:
    network = UNet(16000, width=2, loss="l1_mag").eval()
    data = batch()
    enhanced = network(data.noisy, data.lengths)
    torch.testing.assert_close(network.loss(enhanced, data), l1_mag(enhanced.waves, data, network.stft))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width must be at least 1"),
        ({"depth": 0}, "depth between 1 and 8"),
        ({"n_fft": 1000, "hop": 256}, "multiple of hop"),
    ],
)
def test_ranges(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        UNet(16000, **options)  # type: ignore[arg-type]


def test_recipe_follows_the_size() -> None:
    assert UNet(16000).recipe.lr == pytest.approx(2e-3)
    assert UNet(16000, width=32).recipe.lr == pytest.approx(1e-4)
