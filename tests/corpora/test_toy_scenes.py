"""Scenes of the toy corpus: told by what is heard and by nothing else, and disturbed by speech."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sefront.core.clips import SPLITS, Clip, Split
from sefront.core.corpora import leaks
from sefront.corpora.toy import Toy
from sefront.corpora.toy.phonemes import LEXICON

RATE = 16000
CORPUS = Toy(task="scenes")
SMALL = Toy(task="scenes", speakers=8, clips=8)
LABELS = CORPUS.task().labels
OTHERS = [("train", "valid"), ("train", "test"), ("valid", "test")]


@cache
def sound(clip: Clip) -> NDArray[np.float32]:
    return clip.audio.read(RATE)


def level(clip: Clip) -> float:
    return float(10 * np.log10(np.mean(sound(clip).astype(float) ** 2)))


def bands(clip: Clip) -> NDArray[np.float64]:
    """Mean and deviation over time of the log energies of 16 bands, less the level."""
    frames = np.lib.stride_tricks.sliding_window_view(sound(clip).astype(float), 512)[::256]
    power = np.abs(np.fft.rfft(frames * np.hanning(512))) ** 2
    edges = np.unique(np.geomspace(1, 257, 17).astype(int))
    energies = np.log(np.add.reduceat(power, edges[:-1], axis=1) + 1e-12)
    return np.concatenate([energies.mean(0) - energies.mean(), energies.std(0)])


def accuracy(features: dict[Split, list[NDArray[np.float64]]]) -> float:
    """How well a linear classifier that learns on train does on test."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=0.1))
    labels = {split: [clip.target for clip in SMALL.clips(split)] for split in features}
    model.fit(features["train"], labels["train"])
    return float(model.score(features["test"], labels["test"]))


def test_task() -> None:
    task = CORPUS.task()
    assert (task.kind, task.metric, task.wanted, CORPUS.role()) == ("classification", "accuracy", "scene", "scene")
    assert len(LABELS) == 8


@pytest.mark.parametrize("split", SPLITS)
def test_every_place_gives_every_scene_equally_often(split: Split) -> None:
    clips = CORPUS.clips(split)
    assert set(Counter((clip.audio.place, clip.target) for clip in clips).values()) == {2}  # type: ignore[attr-defined]
    assert {clip.speaker for clip in clips} == {None}


def test_splits_share_no_recording_and_no_place() -> None:
    assert CORPUS.card().apart == ("recording",)
    splits = {split: tuple(CORPUS.clips(split)) for split in SPLITS}
    assert leaks(splits, lambda clip: clip.id, "recording") == []
    assert leaks(splits, lambda clip: str(clip.audio.place), "place") == []  # type: ignore[attr-defined]


def test_lengths_tell_nothing() -> None:
    for label in LABELS:
        seconds = [clip.audio.duration() for clip in CORPUS.clips("train") if clip.target == label]
        assert 2.0 <= min(seconds) < 2.7
        assert 3.3 < max(seconds) <= 4.0
        assert abs(np.mean(seconds) - 3.0) < 0.4


@pytest.mark.parametrize("label", LABELS)
def test_levels_and_silences_tell_nothing(label: str) -> None:
    clips = [clip for clip in SMALL.clips("train") if clip.target == label]
    assert len(clips) == 5
    for clip in clips:
        samples = sound(clip)
        assert -31.0 <= level(clip) <= -17.9
        assert np.abs(samples).max() <= 0.951
        quietest = np.min(np.mean(samples[: len(samples) // 800 * 800].reshape(-1, 800).astype(float) ** 2, axis=1))
        assert 10 * np.log10(quietest) > level(clip) - 45.0  # the background is never off


def test_a_scene_is_told_by_its_bands_but_not_by_level_and_length() -> None:
    splits: tuple[Split, ...] = ("train", "test")
    shapes = {split: [bands(clip) for clip in SMALL.clips(split)] for split in splits}
    heights = {
        split: [np.array([level(clip), clip.audio.duration()]) for clip in SMALL.clips(split)] for split in splits
    }
    assert accuracy(shapes) > 0.6
    assert accuracy(heights) < 0.4


@pytest.mark.parametrize("split", SPLITS)
def test_speech_intrudes(split: Split) -> None:
    noises = CORPUS.noise_clips(split)
    assert Counter(clip.target for clip in noises) == {"speech": 48}
    assert len({clip.speaker for clip in noises}) == 6
    assert all(set(clip.audio.words) <= set(LEXICON) for clip in noises)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_intruders_speak_in_one_split_only(one: Split, other: Split) -> None:
    first, second = ({clip.audio.voice for clip in CORPUS.noise_clips(split)} for split in (one, other))  # type: ignore[attr-defined]
    assert len(first) == 6
    assert first.isdisjoint(second)


def test_the_number_of_intrusions_follows_the_option() -> None:
    assert len(Toy(task="scenes", noises=2).noise_clips("valid")) == 12
