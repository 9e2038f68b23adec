from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sefront.core.errors import SefrontError
from sefront.core.losses import cross_entropy, l1_mag, mask_loss, mask_mse, ratio_mask, si_sdr, wsdr
from sefront.core.signal import Stft
from sefront.core.types import Batch, Enhanced
from sefront.metrics.si_sdr import SISDR

Loss = Callable[[Tensor, Batch], Tensor]
ANGLE = 2 * torch.pi * torch.arange(1600) / 1600
SINE, OTHER = torch.sin(10 * ANGLE)[None], torch.sin(30 * ANGLE)[None]  # orthogonal and of the same power


def batch_of(clean: Tensor, noise: Tensor, lengths: Tensor | None = None) -> Batch:
    count, size = clean.shape
    full = torch.full((count,), size) if lengths is None else lengths
    none = torch.zeros(count, dtype=torch.int64)
    return Batch(clean + noise, clean, full, none, none + 1, tuple(map(str, range(count))), torch.zeros(count))


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def magnitude_error(estimate: Tensor, batch: Batch) -> Tensor:
    return l1_mag(estimate, batch, Stft(512, 256))


@pytest.mark.parametrize(("gain_clean", "gain_noise", "expected"), [
    (1.0, 0.0, -1.0),  # x_hat = x
    (1.0, 1.0, -0.3536),  # x_hat = y
    (0.0, 0.0, -0.3536),  # x_hat = 0
    (-1.0, 0.0, 0.2764),  # x_hat = -x
])  # fmt: skip
def test_wsdr_golden_values(gain_clean: float, gain_noise: float, expected: float) -> None:
    value = wsdr(gain_clean * SINE + gain_noise * OTHER, batch_of(SINE, OTHER))
    assert value.tolist() == [pytest.approx(expected, abs=1e-4)]


def test_wsdr_of_a_clean_clip_left_alone_is_the_optimum() -> None:
    assert wsdr(SINE, batch_of(SINE, torch.zeros_like(SINE))).tolist() == [pytest.approx(-1.0, abs=1e-5)]


@pytest.mark.parametrize("loss", [wsdr, si_sdr, magnitude_error])
@pytest.mark.parametrize("clean", [SINE, torch.zeros_like(SINE)], ids=["sine", "silence"])
@pytest.mark.parametrize("added", [OTHER, torch.zeros_like(SINE)], ids=["noisy", "clean"])
@pytest.mark.parametrize("start", [torch.zeros_like(SINE), SINE, SINE + OTHER], ids=["0", "x", "y"])
def test_gradients_are_finite(loss: Loss, clean: Tensor, added: Tensor, start: Tensor) -> None:
    estimate = start.clone().requires_grad_()
    value = loss(estimate, batch_of(clean, added))
    value.sum().backward()
    assert value.isfinite().all()
    assert estimate.grad is not None
    assert estimate.grad.isfinite().all()


def mask_error(estimate: Tensor, batch: Batch) -> Tensor:
    stft = Stft(512, 256)
    return mask_mse(torch.sigmoid(stft(estimate).abs()), batch, stft)


@pytest.mark.parametrize("loss", [wsdr, si_sdr, mask_error, magnitude_error])
def test_losses_do_not_depend_on_padding(loss: Loss) -> None:
    clean, added, estimate = noise(1, 3000), noise(1, 3000, seed=1), noise(1, 3000, seed=2)
    alone = loss(estimate, batch_of(clean, added))
    wide = [torch.cat([torch.nn.functional.pad(x, (0, 999)), noise(1, 3999, seed=3)]) for x in (clean, added, estimate)]
    together = loss(wide[2], batch_of(wide[0], wide[1], torch.tensor([3000, 3999])))
    torch.testing.assert_close(together[:1], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("loss", [wsdr, si_sdr, magnitude_error])
def test_losses_ignore_an_estimate_beyond_the_clip(loss: Loss) -> None:
    lengths = torch.tensor([1000])
    clean, added = (torch.nn.functional.pad(noise(1, 1000, seed=s), (0, 600)) for s in (0, 1))
    tidy = torch.nn.functional.pad(noise(1, 1000, seed=2), (0, 600))
    torch.testing.assert_close(
        loss(tidy + (tidy == 0) * 5, batch_of(clean, added, lengths)), loss(tidy, batch_of(clean, added, lengths))
    )


@pytest.mark.parametrize("loss", [wsdr, si_sdr, mask_error, magnitude_error])
def test_losses_follow_a_permutation_of_the_batch(loss: Loss) -> None:
    order = torch.tensor([2, 0, 1])
    clean, added, estimate = noise(3, 2000), noise(3, 2000, seed=1), noise(3, 2000, seed=2)
    expected = loss(estimate, batch_of(clean, added))[order]
    torch.testing.assert_close(loss(estimate[order], batch_of(clean[order], added[order])), expected)


gains = st.floats(-1e3, 1e3, width=32)


@given(gains, gains, gains, gains)
def test_wsdr_lies_between_minus_one_and_one(clean: float, added: float, a: float, b: float) -> None:
    value = wsdr(a * SINE + b * OTHER, batch_of(clean * SINE, added * OTHER))
    assert -1 - 1e-5 <= float(value) <= 1 + 1e-5


@given(st.integers(0, 1000), st.floats(0.01, 1))
def test_si_sdr_is_the_negative_metric(seed: int, gain: float) -> None:
    clean, added = noise(2, 1600, seed=seed), noise(2, 1600, seed=seed + 1)
    estimate = clean + gain * noise(2, 1600, seed=seed + 2) + 0.1
    expected = [-SISDR()(x, y) for x, y in zip(clean.numpy(), estimate.numpy(), strict=True)]
    assert si_sdr(estimate, batch_of(clean, added)).tolist() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("gain", [0.01, 0.5, 30.0, -2.0])
def test_si_sdr_does_not_depend_on_scale(gain: float) -> None:
    batch = batch_of(SINE, OTHER)
    estimate = SINE + 0.3 * OTHER
    torch.testing.assert_close(si_sdr(gain * estimate, batch), si_sdr(estimate, batch), atol=1e-2, rtol=0)


def test_ratio_mask_is_a_ratio_of_powers() -> None:
    stft = Stft(512, 256)
    clean = noise(1, 4000)
    for gain, expected in [(1.0, 0.5), (3.0, 0.1), (0.0, 1.0)]:
        torch.testing.assert_close(
            ratio_mask(batch_of(clean, gain * clean), stft), torch.full((1, 257, 17), expected), atol=1e-4, rtol=0
        )
    silence = torch.zeros(1, 4000)
    assert (ratio_mask(batch_of(silence, silence), stft) == 1).all()


def test_mask_mse_golden_values() -> None:
    stft, clean = Stft(512, 256), noise(2, 4000)
    batch = batch_of(clean, clean)
    mask = torch.full((2, 257, 17), 0.5)
    assert mask_mse(mask, batch, stft).tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    assert mask_mse(mask + torch.tensor([0.1, -0.3])[:, None, None], batch, stft).tolist() == pytest.approx(
        [0.01, 0.09], abs=1e-4
    )


@pytest.mark.parametrize(("gain", "expected"), [(1.0, 0.0), (-1.0, 0.0), (0.5, 0.5), (0.0, 1.0), (3.0, 2.0)])
def test_l1_mag_is_blind_to_phase_and_follows_the_gain(gain: float, expected: float) -> None:
    stft, clean = Stft(512, 256), noise(2, 4000)
    value = l1_mag(gain * clean, batch_of(clean, clean), stft)
    torch.testing.assert_close(value, expected * stft(clean).abs().mean((1, 2)), atol=1e-5, rtol=1e-5)


def test_mask_losses_by_name() -> None:
    """A mask is an amplitude gain, so its squared modulus is compared with the ratio of powers."""
    stft, batch, estimate = Stft(512, 256), batch_of(noise(2, 4000), noise(2, 4000, seed=1)), noise(2, 4000, seed=2)
    mask = stft(estimate)
    enhanced = Enhanced(estimate, {"mask": mask})
    torch.testing.assert_close(mask_loss("wsdr", enhanced, batch, stft), wsdr(estimate, batch))
    torch.testing.assert_close(mask_loss("si_sdr", enhanced, batch, stft), si_sdr(estimate, batch))
    torch.testing.assert_close(mask_loss("l1_mag", enhanced, batch, stft), l1_mag(estimate, batch, stft))
    power = mask.real.square() + mask.imag.square()
    torch.testing.assert_close(mask_loss("mask_mse", enhanced, batch, stft), mask_mse(power, batch, stft))
    real = Enhanced(estimate, {"mask": mask.abs()})
    torch.testing.assert_close(mask_loss("mask_mse", real, batch, stft), mask_mse(power, batch, stft))


def test_cross_entropy_equals_torch_per_sample() -> None:
    scores, target = noise(5, 7), torch.tensor([0, 6, 3, 3, 1])
    batch = replace(batch_of(noise(5, 10), noise(5, 10)), target=target)
    expected = -torch.log_softmax(scores, 1)[range(5), target]
    torch.testing.assert_close(cross_entropy(scores, batch), expected)
    assert cross_entropy(scores.bfloat16(), batch).dtype == torch.float32


@pytest.mark.parametrize("loss", [wsdr, si_sdr, magnitude_error])
def test_losses_need_a_clean_reference(loss: Loss) -> None:
    with pytest.raises(SefrontError, match="clean references"):
        loss(SINE, replace(batch_of(SINE, OTHER), clean=None))
