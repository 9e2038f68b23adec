from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import SMALL, noise_folder

from sefront.cli import main
from sefront.core.clips import SPLITS, Task
from sefront.core.errors import BadOptionError, SefrontError, UnknownNameError
from sefront.core.parameters import build
from sefront.core.transcripts import ALPHABET
from sefront.corpora.librispeech import LibriSpeech

SUBSETS = ("dev-clean", "dev-other", "test-clean", "train-clean-100", "train-other-500")


def make(root: Path, subsets: tuple[str, ...] = SUBSETS, audio: bool = True) -> Path:
    """One speaker per subset, who reads two utterances of one chapter."""
    for number, subset in enumerate(subsets, 10):
        chapter = root / subset / str(number) / "7"
        chapter.mkdir(parents=True)
        names = [f"{number}-7-000{i}" for i in range(2)]
        (chapter / f"{number}-7.trans.txt").write_text("".join(f"{name} DON'T GO\n" for name in names))
        for name in names if audio else ():
            soundfile.write(chapter / f"{name}.flac", 0.1 * np.random.default_rng(number).standard_normal(1600), 16000)
    return root


def speakers(corpus: LibriSpeech) -> list[list[str | None]]:
    return [sorted({clip.speaker for clip in corpus.clips(split)}) for split in SPLITS]


def transcript(root: Path) -> Path:
    return root / "dev-clean" / "10" / "7" / "10-7.trans.txt"


def test_transcripts_become_targets(tmp_path: Path) -> None:
    corpus = LibriSpeech(make(tmp_path))
    assert [(clip.id, clip.target, clip.speaker) for clip in corpus.clips("valid")] == [
        ("10-7-0000", "don't go", "10"),
        ("10-7-0001", "don't go", "10"),
    ]
    assert corpus.clips("valid")[0].audio.read(16000).shape == (1600,)
    assert corpus.task() == Task("transcription", ALPHABET, "wer")
    assert corpus.role() == "speech"
    assert corpus.splits_of_its_own()
    assert corpus.problems() == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [["13", "14"], ["10"], ["12"]]),
        ({"train": "train-clean-100"}, [["13"], ["10"], ["12"]]),
        ({"valid": "dev-clean,dev-other"}, [["13", "14"], ["10", "11"], ["12"]]),
        ({"test": "dev-clean"}, [["13", "14"], [], ["10"]]),
        ({"valid": "train-other-500", "test": "dev-other"}, [["13"], ["14"], ["11"]]),
    ],
)
def test_subsets_of_the_splits(tmp_path: Path, options: dict[str, str], expected: list[list[str]]) -> None:
    assert speakers(build(LibriSpeech, make(tmp_path), options=options, owner="librispeech")) == expected


def test_audio_is_not_touched_to_list_clips(tmp_path: Path) -> None:
    corpus = LibriSpeech(make(tmp_path, audio=False))
    assert [len(corpus.clips(split)) for split in SPLITS] == [4, 2, 2]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"train": ("train-clean-10",)},
            UnknownNameError,
            "has no subset 'train-clean-10'; did you mean 'train-clean-1",
        ),
        ({"valid": ("dev-clean",), "test": ("dev-clean",)}, BadOptionError, "'dev-clean' is in both valid and test"),
    ],
)
def test_wrong_subsets(
    tmp_path: Path, options: dict[str, tuple[str, ...]], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        LibriSpeech(make(tmp_path), **options)


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("nowhere", "nowhere: no such folder; expected SUBSET/SPEAKER/CHAPTER"),
        ("dev-clean", "dev-clean: no folders with transcripts; expected SUBSET/SPEAKER/CHAPTER"),
    ],
)
def test_a_wrong_root(tmp_path: Path, folder: str, message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        LibriSpeech(make(tmp_path) / folder)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("GO ON", r"10-7\.trans\.txt, line 3: 'GO ON' is not of the form 10-7-NNNN TEXT"),
        ("10-8-0000 GO ON", "line 3: '10-8-0000 GO ON' is not of the form 10-7-NNNN TEXT"),
        ("10-7-0001 GO ON", "line 3: 10-7-0001 has a transcript already"),
    ],
)
def test_a_malformed_line(tmp_path: Path, line: str, message: str) -> None:
    with transcript(make(tmp_path)).open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(SefrontError, match=message):
        LibriSpeech(tmp_path)


def test_problems(tmp_path: Path) -> None:
    chapter = transcript(make(tmp_path, ("dev-clean",))).parent
    (chapter / "10-7-0000.flac").unlink()
    (chapter / "10-7-0001.flac").rename(chapter / "10-7-0002.flac")
    transcript(tmp_path).write_text("10-7-0000 GO\n\n10-7-0002\n")
    soundfile.write(chapter / "10-7-0003.flac", np.full(160, 0.1), 16000)
    assert LibriSpeech(tmp_path).problems() == [
        f"{chapter / '10-7-0000.flac'}: no such file",
        "10-7-0002: its transcript has no words",
        f"{chapter / '10-7-0003.flac'}: no transcript, left out",
        f"{tmp_path}: no subset to train on; expected a folder such as train-clean-100",
    ]


def test_a_frontend_trains_on_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise_folder(tmp_path / "noise")
    corpus = ("--corpus", f"librispeech:{make(tmp_path / 'books')}", "--noise", str(tmp_path / "noise"))
    assert main(["couple", *SMALL, *corpus, "--mode", "frontend_only", "--plan"]) == 0
    assert capsys.readouterr().out.startswith("train: 4 clips, ")
