"""DCUNet: published sizes, shapes for any length, the bounded mask, strides along time, choices of loss."""

from __future__ import annotations

from typing import Any

import pytest
import soundfile
import torch
from recordings import RATE, hiss, voice
from torch import Tensor

from sefront.core import Batch
from sefront.core.complex_layers import ComplexConv
from sefront.core.losses import l1_mag, mask_mse, ratio_mask, si_sdr, wsdr
from sefront.core.parameters import build
from sefront.core.update import Update
from sefront.frontends.dcunet import DCUNet, bounded, joined


def network(**options: Any) -> DCUNet:
    torch.manual_seed(0)
    return DCUNet(RATE, **{"width": 2, **options})


def batch(clips: int = 2, samples: int = 4000) -> Batch:
    clean = torch.stack([torch.from_numpy(voice(samples, 150 + 100 * i)) for i in range(clips)])
    noise = torch.stack([torch.from_numpy(hiss(samples, seed=i)) for i in range(clips)])
    ones = torch.ones(clips, dtype=torch.long)
    return Batch(clean + noise, clean, samples * ones, 0 * ones, ones, tuple("ab"[:clips]), torch.zeros(clips))


@pytest.mark.parametrize(("arch", "count", "published"), [
    ("10", 1_419_840, 1.42), ("16", 2_372_160, 2.37), ("20", 3_523_392, 3.52),
])  # fmt: skip
def test_number_of_convolution_weights(arch: str, count: int, published: float) -> None:
    """The arch comes as a word of the command line, which reads like a number."""
    layers = build(DCUNet, RATE, options={"arch": arch}, owner="frontend").modules()
    convolutions = [layer for layer in layers if isinstance(layer, ComplexConv)]
    assert len(convolutions) == int(arch)
    weights = sum(layer.real.numel() + layer.imag.numel() for layer in convolutions)
    assert weights == count
    assert round(weights / 1e6, 2) == published


@pytest.mark.parametrize("samples", [1, 255, 16001])
@pytest.mark.parametrize(("arch", "time_stride"), [("10", 2), ("16", 1), ("20", 2)])
def test_any_length_comes_back(arch: str, time_stride: int, samples: int) -> None:
    model = network(arch=arch, time_stride=time_stride).eval()
    lengths = torch.tensor([samples])
    with torch.no_grad():
        enhanced = model(0.1 * torch.ones(1, samples), lengths)
    assert enhanced.waves.shape == (1, samples)
    assert enhanced.extras["mask"].shape == (1, 513, int(model.stft.frames(lengths)))


@pytest.mark.parametrize("arch", ["10", "16", "20"])
def test_without_strides_along_time_every_frame_is_kept(arch: str) -> None:
    """As published, 33 frames are joined to 3."""
    spectrum = torch.randn(1, 513, 33, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    seen: dict[int, int] = {}
    for stride in (1, 2):
        model = network(arch=arch, time_stride=stride).eval()
        model.down[-1].register_forward_hook(lambda _, __, out, s=stride: seen.update({s: out.shape[-1]}))
        with torch.no_grad():
            assert model.mask(spectrum).shape == (1, 513, 33)
    assert seen == {1: 33, 2: 3}


def test_the_modulus_of_the_mask_is_the_tangent() -> None:
    output = 2 * torch.randn(3, 2, 5, 7, generator=torch.Generator().manual_seed(0))
    number, mask = torch.complex(*output.unbind(1)), bounded(output)
    torch.testing.assert_close(mask.abs(), torch.tanh(number.abs()))
    torch.testing.assert_close(mask.angle(), number.angle())
    assert float(mask.abs().max()) < 1


def test_the_mask_has_a_finite_gradient_at_zero() -> None:
    output = torch.zeros(1, 2, 3, 3, requires_grad=True)
    bounded(output).real.sum().backward()
    torch.testing.assert_close(output.grad, torch.tensor([1.0, 0.0])[None, :, None, None].expand(1, 2, 3, 3))


@pytest.mark.parametrize(("bias", "factor"), [((30.0, 0.0), 1.0), ((-30.0, 0.0), -1.0), ((0.0, 0.0), 0.0)])
def test_constant_masks(bias: tuple[float, float], factor: float) -> None:
    model = constant(bias)
    data = batch()
    with torch.no_grad():
        enhanced = model(data.noisy, data.lengths)
    torch.testing.assert_close(enhanced.waves, factor * data.noisy, atol=1e-5, rtol=0)


def test_an_imaginary_mask_turns_phases() -> None:
    model, data = constant((0.0, 30.0)), batch()
    with torch.no_grad():
        mask = model.mask(model.stft(data.noisy))
    torch.testing.assert_close(mask, torch.full_like(mask, 1j), atol=1e-5, rtol=0)


def constant(bias: tuple[float, float]) -> DCUNet:
    """A network with the same output everywhere."""
    model = network().eval()
    torch.nn.init.zeros_(model.head.real)
    torch.nn.init.zeros_(model.head.imag)
    model.head.bias = torch.nn.Parameter(torch.tensor(bias))
    return model


def test_skips_are_joined_as_complex_maps() -> None:
    a, b = torch.arange(4.0).view(1, 4, 1, 1), 10 + torch.arange(2.0).view(1, 2, 1, 1)
    assert joined(a, b).flatten().tolist() == [0, 1, 10, 2, 3, 11]


def test_silence_has_a_finite_gradient() -> None:
    model, waves = network(), torch.zeros(2, 3000, requires_grad=True)
    model(waves, torch.tensor([3000, 3000])).waves.square().sum().backward()
    gradients = [waves.grad, *(p.grad for p in model.parameters())]
    assert all(bool(gradient.isfinite().all()) for gradient in gradients if gradient is not None)


@pytest.mark.parametrize(("name", "by_hand"), [("wsdr", wsdr), ("si_sdr", si_sdr)])
def test_wave_losses(name: str, by_hand: Any) -> None:
    model, data = network(loss=name).eval(), batch()
    enhanced = model(data.noisy, data.lengths)
    torch.testing.assert_close(model.loss(enhanced, data), by_hand(enhanced.waves, data))


def test_losses_of_the_spectrum() -> None:
    """The power of the complex mask is compared with the ideal ratio of powers, whatever its phase."""
    model, data = network(loss="mask_mse").eval(), batch()
    enhanced = model(data.noisy, data.lengths)
    mask: Tensor = enhanced.extras["mask"]
    expected = mask_mse(mask.real.square() + mask.imag.square(), data, model.stft)
    torch.testing.assert_close(model.loss(enhanced, data), expected)
    ideal = type(enhanced)(enhanced.waves, {"mask": 1j * ratio_mask(data, model.stft).sqrt()})
    assert float(model.loss(ideal, data).max()) < 1e-10
    model = network(loss="l1_mag").eval()
    torch.testing.assert_close(model.loss(enhanced, data), l1_mag(enhanced.waves, data, model.stft))


@pytest.mark.parametrize("bf16", [False, True])
def test_training_lowers_the_loss_on_real_speech_in_real_noise(real_data: Any, bf16: bool) -> None:
    speech = soundfile.read(sorted((real_data / "emodb" / "wav").glob("*.flac"))[0], dtype="float32", frames=16000)[0]
    noise = sorted((real_data / "noise" / "train").glob("*.flac"))[0]
    clean = torch.from_numpy(speech).view(2, 8000)
    noise_part = torch.from_numpy(soundfile.read(noise, dtype="float32", frames=16000)[0]).view(2, 8000)
    noise_part = noise_part * clean.norm() / noise_part.norm()
    ones = torch.ones(2, dtype=torch.long)
    data = Batch(clean + noise_part, clean, 8000 * ones, 0 * ones, ones, ("a", "b"), torch.zeros(2))
    model = network(width=4).train()
    update = Update({"frontend": model}, {"frontend": model.recipe})
    curve = []
    for _ in range(12):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            enhanced = model(data.noisy, data.lengths)
            curve.append(float(update(model.loss(enhanced, data), "frontend")))
    assert enhanced.waves.dtype == torch.float32
    assert enhanced.extras["mask"].dtype == torch.complex64
    assert min(curve[-3:]) < curve[0] - 0.1


@pytest.mark.parametrize(
    ("options", "message"), [({"width": 0}, "width must be at least 1"), ({"n_fft": 1000}, "multiple of hop")]
)
def test_ranges(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DCUNet(RATE, **options)  # type: ignore[arg-type]
