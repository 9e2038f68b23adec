"""Continuous speech of the toy corpus: slow traces that can be heard, whoever speaks."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from sefront.core.clips import SPLITS, Clip, Tracing
from sefront.core.kinds import kind_of
from sefront.corpora.toy import Toy

RATE, STEP = 16000, 640
CORPUS = Toy(task="affect")
CLIPS = [*CORPUS.clips("valid"), CORPUS.clips("test")[0]]
names = pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.id)
Track = NDArray[np.float64]


@cache
def sound(clip: Clip) -> NDArray[np.float32]:
    return clip.audio.read(RATE)


def trace(clip: Clip) -> NDArray[np.float32]:
    assert isinstance(clip.target, Tracing)
    return clip.target.values()


@cache
def spectra(clip: Clip) -> Track:
    """Power of frames of 40 ms, (frames, bins), one for each frame of the trace but the last."""
    samples = sound(clip)[: (len(trace(clip)) - 1) * STEP].astype(float).reshape(-1, STEP)
    return np.asarray(np.abs(np.fft.rfft(samples * np.hanning(STEP), 2048)) ** 2) + 1e-12


def pitch(clip: Clip) -> Track:
    lags: Track = np.asarray(np.fft.irfft(spectra(clip)))
    return np.asarray(RATE / (lags[:, RATE // 450 : RATE // 70].argmax(axis=1) + RATE // 450))


def alike(one: Track, other: NDArray[np.float32]) -> float:
    return float(np.asarray(np.corrcoef(one, other))[0, 1])


def follows(clip: Clip, track: Track, dimension: int) -> float:
    """Correlation of a trace with the mean of `track` over the loud frames of about two seconds."""
    power = spectra(clip).sum(axis=1)
    loud, window = (power > 0.1 * power.mean()).astype(float), np.hanning(53)
    slow = np.convolve(loud * track, window, "same") / np.maximum(np.convolve(loud, window, "same"), 1e-9)
    return alike(slow, trace(clip)[:-1, dimension])


def test_task() -> None:
    task = CORPUS.task()
    assert (task.kind, task.labels, task.metric, task.frame_rate) == ("trace", ("arousal", "valence"), "ccc", 25.0)
    assert (CORPUS.role(), CORPUS.card().apart) == ("speech", ("speaker",))


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
def test_a_trace_has_a_frame_per_step_begun(rate: int) -> None:
    clip = Toy(task="affect", seconds=6.0).clips("valid")[0]
    assert trace(clip).shape == (int(clip.audio.duration() * 25) + 1, 2)
    assert len(clip.audio.read(rate)) // round(0.04 * rate) + 1 == len(trace(clip))


def test_traces_are_smooth_and_stay_in_bounds() -> None:
    for clip in (clip for split in SPLITS for clip in CORPUS.clips(split)):
        values = trace(clip)
        assert values.dtype == np.float32
        assert np.abs(values).max() <= 1.0
        assert np.abs(np.diff(values, axis=0)).max() < 0.15
        assert (values.max(axis=0) - values.min(axis=0)).min() > 1.0
        power = np.abs(np.fft.rfft((values - values.mean(axis=0)) * np.hanning(len(values))[:, None], axis=0)) ** 2
        assert power[np.fft.rfftfreq(len(values), 0.04) > 0.8].sum() < 0.01 * power.sum()


def test_arousal_and_valence_have_nothing_to_do_with_each_other() -> None:
    found = [alike(*trace(clip).T) for clip in Toy(task="affect", clips=5).clips("train")]
    assert abs(np.mean(found)) < 0.15


def test_targets_are_encoded_as_they_are() -> None:
    clip = CLIPS[0]
    np.testing.assert_array_equal(kind_of(CORPUS.task()).encoded(clip), trace(clip))
    np.testing.assert_array_equal(trace(clip), trace(Toy(task="affect").clips("valid")[0]))


@names
def test_clips_last_about_twenty_seconds_at_any_level(clip: Clip) -> None:
    assert 16.0 <= clip.audio.duration() <= 24.1
    assert -30.1 <= 10 * np.log10(np.mean(sound(clip).astype(float) ** 2)) <= -17.9
    assert np.abs(sound(clip)).max() <= 0.951


@names
def test_arousal_is_heard_in_pitch_and_loudness(clip: Clip) -> None:
    assert follows(clip, np.log(pitch(clip)), 0) > 0.4
    assert follows(clip, np.log(spectra(clip).sum(axis=1)), 0) > 0.6


def bands(clip: Clip) -> Track:
    """Log energies of 23 bands over about two seconds, standardised over the clip, (frames, bands)."""
    edges = np.geomspace(8, 1024, 24).astype(int)
    energies = np.log(np.add.reduceat(spectra(clip), edges, axis=1)[:, :-1])
    window = np.hanning(53)
    slow = np.stack([np.convolve(band, window / window.sum(), "same") for band in energies.T], axis=1)
    return np.asarray((slow - slow.mean(axis=0)) / slow.std(axis=0))


def test_both_are_learnt_from_the_spectra_of_other_voices() -> None:
    taught = CORPUS.clips("train")[:6]
    model = Ridge(100.0).fit(
        np.concatenate([bands(clip) for clip in taught]), np.concatenate([trace(clip)[:-1] for clip in taught])
    )
    found = []
    for clip in CLIPS:
        guess = model.predict(bands(clip))
        found.append([alike(guess[:, i], trace(clip)[:-1, i]) for i in (0, 1)])
    arousal, valence = np.mean(found, axis=0)
    assert arousal > 0.75
    assert valence > 0.5


def test_voices_have_a_pitch_of_their_own() -> None:
    habitual = [float(np.median(pitch(clip))) for clip in CLIPS]
    assert max(habitual) > 1.4 * min(habitual)


def test_clips_are_as_long_as_asked_for() -> None:
    seconds = [clip.audio.duration() for clip in Toy(task="affect", seconds=10.0).clips("train")]
    assert 8.0 <= min(seconds) < max(seconds) <= 12.1
