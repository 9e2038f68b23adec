"""Data directories of Kaldi."""

from __future__ import annotations

from pathlib import Path

import pytest

from sefront.core.audio import AudioFile
from sefront.core.clips import SPLITS, Clip, Task
from sefront.core.errors import SefrontError
from sefront.corpora.kaldi import Kaldi


def directory(place: Path, **files: str) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (place / {"wav": "wav.scp"}.get(name, name)).write_text(text, encoding="utf-8")
    return place


def everything(corpus: Kaldi) -> list[Clip]:
    return [clip for split in SPLITS for clip in corpus.clips(split)]


def test_recordings_speakers_and_text(tmp_path: Path) -> None:
    directory(
        tmp_path, wav="u2 audio/b.wav\nu1\taudio/my a.wav\n\n", utt2spk="u1 s1\nu2 s2\n", text="u2 NO\nu1  GO ON\n",
        spk2gender="s1 f\n", utt2uniq="u1 x\n",
    )  # fmt: skip
    corpus = Kaldi(tmp_path, valid=0, test=0)
    assert corpus.clips("train") == (
        Clip("u2", AudioFile(tmp_path / "audio" / "b.wav"), "NO", "s2"),
        Clip("u1", AudioFile(tmp_path / "audio" / "my a.wav"), "GO ON", "s1"),
    )
    assert corpus.task() == Task("transcription", ("", " ", "G", "N", "O"), "wer")
    assert not corpus.splits_of_its_own()


def test_segments(tmp_path: Path) -> None:
    directory(tmp_path, wav="rec 录音 1.wav\n", segments="一 rec 0 1.5\n二 rec 1.5 -1\n")
    corpus = Kaldi(tmp_path)
    assert corpus.task() is None
    path = tmp_path / "录音 1.wav"
    assert everything(corpus) == [Clip("一", AudioFile(path, 0.0, 1.5)), Clip("二", AudioFile(path, 1.5))]


def test_directories_are_splits(tmp_path: Path) -> None:
    for name in ("train", "dev", "test"):
        directory(tmp_path / name, wav=f"{name} {name}.wav\n", utt2lang=f"{name} de\n", text=f"{name} JA\n")
    directory(tmp_path / "local", wav="x x.wav\n")
    corpus = Kaldi(tmp_path, label="utt2lang", metric="accuracy", base=str(tmp_path / "audio"))
    assert [[clip.id for clip in corpus.clips(split)] for split in SPLITS] == [["train"], ["dev"], ["test"]]
    assert corpus.task() == Task("classification", ("de",), "accuracy")
    assert corpus.clips("test")[0].audio == AudioFile(tmp_path / "audio" / "test.wav")
    assert corpus.splits_of_its_own()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"wav": "a sph2pipe -f wav a.sph |\n"}, r"wav\.scp, line 1: recording 'a' is a command \(sph2pipe.*not run"),
        ({"wav": "a a.wav\nb raw.ark:17\n"}, r"wav\.scp, line 2: recording 'b' is an archive; expected the path"),
        ({"wav": "a\n"}, r"wav\.scp, line 1: recording 'a' is no file; expected the path of an audio file"),
        ({"wav": "a a.wav\na b.wav\n"}, r"line 2: 'a' has a line already \(.*wav\.scp, line 1\); a name stands once"),
        ({"wav": "\n"}, r"its wav\.scp holds nothing"),
        ({"wav": "a a.wav\n", "segments": "u b 0 1\n"}, r"segments, line 1: recording 'b' is not in .*wav\.scp"),
        ({"wav": "a a.wav\n", "segments": "u a 0\n"}, r"segments, line 1: expected UTTERANCE RECORDING START END"),
        ({"wav": "a a.wav\n", "segments": "u a 2 1\n"}, r"segments, line 1: goes from 2 to 1 s; expected 0 or later"),
        ({"wav": "a a.wav\n", "segments": "u a nan 1\n"}, r"segments, line 1: goes from nan to 1 s"),
        ({"wav": "a a.wav\n", "text": "b X\n"}, r"text, line 1: utterance 'b' is not in wav\.scp"),
        ({"wav": "a a.wav\nb b.wav\n", "text": "a X\n"}, r"wav\.scp, line 2: utterance 'b' has no transcript"),
        ({"wav": "a a.wav\n", "text": "a\n"}, r"text, line 1: utterance 'a' has no transcript; write it down"),
        ({"wav": "a a.wav\n", "utt2spk": "b s\n"}, r"utt2spk, line 1: utterance 'b' is not in wav\.scp"),
        ({"wav": "a /etc/a.wav\n"}, r"wav\.scp, line 1: /etc/a\.wav lies outside .*--follow-outside"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        Kaldi(directory(tmp_path, **files))


def test_a_command_is_never_run(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match="write its output into a file and name that"):
        Kaldi(directory(tmp_path, wav=f"a touch {tmp_path}/run |\n"))
    assert not (tmp_path / "run").exists()


def test_an_id_in_two_directories(tmp_path: Path) -> None:
    for name in ("train", "test"):
        directory(tmp_path / name, wav=f"a {name}.wav\n")
    with pytest.raises(SefrontError, match=r"test/wav\.scp, line 1: id 'a' is that of .*|train/wav\.scp, line 1"):
        Kaldi(tmp_path)


def test_no_directory_of_kaldi(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"no wav\.scp there; expected a data directory of Kaldi"):
        Kaldi(tmp_path)
    with pytest.raises(SefrontError, match="no such folder; expected a data directory of Kaldi"):
        Kaldi(tmp_path / "none")
    (tmp_path / "wav.scp").write_bytes(b"a \xff.wav\n")
    with pytest.raises(SefrontError, match=r"wav\.scp: not UTF-8 text"):
        Kaldi(tmp_path)


def test_labels_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"utt2lang: no such file; option 'label' names one of the data directory"):
        Kaldi(directory(tmp_path, wav="a a.wav\n"), label="utt2lang")


def test_real_speech_in_the_layout(real_data: Path, tmp_path: Path) -> None:
    files = sorted((real_data / "emodb" / "wav").iterdir())[:20]
    directory(
        tmp_path, wav="".join(f"{path.stem} {path}\n" for path in files),
        utt2spk="".join(f"{path.stem} {path.stem[:2]}\n" for path in files),
        utt2emo="".join(f"{path.stem} {path.stem[5]}\n" for path in files),
    )  # fmt: skip
    corpus = Kaldi(tmp_path, label="utt2emo", follow_outside=True, valid=0, test=0)
    assert len(everything(corpus)) == 20
    assert corpus.problems() == []
