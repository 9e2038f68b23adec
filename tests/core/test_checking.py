"""Every fault that is planted in a corpus is found, and nothing else is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import soundfile
from recordings import RATE, TASK, Sound, clip, hiss, voice

from sefront.core.audio import AudioFile
from sefront.core.checking import Report, check
from sefront.core.clips import SPLITS, Card, Clip, Recording, Split, Task
from sefront.core.errors import SefrontError
from sefront.core.traces import TraceFile
from sefront.corpora.an4 import AN4
from sefront.corpora.emodb import EmoDB
from sefront.corpora.esc50 import ESC50
from sefront.corpora.folder import Folder
from sefront.corpora.manifest import Manifest
from sefront.corpora.speech_commands import SpeechCommands

TEXTS = Task("transcription", ("", " ", "a", "b"), "wer")
TRACES = Task("trace", ("arousal", "valence"), "ccc", frame_rate=25.0)
CARD = Card("free", "nobody", "small", "nowhere", ("speaker",))
NAMES = ("odd.wav", "奇怪 的'录音'.wav", 'تسجيل "غريب".wav')


def wave(number: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A voice that no other number has."""
    return voice(1600, 100.0 + 10 * number, seed=number)


def write(path: Path, samples: np.ndarray[Any, Any], rate: int = RATE, subtype: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype=subtype)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A faultless corpus of two classes in three splits, in a folder with a difficult name."""
    folder = tmp_path / "mes données 数据"
    for number in range(12):
        write(folder / SPLITS[number // 4] / TASK.labels[number % 2] / f"{number}.wav", wave(number))
    return folder


def kinds(report: Report) -> list[str]:
    return sorted(finding.kind for finding in report.problems)


def test_a_faultless_corpus(root: Path) -> None:
    report = check(Folder(root))
    assert report.findings == ()
    assert report.clips == 12
    assert report.rates == {RATE: 12}
    assert [(s.split, s.clips, s.labels) for s in report.splits] == [(s, 4, {"high": 2, "low": 2}) for s in SPLITS]
    assert sum(split.seconds for split in report.splits) == pytest.approx(1.2)


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no audio" * 100)


def empty(path: Path) -> None:
    path.touch()


def truncated(path: Path) -> None:
    write(path, wave(99))
    path.write_bytes(path.read_bytes()[:-800])


def without_samples(path: Path) -> None:
    write(path, np.zeros(0, dtype=np.float32))


def not_finite(path: Path) -> None:
    samples = wave(99).copy()
    samples[7] = np.nan
    write(path, samples, subtype="FLOAT")


def silent(path: Path) -> None:
    write(path, np.zeros(1600, dtype=np.float32))


def hardly_a_bit(path: Path) -> None:
    write(path, np.resize([0.0, 1 / 32768], 1600))


def offset(path: Path) -> None:
    write(path, np.full(1600, 0.1))


def clipped(path: Path) -> None:
    write(path, np.clip(20 * wave(99), -1, 1))


def slow(path: Path) -> None:
    write(path, wave(99)[::2], rate=RATE // 2)


PLANTED = [
    (garbage, "damaged", "not readable as audio"),
    (empty, "damaged", "the file is empty (0 bytes)"),
    (truncated, "damaged", "truncated ("),
    (without_samples, "damaged", "has zero length"),
    (not_finite, "damaged", "holds values that are not finite"),
    (silent, "silent", "silent (no sample differs from another)"),
    (hardly_a_bit, "silent", "silent (no sample differs from another)"),
    (offset, "silent", "silent (no sample differs from another)"),
    (clipped, "clipped", "% of the samples are at full scale)"),
    (slow, "rate", "its rate is 8000 Hz, where 12 of 13 have 16000 Hz"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("plant", "kind", "message"), PLANTED, ids=lambda value: getattr(value, "__name__", ""))
def test_one_bad_file(root: Path, plant: Callable[[Path], None], kind: str, message: str, name: str) -> None:
    place = root / "train" / "high" / name
    plant(place)
    report = check(Folder(root))
    (problem,) = report.problems
    assert problem.kind == kind
    assert problem.file == str(place)
    assert str(problem).startswith(f"{place}: ")
    assert message in problem.what
    assert problem.remedy
    assert report.remarks == []


def test_a_truncated_flac(root: Path) -> None:
    place = root / "train" / "high" / "odd.flac"
    write(place, hiss(RATE))
    place.write_bytes(place.read_bytes()[:-8000])
    (problem,) = check(Folder(root)).problems
    assert problem.kind == "damaged"
    assert problem.file == str(place)


@pytest.mark.parametrize(
    ("copy", "kind", "message"),
    [
        ("train/high/copy.flac", "duplicate", "the same samples as {original}"),
        ("train/low/copy.flac", "contradiction", "but the labels are 'high' and 'low'"),
        ("test/high/copy.flac", "leak", "but one is in train and one in test"),
    ],
)
def test_the_same_samples_under_two_names(root: Path, copy: str, kind: str, message: str) -> None:
    original = root / "train/high/0.wav"
    samples, rate = soundfile.read(original, dtype="int16")
    write(root / copy, samples, rate)
    (problem,) = check(Folder(root)).problems
    assert problem.kind == kind
    assert problem.file == str(root / copy)
    assert str(original) in problem.what
    assert message.format(original=original) in problem.what


def test_all_at_once_each_once(root: Path) -> None:
    for number, (plant, _, _) in enumerate(PLANTED):
        plant(root / "train" / "low" / f"planted {number}.wav")
    write(root / "valid" / "low" / "clean.wav", wave(50))
    shutil.copy(root / "valid" / "low" / "clean.wav", root / "test" / "low" / "copy.wav")
    shutil.copy(root / "train" / "high" / "0.wav", root / "train" / "high" / "copy.wav")
    wanted = sorted([*(kind for _, kind, _ in PLANTED), "leak", "duplicate"])
    for threads in (1, 4):
        report = check(Folder(root), threads=threads)
        assert kinds(report) == wanted
        assert len({problem.file for problem in report.problems}) == len(wanted)


def test_a_few_samples_at_full_scale_are_no_fault(root: Path) -> None:
    samples = wave(99).copy()
    samples[100:109] = 1.0
    write(root / "train" / "high" / "odd.wav", samples)
    assert check(Folder(root)).findings == ()


def test_full_scale_of_8_bits(root: Path) -> None:
    write(root / "train" / "high" / "odd.wav", np.clip(20 * wave(99), -0.9, 1), subtype="PCM_U8")
    (problem,) = check(Folder(root)).problems
    assert problem.kind == "clipped"


def test_higher_rates_and_equal_parts_are_no_fault(root: Path) -> None:
    write(root / "train" / "high" / "odd.wav", voice(4800, 555.0, rate=48000), rate=48000)
    report = check(Folder(root))
    assert report.findings == ()
    assert report.rates == {RATE: 12, 48000: 1}
    for number in range(11):
        write(root / "train" / "high" / f"odd {number}.wav", voice(4800, 600.0 + number, rate=48000), rate=48000)
    assert check(Folder(root)).findings == ()


def test_parts_of_one_file(tmp_path: Path) -> None:
    write(tmp_path / "long.wav", hiss(RATE))
    rows = ["id,path,start,end,split", "a,long.wav,0,0.3,train", "b,long.wav,0.3,0.6,train", "c,long.wav,0,0.3,train"]
    table = tmp_path / "table.csv"
    table.write_text("\n".join([*rows, "d,long.wav,2,3,train", "e,long.wav,0.6,0.9,test", ""]), encoding="utf-8")
    report = check(Manifest(table))
    place = tmp_path / "long.wav"
    assert [problem.what for problem in report.problems if problem.kind != "leak"] == [
        f"{place}: clip d has zero length",
        f"{place}, clip c: the same samples as {place}, clip a",
    ]
    assert [problem.what for problem in report.problems if problem.kind == "leak"] == [
        f"recording {place} is in train and test"
    ]


@dataclass
class Held:
    """A corpus of clips in memory."""

    splits: dict[Split, Sequence[Clip]]
    its_task: Task | None = TASK
    its_card: Card = CARD
    own: tuple[str, ...] = ()

    def role(self) -> Literal["speech"]:
        return "speech"

    def task(self) -> Task | None:
        return self.its_task

    def clips(self, split: Split) -> Sequence[Clip]:
        return self.splits.get(split, ())

    def problems(self) -> list[str]:
        return list(self.own)

    def card(self) -> Card:
        return self.its_card


def said(report: Report) -> list[str]:
    return [str(problem) for problem in report.problems]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (
            Sound(wave(2)[:1500], "short"),
            "a: lasts 0.1000 s, but its clean reference 0.0938 s; "
            "take the reference of this recording, or leave it out",
        ),
        (AudioFile(Path("gone.wav")), "gone.wav: no such file; copy it again, or leave it out"),
    ],
)
def test_references_that_do_not_belong(reference: Recording, message: str) -> None:
    clips = [replace(clip(name, wave(number), "high"), recorded=True) for number, name in enumerate("ab")]
    sound = replace(clips[1], reference=Sound(wave(7), "whole"))
    assert said(check(Held({"train": [replace(clips[0], reference=reference), sound]}))) == [message]


def test_labels_that_the_task_has_not() -> None:
    clips = [clip("a", wave(1), "high"), clip("b", wave(2), "hihg"), clip("c", wave(3)), clip("d", wave(4), "low")]
    assert said(check(Held({"train": clips}))) == [
        "b: label 'hihg' is not one of the task's 2; did you mean 'high'?; mend the label, or leave it out",
        "c: has no label; mend the label, or leave it out",
    ]
    assert said(check(Held({"train": clips}, None))) == []


def test_transcripts() -> None:
    texts = ["ab ba", "ABBA", "", "  ", "abç 1a"]
    clips = [clip(str(i), wave(i), text) for i, text in enumerate(texts)]
    report = check(Held({"train": clips}, TEXTS))
    assert said(report) == [
        "2: its transcript is empty; write it down, or leave it out",
        "3: its transcript is empty; write it down, or leave it out",
        "4: its transcript holds '1' 'ç', which the alphabet lacks; spell it out, or leave it out",
    ]
    assert report.splits[0].labels == {}


def test_traces(tmp_path: Path) -> None:
    good, bad, absent = tmp_path / "good.csv", tmp_path / "bad.csv", tmp_path / "absent.csv"
    good.write_text("0.1,0.2\n0.3,0.4\n")
    bad.write_text("0.1,0.2\n0.3,what\n")
    clips = [
        replace(clip(path.stem, wave(i)), target=TraceFile(path, TRACES.labels))
        for i, path in enumerate((good, bad, absent))
    ]
    report = check(Held({"train": [*clips, clip("none", wave(9))]}, TRACES, own=(f"{absent}: no such file",)))
    assert kinds(report) == ["trace"] * 3
    assert said(report)[0].startswith(f"{bad}, line 2: expected a number each")
    assert said(report)[1:] == [f"{absent}: no such file", "none: has no trace"]


def test_traces_that_are_of_another_length_than_their_audio(tmp_path: Path) -> None:
    """Labels may end a second before or after the audio, which lasts for 2 s."""
    clips = []
    for frames in (25, 24, 75, 76):
        (tmp_path / f"{frames}.csv").write_text("0.1,0.2\n" * frames)
        traced = TraceFile(tmp_path / f"{frames}.csv", TRACES.labels)
        clips.append(replace(clip(str(frames), voice(2 * RATE, 100.0, seed=frames)), target=traced))
    report = check(Held({"train": clips}, TRACES))
    assert kinds(report) == ["trace"] * 2
    assert said(report) == [
        "24: its trace lasts 0.96 s at 25 Hz, but its audio 2.00 s; check rate and labels, or leave it out",
        "76: its trace lasts 3.04 s at 25 Hz, but its audio 2.00 s; check rate and labels, or leave it out",
    ]


def by(speaker: str, name: str, number: int) -> Clip:
    return replace(clip(name, wave(number), "high"), speaker=speaker)


def test_speakers_that_splits_share() -> None:
    splits: dict[Split, Sequence[Clip]] = {"train": [by("ann", "a", 1), by("bob", "b", 2)], "test": [by("ann", "c", 3)]}
    line = "speaker ann is in train and test; give it to one split"
    assert said(check(Held(splits))) == [line]
    assert said(check(Held(splits, own=("speaker ann is in train and test",)))) == [line]
    assert said(check(Held(splits, its_card=replace(CARD, apart=("recording",))))) == []


def test_one_recording_of_two_speakers() -> None:
    report = check(Held({"train": [by("ann", "a", 1), by("bob", "b", 1)]}))
    assert said(report) == ["b: the same samples as a, but the speakers are 'ann' and 'bob'; keep the true one"]


def test_counts_against_the_card() -> None:
    clips = [clip("a", wave(1), "high"), clip("b", wave(2), "low")]
    card = replace(CARD, clips=3)
    report = check(Held({"train": clips}, its_card=card))
    assert report.problems == []
    assert [str(remark) for remark in report.remarks] == ["2 of 3 clips are there"]
    assert check(Held({"train": clips}, its_card=replace(card, clips=2))).findings == ()
    assert said(check(Held({"train": clips}, its_card=replace(card, clips=1)))) == [
        "2 clips are there, but 1 were published; find what else lies among them"
    ]


def test_faults_of_the_published_audio_are_remarks() -> None:
    clips = [by("ann", "a", 1), by("ann", "b", 1), by("ann", "c", 2)]
    card = replace(CARD, known=("duplicate",))
    report = check(Held({"train": clips, "test": [by("bob", "d", 2)]}, its_card=card))
    assert kinds(report) == ["leak"]
    assert [str(remark) for remark in report.remarks] == ["b: the same samples as a; keep one"]


class Noisy(Held):
    """It has noise of its own."""

    noise: dict[Split, Sequence[Clip]]

    def noise_clips(self, split: Split) -> Sequence[Clip]:
        return self.noise.get(split, ())


def test_noise_is_checked_as_well() -> None:
    corpus = Noisy({"train": [clip("a", wave(1), "high")]})
    corpus.noise = {
        "train": [clip("hum", hiss(800), "hum"), clip("quiet", np.zeros(800, np.float32), "hum")],
        "test": [clip("buzz", hiss(800), "buzz")],
    }
    report = check(corpus)
    assert said(report) == [
        "quiet: silent (no sample differs from another); leave it out",
        "buzz: the same samples as hum, but one is in noise of train and one in noise of test; keep one",
    ]
    assert [(s.split, s.clips) for s in report.splits] == [("train", 1), ("noise of train", 2), ("noise of test", 1)]
    assert report.clips == 1


def test_noise_that_was_not_copied_is_a_remark(tmp_path: Path) -> None:
    for number in range(12):
        write(tmp_path / "yes" / f"{number:08x}_nohash_0.wav", wave(number))
    report = check(SpeechCommands(tmp_path))
    assert [remark.kind for remark in report.remarks] == ["count", "noise"]
    assert report.problems == []


def test_clips_that_are_noise_too_are_read_once() -> None:
    corpus = Noisy({"train": [clip("a", wave(1), "high")]})
    corpus.noise = {"train": [replace(corpus.splits["train"][0], target="hum")]}
    assert check(corpus).findings == ()
    sound = corpus.splits["train"][0].audio
    assert isinstance(sound, Sound)
    assert sound.reads == 1


def test_who_watches_sees_every_clip(root: Path) -> None:
    class Counter:
        total = done = 0

        def start(self, what: str, total: int) -> None:
            self.total = total

        def advance(self) -> None:
            self.done += 1

        def note(self, text: str) -> None: ...

        def record(self, values: Any) -> None: ...

    watcher = Counter()
    check(Folder(root), watcher)
    assert (watcher.total, watcher.done) == (12, 12)


def test_planted_faults_in_real_speech(real_data: Path, tmp_path: Path) -> None:
    wav = tmp_path / "wav"
    wav.mkdir()
    files = sorted((real_data / "emodb" / "wav").glob("1[0-4]a01*.flac"))
    for path in files:
        shutil.copy(path, wav)
    assert check(EmoDB(tmp_path)).problems == []
    copy, cut = wav / f"10a07{files[0].stem[5:]}.flac", wav / files[1].name
    shutil.copy(files[0], copy)
    whole = cut.read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    found = {problem.file: problem.kind for problem in check(EmoDB(tmp_path)).problems}
    assert found == {str(copy): "duplicate", str(cut): "damaged"}


REAL: dict[str, tuple[Callable[[Path], Any], set[str]]] = {
    "emodb": (EmoDB, {"count"}),
    "speech_commands": (SpeechCommands, {"count", "noise", "clipped", "duplicate"}),
    "an4": (AN4, {"count"}),
    "esc50": (ESC50, {"count", "clipped"}),
    "noise/train": (Folder, set()),
    "noise/test": (Folder, set()),
}


@pytest.mark.parametrize("name", REAL)
def test_real_corpora_can_be_trusted(real_data: Path, name: str) -> None:
    corpus, remarks = REAL[name]
    report = check(corpus(real_data / name))
    assert report.problems == []
    assert {remark.kind for remark in report.remarks} == remarks
    assert report.rates == {RATE: report.clips}


def test_a_corpus_that_cannot_be_opened_is_no_finding(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match="no such folder"):
        check(EmoDB(tmp_path))
