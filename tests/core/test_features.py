from __future__ import annotations

import importlib
import math
import sys
from typing import Any

import pytest
import torch

from sefront.core.features import LogMel, Mfcc, PowerSpectrum, Standard, torchaudio


def test_equals_torchaudio() -> None:
    reference = torchaudio().transforms.MelSpectrogram(
        16000, n_fft=1024, win_length=640, hop_length=320, n_mels=64, center=True, pad_mode="constant", norm=None
    )
    waves = torch.randn(2, 16001, generator=torch.Generator().manual_seed(0))
    ours = LogMel(16000, bands=64, n_fft=1024, window=640, hop=320)
    torch.testing.assert_close(ours(waves), torch.log(reference(waves).clamp(min=1e-10)), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("size", [1, 159, 160, 161, 16000])
def test_frames_is_what_comes_out(size: int) -> None:
    mel = LogMel(16000, bands=40, n_fft=512, window=400, hop=160)
    assert mel(torch.zeros(1, size)).shape == (1, 40, int(mel.frames(torch.tensor(size))))


def test_silence_is_the_floor_and_passes_a_finite_gradient() -> None:
    waves = torch.zeros(1, 1000, requires_grad=True)
    features = LogMel(16000, bands=40, n_fft=512, window=400, hop=160)(waves)
    assert features.unique().tolist() == [pytest.approx(-23.02585)]
    features.sum().backward()
    assert waves.grad is not None
    assert waves.grad.isfinite().all()


def test_a_clip_does_not_depend_on_padding() -> None:
    mel = LogMel(16000, bands=40, n_fft=512, window=400, hop=160)
    wave = torch.randn(1, 3000, generator=torch.Generator().manual_seed(0))
    padded = mel(torch.nn.functional.pad(wave, (0, 3000)))
    torch.testing.assert_close(padded[..., : int(mel.frames(torch.tensor(3000)))], mel(wave), atol=1e-5, rtol=0)


def test_importer_returns_a_package_with_what_we_need() -> None:
    package = torchaudio()
    assert hasattr(package.transforms, "MelSpectrogram")
    assert hasattr(package.functional, "melscale_fbanks")


def test_importer_puts_a_stub_where_the_native_part_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n == "torchaudio" or n.startswith("torchaudio.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torchaudio._extension", None)
    monkeypatch.delitem(sys.modules, "torchaudio._extension")
    real, calls = importlib.import_module, []

    def fails_once(name: str, *rest: Any) -> Any:
        calls.append(name)
        if len(calls) == 1:
            raise OSError("libc10_cuda.so: cannot open shared object file")
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", fails_once)
    package = torchaudio()
    assert calls == ["torchaudio", "torchaudio"]
    assert package.functional.melscale_fbanks(9, 0.0, 8000.0, 4, 16000).shape == (9, 4)


def test_standard_gathers_in_batches_what_it_would_find_at_once() -> None:
    found = torch.rand(3, 5, 40, generator=torch.Generator().manual_seed(0)) ** 4
    frames = torch.tensor([40, 25, 1])
    by_batch, at_once = Standard(5), Standard(5)
    at_once.gather(found, frames)
    for row in range(3):
        by_batch.gather(found[row : row + 1], frames[row : row + 1])
    inside = torch.cat([clip[:, :n] for clip, n in zip(found, frames.tolist(), strict=True)], 1)
    for feature in (by_batch, at_once):
        assert float(feature.count) == 66
        torch.testing.assert_close(feature.mean, inside.mean(1), atol=1e-4, rtol=0)
        torch.testing.assert_close(feature.deviation, inside.std(1, correction=0), atol=1e-4, rtol=0)
    torch.testing.assert_close(at_once.undone(at_once(found)), found, atol=1e-4, rtol=0)


def test_a_feature_that_never_changes_stays_finite() -> None:
    feature = Standard(3)
    feature.gather(torch.ones(1, 3, 10), torch.tensor([10]))
    assert feature(torch.zeros(1, 3, 2)).isfinite().all()


@pytest.mark.parametrize(("n_fft", "window", "hop"), [(512, 400, 160), (800, 640, 160), (551, 551, 220)])
@pytest.mark.parametrize("size", [1, 159, 160, 440, 16000])
def test_frames_of_a_power_spectrum(n_fft: int, window: int, hop: int, size: int) -> None:
    power = PowerSpectrum(n_fft, window, hop, "hamming")
    shape = (1, n_fft // 2 + 1, int(power.frames(torch.tensor(size))))
    assert power(torch.zeros(1, size)).shape == shape


def test_a_window_longer_than_the_transform_is_cut_off() -> None:
    """Of each 384 windowed samples the first 256 are transformed, with the weights that they had."""
    wave = torch.randn(1, 3000, generator=torch.Generator().manual_seed(0))
    powers = PowerSpectrum(256, 384, 192, "hamming")(wave)
    weights = torch.hamming_window(384)[:256]
    for frame in (1, 7, 15):
        start = 192 * frame - 128
        piece = torch.nn.functional.pad(wave[0], (0, 256))[start : start + 256]
        torch.testing.assert_close(powers[0, :, frame], torch.fft.rfft(weights * piece).abs().square())


CEPSTRA = {
    "40 of 40, Hann": (40, 512, 320, 160, "hann", 0.0),
    "20 of 40, Hamming, emphasised": (20, 512, 384, 192, "hamming", 0.97),
}


def cepstra(name: str) -> Mfcc:
    count, n_fft, window, hop, shape, emphasis = CEPSTRA[name]
    return Mfcc(LogMel(16000, 40, n_fft, window, hop, shape=shape), count, emphasis=emphasis)


@pytest.mark.parametrize("name", CEPSTRA)
def test_cepstra_equal_a_transform_of_torchaudios_mel_spectrum_by_hand(name: str) -> None:
    count, n_fft, window, hop, shape, emphasis = CEPSTRA[name]
    mel = torchaudio().transforms.MelSpectrogram(
        16000, n_fft=n_fft, win_length=window, hop_length=hop, n_mels=40, center=True, pad_mode="constant", norm=None,
        window_fn={"hann": torch.hann_window, "hamming": torch.hamming_window}[shape],
    )  # fmt: skip
    waves = torch.randn(2, 5000, generator=torch.Generator().manual_seed(0))
    emphasised = waves.clone()
    for t in range(1, 5000):
        emphasised[:, t] = waves[:, t] - emphasis * waves[:, t - 1]
    logarithms = mel(emphasised).clamp(min=1e-10).log()
    expected = torch.stack(
        [
            math.sqrt((1 if k == 0 else 2) / 40)
            * sum(logarithms[:, m] * math.cos(math.pi * k * (m + 0.5) / 40) for m in range(40))
            for k in range(count)
        ],
        1,
    )
    torch.testing.assert_close(cepstra(name)(waves, torch.tensor([5000, 5000])), expected, atol=1e-3, rtol=1e-4)


def test_cepstra_of_all_coefficients_keep_the_energy_of_the_mel_spectrum() -> None:
    transform, waves = cepstra("40 of 40, Hann"), torch.randn(1, 3000, generator=torch.Generator().manual_seed(0))
    found = transform(waves, torch.tensor([3000]))
    torch.testing.assert_close(found.square().sum(1), transform.mel(waves).square().sum(1))


@pytest.mark.parametrize("name", CEPSTRA)
def test_cepstra_do_not_depend_on_padding(name: str) -> None:
    transform, lengths = cepstra(name), torch.tensor([3000])
    wave = torch.randn(1, 3000, generator=torch.Generator().manual_seed(0))
    padded = transform(torch.cat([wave, torch.ones(1, 2000)], 1), lengths)
    alone = transform(wave, lengths)
    torch.testing.assert_close(padded[..., : int(transform.frames(lengths))], alone, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", CEPSTRA)
def test_gradients_pass_through_cepstra(name: str) -> None:
    waves = torch.randn(1, 2000, generator=torch.Generator().manual_seed(0)).requires_grad_()
    cepstra(name)(waves, torch.tensor([1500])).square().sum().backward()
    assert waves.grad is not None
    assert waves.grad.isfinite().all()
    assert bool((waves.grad[:, :1500] != 0).any())
    assert not waves.grad[:, 1500:].any()
