"""Copies of recordings at other speeds."""

from __future__ import annotations

import numpy as np
import pytest
from recordings import RATE, Sound, clip, mixtures, voices

from sefront.core.data import Draw, Example
from sefront.core.speed import Copies, Sped, original, sped, with_copies

FACTORS = (0.9, 1.1)


def tone(size: int, frequency: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(size) / RATE)).astype(np.float32)


@pytest.mark.parametrize("size", [1, 1601, 16000, 47999])
@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1, 2.0])
def test_a_copy_lasts_for_as_long_as_its_factor_says(size: int, factor: float) -> None:
    copy = Sped(Sound(tone(size)), factor)
    assert len(copy.read(RATE)) == round(size / factor)
    assert copy.duration() == pytest.approx(size / RATE / factor)


@pytest.mark.parametrize("factor", FACTORS)
def test_a_tone_moves(factor: float) -> None:
    wave = Sped(Sound(tone(32000)), factor).read(RATE)
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    assert spectrum.argmax() * RATE / len(wave) == pytest.approx(440 * factor, abs=0.5)
    assert wave.dtype == np.float32


def test_what_would_lie_above_half_the_rate_is_gone() -> None:
    wave = Sped(Sound(tone(32000, 7800.0)), 1.1).read(RATE)
    assert np.abs(wave[2000:-2000]).max() < 1e-3


def test_copies_have_names_and_draws_of_their_own() -> None:
    source = with_copies(mixtures(voices(2)), FACTORS)
    names = ["clip00", "clip01", "clip00@0.9", "clip01@0.9", "clip00@1.1", "clip01@1.1"]
    assert [c.id for c in source.clips] == names
    assert [c.target for c in source.clips] == ["high", "low"] * 3
    assert list(source.durations) == [0.1, 0.1, 0.1 / 0.9, 0.1 / 0.9, 0.1 / 1.1, 0.1 / 1.1]
    found = [source[Draw(i)] for i in (0, 2)]
    assert all(isinstance(each, Example) for each in found)
    assert found[0].snr != found[1].snr  # type: ignore[union-attr]
    assert [len(each.noisy) for each in found] == [1600, 1778]  # type: ignore[union-attr]
    assert original(names[-1]) == "clip01"


def test_without_factors_nothing_changes() -> None:
    source = mixtures(voices(2))
    assert with_copies(source, ()) is source


def test_copies_are_made_when_they_are_asked_for() -> None:
    made: list[tuple[int, float]] = []

    def copy(one: int, factor: float) -> int:
        made.append((one, factor))
        return round(one * factor)

    source = Copies(range(10, 10**6 + 10), (2.0, 3.0), copy)
    assert len(source) == 3 * 10**6
    assert (source[0], source[10**6], source[-1], source[-3 * 10**6]) == (10, 20, 3 * (10**6 + 9), 10)
    assert source[10**6 - 1 : 10**6 + 2] == [10**6 + 9, 20, 22]
    assert made == [(10, 2.0), (10**6 + 9, 3.0), (10, 2.0), (11, 2.0)]
    with pytest.raises(IndexError):
        source[3 * 10**6]


def test_copies_of_what_is_damaged_are_damaged() -> None:
    found = mixtures([sped(clip("bad", None, "low"), 0.9)])[Draw(0)]
    assert (found.id, not isinstance(found, Example)) == ("bad@0.9", True)
