from __future__ import annotations

import math

import numpy as np
import pystoi
import pytest

from sefront.metrics.stoi import STOI

RNG = np.random.default_rng(0)
SPEECH = RNG.standard_normal(32000) * np.repeat(RNG.random(40), 800)  # noise with the rhythm of syllables
NOISE = RNG.standard_normal(32000) * np.repeat(RNG.random(20) > 0.5, 1600)  # modulated noise


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("rate", [8000, 10000, 16000, 44100])
def test_equals_pystoi(extended: bool, rate: int) -> None:
    noisy = SPEECH + NOISE
    value = STOI(extended=extended)(SPEECH, noisy, sample_rate=rate)
    assert value == pytest.approx(pystoi.stoi(SPEECH, noisy, rate, extended=extended), abs=1e-9)


def test_estoi_is_not_stoi() -> None:
    plain, extended = (STOI(extended=e)(SPEECH, SPEECH + NOISE, sample_rate=16000) for e in (False, True))
    assert abs(plain - extended) > 0.02


@pytest.mark.parametrize("extended", [False, True])
def test_identity_gives_the_best_bound(extended: bool) -> None:
    metric = STOI(extended=extended)
    assert metric(SPEECH, SPEECH, sample_rate=16000) == pytest.approx(metric.card().bounds[1], abs=1e-6)


@pytest.mark.parametrize("extended", [False, True])
def test_falls_with_noise(extended: bool) -> None:
    noise = RNG.standard_normal(32000)
    values = [STOI(extended=extended)(SPEECH, SPEECH + g * noise, sample_rate=16000) for g in (0.1, 0.5, 2.0)]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("samples", [*range(6000, 7200, 100), 1, 256, 257, 410, 0])
def test_is_not_defined_where_pystoi_gives_up(samples: int) -> None:
    value = STOI()(SPEECH[:samples], SPEECH[:samples], sample_rate=16000)
    assert math.isnan(value) == (samples < 6600)  # where pystoi warns that fewer than 30 frames are left


def test_too_little_speech_between_silence_is_not_defined() -> None:
    mostly_silent = np.concatenate([SPEECH[:4000], np.zeros(28000)])
    with pytest.warns(RuntimeWarning, match="Not enough STFT frames"):
        assert pystoi.stoi(mostly_silent, mostly_silent, 16000) == 1e-5
    assert math.isnan(STOI()(mostly_silent, mostly_silent, sample_rate=16000))


@pytest.mark.parametrize("extended", [False, True])
def test_silence_and_values_not_finite(extended: bool) -> None:
    metric = STOI(extended=extended)
    assert math.isnan(metric(np.zeros(32000), SPEECH, sample_rate=16000))
    assert math.isnan(metric(SPEECH, np.full(32000, np.nan), sample_rate=16000))
    assert metric(SPEECH, np.zeros(32000), sample_rate=16000) == 0.0


def test_estoi_of_a_muted_part_repeats_and_leaves_numpys_generator_alone() -> None:
    muted = SPEECH + NOISE
    muted[8000:20000] = 0.0
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    values = {STOI(extended=True)(SPEECH, muted, sample_rate=16000) for _ in range(3)}
    assert len(values) == 1
    assert (np.random.get_state()[1] == before).all()


def test_refuses_waves_of_different_length() -> None:
    with pytest.raises(ValueError, match="waves of one length"):
        STOI()(SPEECH, SPEECH[1:], sample_rate=16000)
