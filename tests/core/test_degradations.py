"""Degradations keep length and place in time, follow from their seed, and do what they are called for."""

from __future__ import annotations

import numpy as np
import pytest
from recordings import RATE, hiss, voice
from scipy.signal import correlate

from sefront.core.codecs import CODECS, Codec, codec, coded, delay
from sefront.core.degradations import DEGRADATIONS, band_limit, bursts, clip, degraded, packet_loss

NAMES = sorted(DEGRADATIONS)


def speech(size: int = RATE) -> np.ndarray:
    return voice(size, 150.0) + hiss(size, level=0.02)


def lag(wave: np.ndarray, of: np.ndarray) -> int:
    return int(np.argmax(correlate(wave, of, method="fft"))) - (len(of) - 1)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", NAMES)
def test_length_and_place_are_kept(name: str, seed: int) -> None:
    wave = speech(6 * RATE)
    found = degraded(wave, RATE, [name], seed, "clip")
    assert len(found) == len(wave)
    assert found.dtype == np.float32
    assert np.abs(found).max() <= 1.0
    assert not np.array_equal(found, wave)
    assert lag(found, wave) == 0


@pytest.mark.parametrize("name", NAMES)
def test_draws_follow_from_the_seed_and_the_names(name: str) -> None:
    wave = speech()
    one = degraded(wave, RATE, [name], 3, "a", "fixed")
    np.testing.assert_array_equal(one, degraded(wave, RATE, [name], 3, "a", "fixed"))
    others = [
        degraded(wave, RATE, [name], seed, id_, epoch) for seed, id_, epoch in ((4, "a", 0), (3, "b", 0), (3, "a", 1))
    ]
    assert any(not np.array_equal(one, other) for other in others)


@pytest.mark.parametrize("size", [1, 30, 333, 8001])
@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_any_length_and_rate(size: int, rate: int) -> None:
    for seed in range(3):
        found = degraded(speech(size), rate, NAMES, seed, "clip")
        assert len(found) == size
        assert np.isfinite(found).all()


def test_nothing_chosen_changes_nothing() -> None:
    np.testing.assert_array_equal(degraded(speech(), RATE, [], 0, "clip"), speech())


def test_clipping_cuts_at_a_share_of_the_peak() -> None:
    wave = speech()
    for seed in range(20):
        share = np.abs(clip(wave, RATE, np.random.default_rng(seed))).max() / np.abs(wave).max()
        assert 0.1 <= share <= 0.7


def power_above(wave: np.ndarray, hertz: float) -> float:
    spectrum = np.square(np.abs(np.fft.rfft(wave)))
    return float(spectrum[round(hertz * len(wave) / RATE) :].sum() / spectrum.sum())


def test_a_limited_band_holds_nothing_above_it() -> None:
    found = [power_above(band_limit(hiss(4 * RATE), RATE, np.random.default_rng(seed)), 7600) for seed in range(10)]
    assert max(found) < 0.005 < power_above(hiss(4 * RATE), 7600)


@pytest.mark.parametrize("chosen", CODECS, ids=lambda chosen: chosen.subtype)
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_every_codec_loses_something_but_not_everything(chosen: Codec, share: float) -> None:
    wave = speech(2 * RATE)
    found = coded(wave, chosen, share)[delay(chosen, share) :][: len(wave)]
    assert lag(found, wave[: len(found)]) == 0
    assert 0.5 < np.corrcoef(found, wave[: len(found)])[0, 1] < 0.99999


def test_the_delay_of_a_codec_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(wave: np.ndarray, chosen: Codec, share: float) -> np.ndarray:
        return np.concatenate([np.zeros(123, np.float32), wave])

    monkeypatch.setattr("sefront.core.codecs.CODECS", (Codec("LATE", "LATE", RATE),))
    monkeypatch.setattr("sefront.core.codecs.coded", late)
    np.testing.assert_array_equal(codec(speech(), RATE, np.random.default_rng(0)), speech())


def test_codecs_are_drawn_equally() -> None:
    drawn = {CODECS[np.random.default_rng(seed).integers(len(CODECS))].subtype for seed in range(40)}
    assert drawn == {"OPUS", "MPEG_LAYER_III", "GSM610", "ULAW"}


def test_lost_packets_are_zeros_or_the_one_before() -> None:
    wave, size = speech(10 * RATE), round(0.02 * RATE)
    kinds = set()
    for seed in range(12):
        packets = packet_loss(wave, RATE, np.random.default_rng(seed)).reshape(-1, size)
        lost = np.flatnonzero((packets != wave.reshape(-1, size)).any(axis=1))
        assert 0 < len(lost) < len(packets) / 2
        silent = not packets[lost].any()
        assert silent or all(np.array_equal(packets[i], packets[i - 1]) for i in lost)
        kinds.add(silent)
    assert kinds == {True, False}


@pytest.mark.parametrize(("share", "length"), [(0.05, 1.0), (0.2, 4.0)])
def test_losses_come_as_often_and_as_long_as_asked_for(share: float, length: float) -> None:
    lost = bursts(200_000, share, length, np.random.default_rng(0))
    starts = np.count_nonzero(lost[1:] & ~lost[:-1])
    assert not lost[0]
    assert lost.mean() == pytest.approx(share, rel=0.1)
    assert lost.sum() / starts == pytest.approx(length, rel=0.1)
