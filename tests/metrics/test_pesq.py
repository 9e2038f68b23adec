from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pesq
import pytest
import soundfile

from sefront.metrics.pesq import PESQ, score_apart, score_here

RNG = np.random.default_rng(0)
SPEECH = 0.1 * RNG.standard_normal(32000) * np.repeat(RNG.random(20) ** 2, 1600)  # noise with the rhythm of syllables
NOISY = SPEECH + 0.01 * RNG.standard_normal(32000)


@pytest.mark.parametrize(("rate", "band"), [(16000, "wb"), (16000, "nb"), (8000, "nb")])
def test_equals_the_reference_package(rate: int, band: str) -> None:
    assert PESQ(band=band)(SPEECH, NOISY, sample_rate=rate) == pesq.pesq(rate, SPEECH, NOISY, band)


def test_real_speech_loses_quality_with_noise(real_data: Path) -> None:
    speech, rate = soundfile.read(sorted((real_data / "emodb" / "wav").glob("*.flac"))[0])
    noise = RNG.standard_normal(len(speech)) * speech.std()
    values = [PESQ()(speech, speech + gain * noise, sample_rate=rate) for gain in (0.0, 0.03, 0.3)]
    assert values[0] == pytest.approx(PESQ().card().bounds[1], abs=1e-3)
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("band", ["wb", "nb"])
def test_identity_gives_the_best_bound_and_unrelated_noise_stays_above_the_worst(band: str) -> None:
    metric = PESQ(band=band)
    low, high = metric.card().bounds
    assert metric(SPEECH, SPEECH, sample_rate=16000) == pytest.approx(high, abs=1e-3)
    assert low <= metric(SPEECH, RNG.standard_normal(32000), sample_rate=16000) <= high


@pytest.mark.parametrize(
    ("truth", "estimate"),
    [
        (np.zeros(32000), SPEECH),
        (SPEECH, np.zeros(32000)),
        (SPEECH, np.full(32000, np.nan)),
        (SPEECH, np.full(32000, np.inf)),
        (SPEECH[:1000], SPEECH[:1000]),
        (SPEECH[:0], SPEECH[:0]),
    ],
    ids=["silent truth", "silent estimate", "nan", "inf", "too short", "empty"],
)
def test_is_nan_and_never_a_number_where_it_fails(truth: np.ndarray, estimate: np.ndarray) -> None:
    assert math.isnan(PESQ()(truth, estimate, sample_rate=16000))


def test_more_utterances_than_the_itu_code_holds_do_not_crash() -> None:
    many = np.tile(np.concatenate([RNG.standard_normal(4000), np.zeros(4000)]), 75)
    assert isinstance(PESQ()(many, many, sample_rate=16000), float)  # nan where the code dies of it


def test_a_long_recording_scores_as_it_would_here() -> None:
    assert score_apart(SPEECH, NOISY, 16000, "wb") == score_here(SPEECH, NOISY, 16000, "wb")


@pytest.mark.parametrize("rate", [10000, 22050, 48000])
def test_refuses_other_rates(rate: int) -> None:
    with pytest.raises(ValueError, match=f"8000 and 16000 Hz, not at {rate}"):
        PESQ()(SPEECH, SPEECH, sample_rate=rate)


def test_refuses_wide_band_at_8_khz() -> None:
    with pytest.raises(ValueError, match="band='nb'"):
        PESQ()(SPEECH, SPEECH, sample_rate=8000)


def test_refuses_an_unknown_band() -> None:
    with pytest.raises(ValueError, match="'wb' or 'nb'"):
        PESQ(band="swb")  # type: ignore[arg-type]


def test_refuses_waves_of_different_length() -> None:
    with pytest.raises(ValueError, match="waves of one length"):
        PESQ()(SPEECH, SPEECH[1:], sample_rate=16000)


def test_card_warns_of_the_licence() -> None:
    assert "licence" in PESQ().card().citation
