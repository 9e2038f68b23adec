"""Mixtures at an exact signal-to-noise ratio."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import hiss, voice

from sefront.core.mixing import Mixture, fitted, mix, offset_for, sounding_offset

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(400, 20000)


def paused(size: int, seed: int) -> np.ndarray:
    """A signal most of which is silence: where a segmental mixer goes wrong."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, rng.uniform(0.001, 0.3), size).astype(np.float32)
    samples[: rng.integers(0, size * 9 // 10)] = 0.0
    return samples


def measured(mixture: Mixture) -> float:
    """The SNR in dB that anybody would measure."""
    clean, noise = mixture.clean.astype(np.float64), mixture.noisy.astype(np.float64) - mixture.clean
    return float(10 * np.log10(np.square(clean).sum() / np.square(noise).sum()))


@given(seed=SEEDS, size=SIZES, snr=st.floats(-25, 40))
def test_the_measured_snr_is_the_one_asked_for(seed: int, size: int, snr: float) -> None:
    mixture = mix(paused(size, seed), paused(size, seed + 1), snr)
    assert measured(mixture) == pytest.approx(snr, abs=1e-3)
    assert mixture.snr == snr


@given(seed=SEEDS, snr=st.floats(-25, 40))
def test_the_parts_add_up_and_stay_in_range(seed: int, snr: float) -> None:
    mixture = mix(paused(4000, seed), paused(4000, seed + 1), snr)
    np.testing.assert_array_equal(mixture.noise, mixture.noisy - mixture.clean)
    assert mixture.noisy.dtype == mixture.clean.dtype == mixture.noise.dtype == np.float32
    assert max(np.abs(mixture.noisy).max(), np.abs(mixture.clean).max()) <= 1.0


@given(seed=SEEDS)
def test_the_target_keeps_its_level_where_nothing_clips(seed: int) -> None:
    target = voice(4000, 150.0, seed=seed % 1000)
    np.testing.assert_array_equal(mix(target, hiss(4000), 20.0).clean, target)


@given(seed=SEEDS, loud=st.floats(1.0, 50.0))
def test_both_parts_are_scaled_together_where_the_mixture_would_clip(seed: int, loud: float) -> None:
    target, noise = loud * paused(4000, seed), paused(4000, seed + 1)
    target[-1] = loud  # too loud by itself
    mixture = mix(target, noise, 0.0)
    assert np.abs(mixture.noisy).max() <= 1.0
    assert measured(mixture) == pytest.approx(0.0, abs=1e-3)
    scale = mixture.clean[-1] / target[-1]
    np.testing.assert_allclose(mixture.clean, scale * target, rtol=1e-5, atol=1e-7)


def test_a_silent_target_is_returned_unchanged() -> None:
    mixture = mix(np.zeros(800, np.float32), hiss(800), 5.0)
    assert not mixture.noisy.any()
    assert not mixture.clean.any()
    assert mixture.snr == np.inf


def test_a_silent_noise_adds_nothing() -> None:
    target = voice(800, 150.0)
    mixture = mix(target, np.zeros(800, np.float32), 5.0)
    np.testing.assert_array_equal(mixture.noisy, target)
    assert mixture.snr == np.inf


def test_an_infinite_snr_adds_nothing_but_still_fits() -> None:
    target = 9 * voice(4000, 150.0)
    mixture = mix(target, hiss(4000), np.inf)
    np.testing.assert_array_equal(mixture.noisy, mixture.clean)
    np.testing.assert_allclose(mixture.clean, target / np.abs(target).max(), rtol=1e-6)


@given(seed=SEEDS, have=st.integers(1, 3000), want=st.integers(1, 3000))
def test_noise_is_cropped_or_tiled_from_its_offset(seed: int, have: int, want: int) -> None:
    noise = np.arange(have, dtype=np.float32)
    offset = offset_for(have, want, np.random.default_rng(seed))
    part = fitted(noise, want, offset)
    np.testing.assert_array_equal(part, (offset + np.arange(want)) % have)
    assert 0 <= offset <= max(have - want, 0 if have > want else have - 1)


@given(seed=SEEDS, place=st.integers(0, 2999), size=st.integers(1, 2999))
def test_a_crop_can_be_had_where_a_noise_is_not_silent(seed: int, place: int, size: int) -> None:
    noise = np.zeros(3000, np.float32)
    noise[place] = 1.0
    offset = sounding_offset(noise, size, np.random.default_rng(seed))
    assert 0 <= offset <= 3000 - size
    assert fitted(noise, size, offset).any()


def test_every_crop_and_every_shift_is_drawn() -> None:
    rng = np.random.default_rng(0)
    assert {offset_for(10, 8, rng) for _ in range(200)} == {0, 1, 2}
    assert {offset_for(4, 9, rng) for _ in range(200)} == {0, 1, 2, 3}
    assert {offset_for(4, 4, rng) for _ in range(200)} == {0, 1, 2, 3}
