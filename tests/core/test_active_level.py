"""The active speech level does not count pauses, and agrees with the standard's own procedure."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import RATE, hiss, voice

from sefront.core.active_level import active_power
from sefront.core.mixing import decibels, power


def spoken(active: float, pause: float, times: int = 3) -> np.ndarray:
    """Bursts of noise of `active` seconds, each with a `pause` behind it."""
    burst = hiss(round(active * RATE), seed=1)
    return np.concatenate([np.concatenate([burst, np.zeros(round(pause * RATE), np.float32)])] * times)


def by_the_standard(wave: np.ndarray, rate: int) -> float:
    """Sample by sample as in the recommendation's flow chart, with thresholds below full scale; in dB."""
    g, hang = math.exp(-1 / (0.03 * rate)), math.ceil(0.2 * rate)
    thresholds = [2.0**-j for j in range(1, 16)]
    active, since, p, q = [0] * 15, [hang] * 15, 0.0, 0.0
    for x in np.abs(wave).tolist():
        p = g * p + (1 - g) * x
        q = g * q + (1 - g) * p
        for j, threshold in enumerate(thresholds):
            if q >= threshold:
                active[j], since[j] = active[j] + 1, 0
            elif since[j] < hang:
                active[j], since[j] = active[j] + 1, since[j] + 1
    energy, before = float(np.square(wave, dtype=float).sum()), None
    for j, threshold in enumerate(thresholds):
        if active[j] == 0:
            continue
        level = 10 * math.log10(energy / active[j])
        margin = level - 20 * math.log10(threshold)
        if margin >= 15.9:
            if before is None:
                return level
            share = (15.9 - before[1]) / (margin - before[1])
            return before[0] + share * (level - before[0])
        before = level, margin
    raise AssertionError("no threshold is low enough")


def test_continuous_sound_has_its_mean_power() -> None:
    assert 10 * math.log10(active_power(hiss(5 * RATE), RATE) / power(hiss(5 * RATE))) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(("active", "pause"), [(2.0, 2.0), (1.0, 3.0), (3.0, 1.0)])
def test_a_known_share_of_activity(active: float, pause: float) -> None:
    wave = spoken(active, pause)
    held = min(1.0, 0.2 / pause) * pause  # the hangover counts as speech
    expected = power(wave) * (active + pause) / (active + held)
    assert decibels(active_power(wave, RATE), expected) == pytest.approx(0, abs=0.35)


def test_silence_around_speech_does_not_count() -> None:
    wave = voice(3 * RATE, 150.0)
    padded = np.concatenate([wave, np.zeros(20 * RATE, np.float32)])
    assert decibels(active_power(padded, RATE), active_power(wave, RATE)) == pytest.approx(0, abs=0.5)
    assert decibels(power(padded), power(wave)) < -8


@pytest.mark.parametrize("wave", [spoken(0.5, 0.7, 2), voice(RATE, 150.0), hiss(RATE)], ids=["bursts", "voice", "hiss"])
def test_the_procedure_of_the_standard(wave: np.ndarray) -> None:
    assert 10 * math.log10(active_power(wave, RATE)) == pytest.approx(by_the_standard(wave, RATE), abs=0.5)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 999), gain=st.floats(1e-4, 3.0))
def test_it_scales_with_the_signal(seed: int, gain: float) -> None:
    wave = voice(8000, 150.0, seed=seed)
    scaled = (gain * wave).astype(np.float32)
    assert decibels(active_power(scaled, RATE), active_power(wave, RATE)) == pytest.approx(
        20 * math.log10(gain), abs=1e-4
    )


def test_silence_has_no_level() -> None:
    assert active_power(np.zeros(1000, np.float32), RATE) == 0.0


def test_a_single_click_has_a_level() -> None:
    wave = np.zeros(RATE, np.float32)
    wave[5000] = 1.0
    assert 0 < active_power(wave, RATE) < 1
