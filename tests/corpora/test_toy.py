"""The toy corpus: what it promises to its users, and that its speech is speech to STOI and PESQ."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from pesq import pesq
from pystoi import stoi
from scipy.signal import find_peaks, welch

from sefront.core.clips import SPLITS, Clip, Split
from sefront.core.randomness import stream
from sefront.corpora.toy import Toy

RATE = 16000
TASKS = ("emotion", "commands")  # of classes that voices say
EVERY = (*TASKS, "sentences", "scenes", "affect")
NOISES = ("white", "pink", "babble", "hum", "bursts")
OTHERS = [("train", "valid"), ("train", "test"), ("valid", "test")]
FINGERPRINT = """
import hashlib
from sefront.corpora.toy import Toy
toy = Toy(seed=3)
clips = [*toy.clips("test")[:2], toy.noise_clips("test")[0], toy.noise_clips("test")[16]]
print(hashlib.sha256(b"".join(clip.audio.read(16000).tobytes() for clip in clips)).hexdigest())
"""


@cache
def toy(task: str = "emotion") -> Toy:
    return Toy(task=task)  # type: ignore[arg-type]


@cache
def sound(clip: Clip) -> NDArray[np.float32]:
    return clip.audio.read(RATE)


def sample(task: str, split: Split = "test", count: int = 8) -> list[Clip]:
    clips = toy(task).clips(split)
    return [clips[i] for i in np.linspace(0, len(clips) - 1, count).astype(int)]


def noise(kind: str, number: int = 0) -> Clip:
    return [clip for clip in toy().noise_clips("test") if clip.target == kind][number]


def mixed(clip: Clip, kind: str, snr: float) -> NDArray[np.float32]:
    speech, other = sound(clip), sound(noise(kind))
    first = int(stream(0, clip.id, kind).integers(len(other) - len(speech)))
    other = other[first : first + len(speech)]
    gain = np.sqrt(np.mean(speech**2) / np.mean(other**2) / 10 ** (snr / 10))
    return (speech + gain * other).astype(np.float32)


def levels(values: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.mean(values.astype(np.float64) ** 2)))


# Determinism


@pytest.mark.parametrize("task", EVERY)
def test_two_builds_give_the_same_samples(task: str) -> None:
    clip, twin = (Toy(task=task, seed=5, seconds=6.0).clips("train")[7] for _ in range(2))  # type: ignore[arg-type]
    assert clip == twin
    np.testing.assert_array_equal(clip.audio.read(RATE), twin.audio.read(RATE))


def test_a_fresh_process_gives_the_same_bytes() -> None:
    fresh = subprocess.run([sys.executable, "-c", FINGERPRINT], capture_output=True, text=True, check=True)
    corpus = Toy(seed=3)
    clips = [*corpus.clips("test")[:2], corpus.noise_clips("test")[0], corpus.noise_clips("test")[16]]
    here = hashlib.sha256(b"".join(clip.audio.read(RATE).tobytes() for clip in clips)).hexdigest()
    assert fresh.stdout.strip() == here


def test_another_seed_gives_other_samples() -> None:
    one, other = Toy(seed=0).clips("test")[0], Toy(seed=1).clips("test")[0]
    assert one.id == other.id
    assert not np.array_equal(one.audio.read(RATE)[:8000], other.audio.read(RATE)[:8000])


def test_a_smaller_corpus_holds_the_same_clips() -> None:
    small = Toy(speakers=3, clips=4).clips("train")
    assert set(small) <= set(toy().clips("train"))


# Clips and splits


@pytest.mark.parametrize("task", EVERY)
def test_ids_are_unique(task: str) -> None:
    ids = [clip.id for split in SPLITS for clip in [*toy(task).clips(split), *toy(task).noise_clips(split)]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("task", [*TASKS, "sentences", "affect"])
@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_splits_share_no_speaker_and_no_voice(task: str, one: Split, other: Split) -> None:
    first, second = toy(task).clips(one), toy(task).clips(other)
    assert {clip.speaker for clip in first}.isdisjoint(clip.speaker for clip in second)
    assert {clip.audio.voice for clip in first}.isdisjoint(clip.audio.voice for clip in second)  # type: ignore[attr-defined]


@pytest.mark.parametrize("split", SPLITS)
def test_babble_is_spoken_by_others(split: Split) -> None:
    talkers = {voice for clip in toy().noise_clips(split) for voice in clip.audio.voices}  # type: ignore[attr-defined]
    assert talkers
    assert talkers.isdisjoint(clip.audio.voice for clip in toy().clips(split))  # type: ignore[attr-defined]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("task", TASKS)
def test_every_speaker_says_every_class_equally_often(task: str, split: Split) -> None:
    clips = toy(task).clips(split)
    counts = Counter((clip.speaker, clip.target) for clip in clips)
    assert len(counts) == len({clip.speaker for clip in clips}) * len(toy(task).task().labels)
    assert len(set(counts.values())) == 1


@pytest.mark.parametrize("task", TASKS)
def test_targets_are_labels(task: str) -> None:
    assert {clip.target for clip in toy(task).clips("train")} == set(toy(task).task().labels)


@pytest.mark.parametrize(("task", "metric"), [("emotion", "uar"), ("commands", "accuracy")])
def test_task(task: str, metric: str) -> None:
    corpus = toy(task)
    assert (corpus.task().kind, corpus.task().metric, corpus.role()) == ("classification", metric, "speech")
    assert corpus.problems() == []
    assert corpus.card().licence
    assert "10.1121" in corpus.card().citation


@pytest.mark.parametrize(("split", "count"), [("train", 240), ("valid", 60), ("test", 100)])
@pytest.mark.parametrize("task", TASKS)
def test_default_sizes(task: str, split: Split, count: int) -> None:
    assert len(toy(task).clips(split)) == count
    assert Counter(clip.target for clip in toy(task).noise_clips(split)) == dict.fromkeys(NOISES, 8)


@pytest.mark.parametrize(
    ("task", "sizes", "what"),
    [
        ("sentences", [360, 90, 150], "600 sentences of about two seconds by 20 voices"),
        ("scenes", [192, 48, 80], "320 scenes of two to four seconds at 20 places"),
        ("affect", [12, 3, 5], "20 clips of continuous speech by 20 voices"),
    ],
)
def test_each_task_has_a_size_of_its_own(task: str, sizes: list[int], what: str) -> None:
    assert [len(toy(task).clips(split)) for split in SPLITS] == sizes
    assert toy(task).card().size == what
    assert {"frontend", "backend", "joint"} == set(toy(task).epochs)


@pytest.mark.parametrize(("speakers", "sizes"), [(3, [1, 1, 1]), (4, [2, 1, 1]), (10, [6, 2, 2]), (40, [24, 6, 10])])
def test_sizes_follow_the_options(speakers: int, sizes: list[int]) -> None:
    corpus = Toy(speakers=speakers, clips=8, noises=2)
    assert [len(corpus.clips(split)) for split in SPLITS] == [8 * size for size in sizes]
    assert [len(corpus.noise_clips(split)) for split in SPLITS] == [10, 10, 10]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "emotions"}, "task must be 'emotion', 'commands', 'sentences', 'scenes' or 'affect', not 'emotions'"),
        ({"speakers": 2}, r"speakers must be 3 or more \(one per split\), not 2"),
        ({"clips": 6}, r"clips must be a positive multiple of 4 \(the classes\), not 6"),
        ({"clips": 0}, "clips must be a positive multiple of 4"),
        ({"task": "commands", "clips": 12}, "clips must be a positive multiple of 10"),
        ({"task": "scenes", "clips": 12}, "clips must be a positive multiple of 8"),
        ({"task": "sentences", "clips": 0}, "clips must be 1 or more, not 0"),
        ({"task": "affect", "clips": -1}, "clips must be 1 or more, not -1"),
        ({"task": "affect", "seconds": 5.0}, r"seconds must be 6 or more \(affect changes that slowly\), not 5"),
        ({"seconds": float("nan")}, "seconds must be 6 or more"),
        ({"noises": 0}, "noises must be 1 or more, not 0"),
    ],
)
def test_options_are_checked(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Toy(**options)  # type: ignore[arg-type]


# Audio


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
@pytest.mark.parametrize(
    "clip", [*sample("emotion", count=2), *sample("commands", count=2), noise("hum")], ids=lambda clip: clip.id
)
def test_durations_are_exact_at_any_rate(clip: Clip, rate: int) -> None:
    samples = clip.audio.read(rate)
    assert samples.dtype == np.float32
    assert abs(len(samples) - clip.audio.duration() * rate) <= (0 if rate == RATE else 1)


@pytest.mark.parametrize(("task", "shortest", "longest"), [("emotion", 0.8, 1.5), ("commands", 0.6, 1.2)])
def test_clips_last_about_a_second(task: str, shortest: float, longest: float) -> None:
    durations = [clip.audio.duration() for split in SPLITS for clip in toy(task).clips(split)]
    assert shortest <= min(durations)
    assert max(durations) <= longest


@pytest.mark.parametrize(
    "clip", [*sample("emotion", "train"), *sample("commands"), *map(noise, NOISES)], ids=lambda clip: clip.id
)
def test_levels(clip: Clip) -> None:
    samples = sound(clip)
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 0.951
    assert -32.0 <= levels(samples) <= -17.9


@pytest.mark.parametrize("label", ["angry", "happy", "neutral", "sad"])
def test_level_tells_nothing_about_the_emotion(label: str) -> None:
    clips = [clip for clip in toy().clips("train") if clip.target == label][:15]
    values = [levels(sound(clip)) for clip in clips]
    assert abs(np.mean(values) + 24.0) < 3.0
    assert np.std(values) > 1.5


@pytest.mark.parametrize("clip", sample("emotion"), ids=lambda clip: clip.id)
def test_speech_is_framed_by_silence(clip: Clip) -> None:
    samples, edge = sound(clip), round(0.08 * RATE)
    assert levels(samples[:edge]) < levels(samples) - 25.0
    assert levels(samples[-edge:]) < levels(samples) - 25.0


@pytest.mark.parametrize(("low", "high"), [("sad", "happy"), ("sad", "angry"), ("neutral", "happy")])
def test_emotions_differ_in_pitch_of_the_same_voice(low: str, high: str) -> None:
    def pitch(label: str) -> float:
        clips = [clip for clip in toy().clips("train") if clip.target == label and clip.speaker == "train01"]
        return float(np.mean([fundamental(sound(clip)) for clip in clips]))

    assert pitch(low) < pitch(high)


def fundamental(samples: NDArray[np.float32]) -> float:
    """Median over 40-ms frames of the autocorrelation's peak between 70 and 450 Hz."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 640)[::160]
    frames = frames[np.mean(frames**2, axis=1) > 0.3 * np.mean(samples**2)]
    power = np.abs(np.fft.rfft(frames * np.hanning(640), 2048)) ** 2
    lags = np.fft.irfft(power)[:, RATE // 450 : RATE // 70]
    return float(np.median(RATE / (lags.argmax(axis=1) + RATE // 450)))


# The signal metrics


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("clip", [*sample("emotion", count=2), *sample("commands", count=2)], ids=lambda clip: clip.id)
def test_stoi_rises_with_the_snr(clip: Clip, kind: str) -> None:
    values = [stoi(sound(clip), mixed(clip, kind, snr), RATE) for snr in (-5, 5, 20)]
    assert 0.05 < values[0] < values[1] < values[2] < 1.0


@pytest.mark.parametrize("kind", NOISES)
def test_pesq_rises_with_the_snr(kind: str) -> None:
    clips = sample("emotion", count=3)
    values = [np.mean([pesq(RATE, sound(c), mixed(c, kind, snr), "wb") for c in clips]) for snr in (0, 10, 20)]
    assert values[0] < values[1] < values[2]


@pytest.mark.parametrize(
    "clip", [*sample("emotion", count=20), *sample("commands", count=20)], ids=lambda clip: clip.id
)
def test_pesq_finds_an_utterance_and_stoi_enough_frames(clip: Clip) -> None:
    noisy = mixed(clip, "white", 0)
    assert 1.0 <= pesq(RATE, sound(clip), noisy, "wb") <= 4.65
    assert stoi(sound(clip), noisy, RATE) > 0.05


# Noise


def spectrum(kind: str, number: int = 0, length: int = 4096) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    hz, power = welch(sound(noise(kind, number)).astype(np.float64), RATE, nperseg=length)
    return hz, 10 * np.log10(power)


@pytest.mark.parametrize(("kind", "slope"), [("white", 0.0), ("pink", -3.0)])
@pytest.mark.parametrize("number", [0, 5])
def test_slope_of_the_spectrum(kind: str, slope: float, number: int) -> None:
    hz, power = spectrum(kind, number)
    inside = (hz > 60) & (hz < 7500)
    fitted = np.polyfit(np.log2(hz[inside]), power[inside], 1, w=1 / np.sqrt(hz[inside]))[0]
    assert abs(fitted - slope) < 0.3


@pytest.mark.parametrize("number", [0, 3])
def test_hum_has_harmonics_of_the_mains(number: int) -> None:
    hz, power = spectrum("hum", number, RATE)
    peaks, _ = find_peaks(power[:800], prominence=15)
    mains = min((50.0, 60.0), key=lambda mains: float(np.mean(np.abs(peaks / mains - np.round(peaks / mains)))))
    assert len(peaks) >= 8
    assert np.abs(hz[peaks] - mains * np.round(hz[peaks] / mains)).max() <= 5.0


def test_bursts_pause() -> None:
    samples = sound(noise("bursts"))
    frames = np.mean(samples[: len(samples) // 320 * 320].reshape(-1, 320) ** 2, axis=1)
    assert np.quantile(frames, 0.1) < 1e-2 * frames.mean() < np.quantile(frames, 0.9)


def test_babble_has_the_spectrum_of_speech() -> None:
    hz, power = spectrum("babble")
    assert power[(hz > 150) & (hz < 1000)].mean() > power[(hz > 3000) & (hz < 7000)].mean() + 10.0


@pytest.mark.parametrize("kind", NOISES)
def test_noises_last_four_to_five_seconds(kind: str) -> None:
    assert 4.0 <= noise(kind).audio.duration() <= 5.0
    assert len(sound(noise(kind))) == round(noise(kind).audio.duration() * RATE)
