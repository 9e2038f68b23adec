"""openSMILE's IS09 set: names and order, what the numbers mean, 16 bits, short clips, and what is remembered."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from sefront.core import is09
from sefront.core.is09 import IS09

pytest.importorskip("opensmile", reason="openSMILE is not installed: pip install 'sefront[opensmile]'")

CONTOURS = ["pcm_RMSenergy_sma", *(f"pcm_fftMag_mfcc_sma[{k}]" for k in range(1, 13))]
CONTOURS += ["pcm_zcr_sma", "voiceProb_sma", "F0_sma"]
FUNCTIONALS = ["max", "min", "range", "maxPos", "minPos", "amean", "linregc1", "linregc2", "linregerrQ"]
FUNCTIONALS += ["stddev", "skewness", "kurtosis"]
RATE = 16000

Row = NDArray[np.float32]


def hiss(samples: int, seed: int = 0) -> Row:
    return np.random.default_rng(seed).normal(0.0, 0.1, samples).astype(np.float32)


def pulses(hertz: int, samples: int = 3 * RATE) -> Row:
    return (0.5 * (np.arange(samples) % (RATE // hertz) == 0)).astype(np.float32)


def contour(name: str, wave: Row, features: IS09) -> dict[str, float]:
    """The functionals of one contour."""
    row = dict(zip(features.names, features.functionals(wave).tolist(), strict=True))
    return {functional: row[f"{name}_{functional}"] for functional in FUNCTIONALS}


@pytest.fixture(scope="module")
def features() -> IS09:
    return IS09(RATE)


def test_names_and_order(features: IS09) -> None:
    deltas = [name.replace("_sma", "_sma_de") for name in CONTOURS]
    assert features.names == tuple(f"{c}_{f}" for c in CONTOURS + deltas for f in FUNCTIONALS)
    assert len(features.names) == is09.SIZE == 384


@pytest.mark.parametrize("hertz", [200, 320])
def test_a_pulse_train_has_its_pitch_and_is_voiced(features: IS09, hertz: int) -> None:
    wave = pulses(hertz)
    pitch = contour("F0_sma", wave, features)
    assert (pitch["max"], pitch["amean"]) == (pytest.approx(hertz, rel=0.01), pytest.approx(hertz, rel=0.02))
    assert contour("voiceProb_sma", wave, features)["min"] > 0.55


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_unvoiced(features: IS09, seed: int) -> None:
    wave = hiss(3 * RATE, seed)
    assert contour("voiceProb_sma", wave, features)["max"] < 0.55
    assert contour("F0_sma", wave, features)["max"] == 0


def glide() -> Row:
    """A buzz that rises and swells, with a little noise; a whole number of 16-bit steps."""
    t = np.arange(RATE) / RATE
    buzz = sum(np.sin(2 * np.pi * k * (150 * t + 20 * t * t)) / k for k in range(1, 9))
    wave = 0.2 * np.sin(2 * np.pi * 3 * t) * buzz + 0.1 * hiss(RATE)
    return (np.trunc(32768 * wave) / 32768).astype(np.float32)


def summary(x: NDArray[np.float64]) -> list[float]:
    """The 12 functionals of a contour (frames,), by their definitions."""
    frames, mean, deviation = np.arange(len(x)), x.mean(), x.std()
    slope, offset = np.polyfit(frames, x, 1)
    error = np.square(x - slope * frames - offset).mean()
    z = (x - mean) / deviation
    places = [x.max(), x.min(), np.ptp(x), x.argmax(), x.argmin()]
    return [*places, mean, slope, offset, error, deviation, (z**3).mean(), (z**4).mean()]


def test_functionals_are_those_of_opensmile_s_contours_and_of_their_deltas(features: IS09) -> None:
    """d_t = sum_i i (x_(t+i) - x_(t-i)) / 10, i = 1, 2; openSMILE's functionals leave the last two frames out."""
    import opensmile

    contours = opensmile.Smile(opensmile.FeatureSet.IS09, opensmile.FeatureLevel.LowLevelDescriptors)
    assert list(contours.feature_names) == CONTOURS
    x = contours(glide(), RATE)[0].astype(float)
    edged, size = np.pad(x, ((0, 0), (2, 2)), mode="edge"), x.shape[1]
    deltas = sum(i * (edged[:, 2 + i : 2 + i + size] - edged[:, 2 - i : 2 - i + size]) for i in (1, 2)) / 10
    frames = (RATE - 400) // 160 + 1 - 2
    expected = [summary(row[:frames]) for row in np.concatenate([x, deltas])]
    np.testing.assert_allclose(features.functionals(glide()), np.ravel(expected), rtol=1e-4, atol=1e-4)


def test_energy_is_that_of_emphasised_and_windowed_samples(features: IS09) -> None:
    emphasis, window = 1 + 0.97**2, 0.54**2 + 0.46**2 / 2  # mean squares
    energy = contour("pcm_RMSenergy_sma", hiss(RATE), features)["amean"]
    assert energy == pytest.approx(0.1 * (emphasis * window) ** 0.5, rel=0.02)


def test_frames_of_extremes_are_counted_every_10_ms(features: IS09) -> None:
    wave = 0.01 * hiss(RATE)
    wave[8000:8400] *= 50
    assert contour("pcm_RMSenergy_sma", wave, features)["maxPos"] == pytest.approx(50, abs=2)


def test_samples_beyond_full_scale_do_not_wrap_round(features: IS09) -> None:
    square = np.sign(np.sin(0.1 * (np.arange(RATE) + 0.5))).astype(np.float32)
    same = features.functionals(square * np.float32(32767 / 32768))
    found = contour("pcm_zcr_sma", square, features)
    assert found["amean"] == pytest.approx(0.1 / np.pi, rel=0.02)
    np.testing.assert_allclose(features.functionals(square), same, rtol=1e-2, atol=1e-2)
    np.testing.assert_array_equal(features.functionals(square), features.functionals(3 * square))


def test_waves_are_rounded_to_16_bits_towards_zero(features: IS09) -> None:
    wave = np.round(hiss(4000) * 32768) / np.float32(32768)
    shifted = wave + np.float32(0.4 / 32768) * np.sign(wave)
    np.testing.assert_array_equal(features.functionals(wave), features.functionals(shifted))
    np.testing.assert_array_equal(
        features.functionals(np.full(4000, 0.9 / 32768, np.float32)), features.functionals(np.zeros(4000, np.float32))
    )


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100])
@pytest.mark.parametrize("samples", [0, 1, 255, 400, 5000])
def test_clips_of_any_length_and_rate_are_finite(rate: int, samples: int) -> None:
    assert np.isfinite(IS09(rate).functionals(hiss(samples))).all()


def test_silence_and_a_click_are_finite(features: IS09) -> None:
    for samples in (1, 4801):
        click = np.zeros(samples, np.float32)
        assert np.isfinite(features.functionals(click)).all()
        click[samples // 2] = 1
        assert np.isfinite(features.functionals(click)).all()


def test_a_short_clip_is_one_with_zeros_behind_it(features: IS09) -> None:
    wave = hiss(255)
    np.testing.assert_array_equal(
        features.functionals(wave), features.functionals(np.concatenate([wave, np.zeros(145, np.float32)]))
    )


def test_a_wave_that_is_not_finite_has_no_features(features: IS09) -> None:
    wave = hiss(4000)
    wave[7] = np.nan
    assert np.isnan(features.functionals(wave)).all()


def test_a_long_clip_is_heard_to_its_end(features: IS09) -> None:
    wave = 0.01 * hiss(60 * RATE)
    wave[-RATE:] *= 50
    assert contour("pcm_RMSenergy_sma", wave, features)["maxPos"] > 5890


def test_batches_are_clip_by_clip_without_their_padding(features: IS09) -> None:
    waves = torch.from_numpy(np.stack([hiss(5000, 1), hiss(5000, 2)]))
    found = features(waves.requires_grad_(), torch.tensor([5000, 3000]))
    assert (found.shape, found.dtype, found.requires_grad) == ((2, 384), torch.float32, False)
    np.testing.assert_array_equal(found[0], features.functionals(hiss(5000, 1)))
    np.testing.assert_array_equal(found[1], features.functionals(hiss(5000, 2)[:3000]))


class Counted:
    """openSMILE, and how often it was asked."""

    def __init__(self, features: IS09) -> None:
        self.extract, self.calls = features.extract, 0
        features.extract = self

    def __call__(self, wave: Row, sample_rate: int) -> Row:
        self.calls += 1
        return np.asarray(self.extract(wave, sample_rate))


def test_a_clip_is_computed_once_whatever_batch_it_comes_in() -> None:
    features = IS09(RATE)
    counted = Counted(features)
    waves = torch.from_numpy(np.stack([hiss(5000, 1), hiss(5000, 2)]))
    first = features(waves, torch.tensor([5000, 3000]))
    again = features(waves[:, :4000].flip(0), torch.tensor([3000, 4000]))
    assert counted.calls == 3  # the first clip is another one when it is cut off
    assert torch.equal(first[1], again[0])


def test_the_oldest_clips_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(is09, "KEPT", 2)
    features = IS09(RATE)
    counted = Counted(features)
    for seed in (0, 1, 0, 2, 0):  # 1 is the oldest when 2 comes
        features.functionals(hiss(500, seed))
    assert (counted.calls, len(features.known)) == (3, 2)
    features.functionals(hiss(500, 1))
    assert counted.calls == 4


def test_copies_compute_the_same_and_remember_nothing() -> None:
    features = IS09(RATE)
    row = features.functionals(hiss(500))
    for other in (copy.deepcopy(features), pickle.loads(pickle.dumps(features))):  # noqa: S301  its own bytes
        assert len(other.known) == 0
        np.testing.assert_array_equal(other.functionals(hiss(500)), row)


def test_recorded_speech_is_voiced_with_a_speaker_s_pitch(features: IS09, real_data: Path) -> None:
    """Speaker 03 of EMO-DB is a man, speaker 08 a woman; both neutral."""
    found = []
    for speaker in ("03", "08"):
        clips = sorted((real_data / "emodb" / "wav").glob(f"{speaker}a*N*"))[:3]
        if not clips:
            pytest.skip(f"no EMO-DB at {real_data}")
        rows = [contour("F0_sma", soundfile.read(clip, dtype="float32")[0], features) for clip in clips]
        found.append(np.mean([row["amean"] for row in rows]))
        assert all(row["min"] == 0 for row in rows)  # pauses
    man, woman = found
    assert 0 < man < woman < 300
