from __future__ import annotations

import pytest
import torch

from sefront.core.signal import Stft, overlap_add

PROFILES = {"ustc": (512, 256, "hamming"), "unet": (1024, 256, "hann"), "ss": (512, 256, "hann")}
LENGTHS = [1, 2, 255, 256, 257, 511, 513, 1023, 1025, 15999, 16000, 16127]


def noise(*shape: int) -> torch.Tensor:
    return 2 * torch.rand(shape, generator=torch.Generator().manual_seed(0)) - 1


@pytest.fixture(params=PROFILES)
def stft(request: pytest.FixtureRequest) -> Stft:
    return Stft(*PROFILES[request.param])


@pytest.mark.parametrize("size", LENGTHS)
def test_round_trip(stft: Stft, size: int) -> None:
    waves = noise(2, size)
    back = stft.inverse(stft(waves), torch.tensor([size, size]), size)
    torch.testing.assert_close(back, waves, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", LENGTHS)
def test_a_changed_spectrum_makes_no_click_at_the_end(stft: Stft, size: int) -> None:
    spectrum = stft(noise(1, size))
    changed = spectrum * noise(*spectrum.shape).abs()
    assert stft.inverse(changed, torch.tensor([size]), size).abs().max() < 1.5


@pytest.mark.parametrize("size", LENGTHS)
def test_frames_is_what_the_transform_returns(stft: Stft, size: int) -> None:
    assert int(stft.frames(torch.tensor([size]))) == stft(noise(1, size)).shape[-1]


@pytest.mark.parametrize("size", LENGTHS)
def test_the_inverse_does_not_depend_on_padding(stft: Stft, size: int) -> None:
    alone = noise(1, size)
    padded = torch.nn.functional.pad(alone, (0, 1000))
    both = torch.cat([padded, noise(1, size + 1000)])
    lengths = torch.tensor([size, size + 1000])
    spectrum = stft(both)
    frames = int(stft.frames(torch.tensor(size)))
    torch.testing.assert_close(spectrum[:1, :, :frames], stft(alone), atol=1e-5, rtol=0)
    spectrum[0, :, frames:] = 7.0  # what a network makes of padding
    back = stft.inverse(spectrum, lengths, size + 1000)
    torch.testing.assert_close(back[:1, :size], stft.inverse(stft(alone), lengths[:1], size), atol=1e-5, rtol=0)
    assert (back[0, size:] == 0).all()


def test_white_noise_has_the_power_of_its_window() -> None:
    stft = Stft(512, 256)
    power = stft(torch.randn(1, 320_000, generator=torch.Generator().manual_seed(0))).abs().square()
    assert power[..., 2:-2].mean() == pytest.approx(192, rel=0.02)  # 3/8 of 512 points


def test_equals_the_formula() -> None:
    stft, wave = Stft(16, 8), noise(1, 40)
    padded = torch.nn.functional.pad(wave[0], (8, 8))
    angle = -2j * torch.pi * torch.arange(9)[:, None] * torch.arange(16) / 16
    frames = [torch.exp(angle) @ (padded[t * 8 : t * 8 + 16] * stft.window).to(angle.dtype) for t in range(6)]
    torch.testing.assert_close(stft(wave)[0], torch.stack(frames, 1).to(torch.complex64), atol=1e-5, rtol=0)


def test_is_computed_in_float32_under_autocast() -> None:
    stft = Stft(512, 256)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert stft(noise(1, 1000).bfloat16()).dtype == torch.complex64


@pytest.mark.parametrize(("n_fft", "hop"), [(512, 0), (512, 200), (512, 512)])
def test_refuses_hops_without_an_inverse(n_fft: int, hop: int) -> None:
    with pytest.raises(ValueError, match=f"n_fft must be a multiple of hop, at least twice it.*{n_fft} and {hop}"):
        Stft(n_fft, hop)


def test_overlap_add_sums_what_overlaps() -> None:
    assert overlap_add(torch.ones(1, 3, 4), 2).tolist() == [[1, 1, 2, 2, 2, 2, 1, 1]]
