"""Leaks: speakers, recordings and noise on both sides, by name, by file and by samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import RATE, clip, hiss, voice

from sefront.core import leaks
from sefront.core.audio import AudioFile
from sefront.core.clips import Clip
from sefront.core.errors import SefrontError
from sefront.core.fingerprints import GLIMPSE, fingerprint, glimpse, peek, ticks
from sefront.core.leaks import REMEDIES, Breach, Pair, Side, breaches, check


def written(path: Path, samples: np.ndarray, rate: int = RATE) -> AudioFile:
    soundfile.write(path, samples, rate)
    return AudioFile(path)


def side(name: str, *clips: Clip, corpus: str | None = "here") -> Side:
    return Side(name, clips, corpus)


def found(one: Sequence[Clip], other: Sequence[Clip], **how: bool) -> list[Breach]:
    return list(breaches([Pair(side("train", *one), side("test", *other), **how)]))


@pytest.fixture
def voices(tmp_path: Path) -> list[AudioFile]:
    """Two files of one length, and one that is longer."""
    sounds = [voice(RATE, 200, seed=1), voice(RATE, 300, seed=2), voice(RATE + 1, 200, seed=1)]
    return [written(tmp_path / f"{number}.wav", samples) for number, samples in enumerate(sounds)]


def test_nothing_is_shared(voices: list[AudioFile]) -> None:
    one, other, longer = (Clip(f"c{i}", audio, "x", f"s{i}") for i, audio in enumerate(voices))
    assert found([one], [other, longer]) == []


def test_a_speaker_on_both_sides(voices: list[AudioFile]) -> None:
    one, other = Clip("a", voices[0], "x", "14"), Clip("b", voices[1], "x", "14")
    assert found([one], [other]) == [Breach("speaker", ("train", "test"), ("14",))]
    assert found([one], [other], speakers=False) == []
    elsewhere = list(breaches([Pair(side("train", one), side("test", other, corpus="there"))]))
    assert elsewhere == []  # the 14 of another corpus is somebody else


def test_speakers_of_noise_are_those_of_its_type(voices: list[AudioFile]) -> None:
    one, other = Clip("a", voices[0], "an4", "fash"), Clip("b", voices[1], "an4", "fash")
    talk = [side(name, each, corpus=None) for name, each in (("training noise", one), ("test noise", other))]
    assert [breach.what for breach in breaches([Pair(*talk, what="noise recording")])] == ["speaker"]
    test = side("test", other, corpus="an4")
    assert [breach.names for breach in breaches([Pair(talk[0], test)])] == [("fash",)]


def test_a_recording_on_both_sides_by_file(voices: list[AudioFile]) -> None:
    path = voices[0].path
    halves = [Clip(f"{i}", AudioFile(path, i / 2, (i + 1) / 2)) for i in range(2)]
    assert found(halves[:1], halves[1:]) == [Breach("recording", ("train", "test"), (str(path),))]
    cut = [Clip(f"{i}", audio, recording="source 7") for i, audio in enumerate(voices[:2])]
    assert found(cut[:1], cut[1:]) == [Breach("recording", ("train", "test"), ("source 7",))]


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
@pytest.mark.parametrize("many", [False, True])
def test_the_same_samples_under_another_name(
    voices: list[AudioFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, many: bool
) -> None:
    copy = written(tmp_path / f"copy{suffix}", soundfile.read(voices[0].path)[0])
    monkeypatch.setattr(leaks, "MANY", 0 if many else 20_000)
    breach = found([Clip("a", voices[0]), Clip("b", voices[1])], [Clip("c", copy)])
    same = [Breach("recording", ("train", "test"), (f"{voices[0].path} = {copy.path}",))]
    assert breach == ([] if many and suffix == ".flac" else same)  # of many, copies in another format are not heard


def test_a_part_of_a_file_that_is_a_file_elsewhere(voices: list[AudioFile], tmp_path: Path) -> None:
    samples, rate = soundfile.read(voices[0].path)
    copy = written(tmp_path / "part.wav", samples[rate // 4 : rate // 2])
    assert len(found([Clip("a", AudioFile(voices[0].path, 0.25, 0.5))], [Clip("b", copy)])) == 1


def test_the_same_in_the_middle_alone_is_not_the_same(tmp_path: Path) -> None:
    one = voice(3 * GLIMPSE, 200)
    other = one.copy()
    other[:9] += 0.1
    files = [written(tmp_path / f"{i}.wav", samples) for i, samples in enumerate((one, other))]
    assert glimpse(files[0]) == glimpse(files[1])
    assert found([Clip("a", files[0])], [Clip("b", files[1])]) == []


def test_silence_is_all_the_same_and_no_leak(tmp_path: Path) -> None:
    files = [written(tmp_path / f"{i}.wav", np.zeros(RATE, np.float32)) for i in range(2)]
    assert found([Clip("a", files[0])], [Clip("b", files[1])]) == []
    assert fingerprint(files[0]) == b""


def test_a_silent_middle_is_told_apart_by_the_rest(tmp_path: Path) -> None:
    sounds = [voice(3 * GLIMPSE, pitch) for pitch in (200, 300)]
    for samples in sounds:
        samples[GLIMPSE // 2 : -GLIMPSE // 2] = 0
    files = [written(tmp_path / f"{i}.wav", samples) for i, samples in enumerate(sounds)]
    assert fingerprint(files[0]) != fingerprint(files[1])
    assert found([Clip("a", files[0])], [Clip("b", files[1])]) == []


def test_damaged_and_synthetic_recordings_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no audio")
    broken = AudioFile(tmp_path / "text.wav")
    assert (glimpse(broken), fingerprint(broken), peek(AudioFile(tmp_path / "gone.wav"))) == (b"", b"", b"")
    synthetic = clip("a", hiss(1600)), clip("a", hiss(1600))
    assert found(synthetic[:1], synthetic[1:]) == []


def test_only_files_of_equal_length_are_opened(voices: list[AudioFile], monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[AudioFile] = []
    monkeypatch.setattr(leaks, "glimpse", lambda audio: opened.append(audio) or bytes(str(audio), "utf-8"))
    clips = [Clip(f"c{i}", audio) for i, audio in enumerate(voices)]
    sides = side("train", clips[0]), side("valid", clips[2]), side("test", clips[1])
    assert list(breaches([Pair(sides[0], sides[1]), Pair(sides[0], sides[2]), Pair(sides[1], sides[2])])) == []
    assert opened == [voices[0], voices[1]]


def test_a_fingerprint_knows_length_and_samples(voices: list[AudioFile], tmp_path: Path) -> None:
    flac = written(tmp_path / "copy.flac", soundfile.read(voices[0].path)[0])
    assert fingerprint(flac) == fingerprint(voices[0])
    assert len({fingerprint(audio) for audio in voices} | {fingerprint(flac)}) == 3
    assert {len(fingerprint(audio)) for audio in voices} == {8}


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
def test_lengths_are_rounded_alike(rate: int) -> None:
    counts = range(rate, rate + 300)
    assert [ticks(n / rate + 3.0 - 3.0) for n in counts] == [ticks(n / rate) for n in counts]
    assert len({ticks(n / rate) for n in counts}) == 300


def test_what_is_said() -> None:
    one = Breach("speaker", ("train", "test"), ("14",))
    several = Breach("noise recording", ("training noise", "test noise"), ("a", "b", "c", "d"))
    assert str(one) == "speaker 14 is in both train and test"
    assert str(several) == "4 noise recordings are in both training noise and test noise (a, b, c, ...)"
    assert several.as_dict() == {
        "what": "noise recording", "sides": ["training noise", "test noise"], "names": ["a", "b", "c", "d"]
    }  # fmt: skip


def test_what_is_refused() -> None:
    one = Breach("speaker", ("train", "test"), ("14",))
    assert check([], False) == ""
    assert check([one], True) == "leak allowed: speaker 14 is in both train and test"
    with pytest.raises(
        SefrontError,
        match=r"^speaker 14 is in both train and test: give each speaker to one split, or go on with --allow-leak$",
    ):
        check([one], False)
    assert set(REMEDIES) == {"speaker", "recording", "noise recording"}
