from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sefront.core.clips import SPLITS, Task
from sefront.core.errors import BadOptionError, SefrontError, UnknownNameError
from sefront.core.parameters import build
from sefront.corpora.emodb import EmoDB

EIGHT = ("03", "08", "09", "10", "11", "12", "13", "14")
TEN = (*EIGHT, "15", "16")


def make(root: Path, speakers: tuple[str, ...] = TEN, suffix: str = ".wav", emotions: str = "WLEAFTN") -> Path:
    """A clip of every emotion by every speaker."""
    (root / "wav").mkdir(parents=True)
    for speaker in speakers:
        for emotion in emotions:
            soundfile.write(root / "wav" / f"{speaker}a01{emotion}a{suffix}", np.full(160, 0.1), 16000)
    return root


def speakers(corpus: EmoDB) -> list[list[str | None]]:
    return [sorted({clip.speaker for clip in corpus.clips(split)}) for split in SPLITS]


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_names_say_speaker_and_emotion(tmp_path: Path, suffix: str) -> None:
    corpus = EmoDB(make(tmp_path, suffix=suffix))
    found = {clip.id: (clip.speaker, clip.target) for clip in corpus.clips("test")}
    assert found == {
        "16a01Wa": ("16", "anger"),
        "16a01La": ("16", "boredom"),
        "16a01Ea": ("16", "disgust"),
        "16a01Aa": ("16", "fear"),
        "16a01Fa": ("16", "happiness"),
        "16a01Ta": ("16", "sadness"),
        "16a01Na": ("16", "neutral"),
    }
    assert corpus.task() == Task(
        "classification", ("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness"), "uar"
    )
    assert corpus.role() == "speech"
    assert corpus.splits_of_its_own()
    assert corpus.problems() == []


@pytest.mark.parametrize(
    ("present", "options", "expected"),
    [
        (EIGHT, {}, [list(EIGHT[:6]), ["13"], ["14"]]),
        (TEN, {}, [list(TEN[:8]), ["15"], ["16"]]),
        (EIGHT, {"test": ("03",)}, [["08", "09", "10", "11", "12", "13"], ["14"], ["03"]]),
        (EIGHT, {"valid": ("14",)}, [list(EIGHT[:6]), ["14"], ["13"]]),
        (EIGHT, {"train": ("03", "08")}, [["03", "08"], ["13"], ["14"]]),
        (EIGHT, {"train": ("03",), "valid": ("08",), "test": ("09", "10")}, [["03"], ["08"], ["09", "10"]]),
        (("15", "16"), {}, [[], ["15"], ["16"]]),
        (("16",), {}, [[], [], ["16"]]),
    ],
)
def test_speakers_of_the_splits(
    tmp_path: Path, present: tuple[str, ...], options: dict[str, tuple[str, ...]], expected: list[list[str]]
) -> None:
    assert speakers(EmoDB(make(tmp_path, present, emotions="W"), **options)) == expected


def test_speakers_from_the_command_line(tmp_path: Path) -> None:
    corpus = build(EmoDB, make(tmp_path, EIGHT, emotions="W"), options={"test": "14", "valid": "03,08"}, owner="emodb")
    assert speakers(corpus) == [["09", "10", "11", "12", "13"], ["03", "08"], ["14"]]


def test_an_unknown_speaker(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"emodb at .* has no speaker '17'.*\(it has: 03, 08\)"):
        EmoDB(make(tmp_path, ("03", "08"), emotions="W"), test=("17",))


def test_a_speaker_in_two_splits(tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match="speaker '08' is in both train and test; give it to one"):
        EmoDB(make(tmp_path, ("03", "08"), emotions="W"), train=("08",), test=("08",))


@pytest.mark.parametrize(
    ("folder", "message"),
    [("nowhere", "no such folder"), (".", "no such folder; expected wav/SSTTTEv.wav")],
)
def test_a_wrong_root(tmp_path: Path, folder: str, message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        EmoDB(tmp_path / folder)


def test_an_empty_wav_folder(tmp_path: Path) -> None:
    (tmp_path / "wav").mkdir()
    with pytest.raises(SefrontError, match=r"no audio files there .*; expected wav/SSTTTEv\.wav"):
        EmoDB(tmp_path)


def test_files_of_another_corpus(tmp_path: Path) -> None:
    (tmp_path / "wav").mkdir()
    (tmp_path / "wav" / "hello.wav").touch()
    with pytest.raises(SefrontError, match=r"no file is named like EMO-DB's \(hello\); expected wav/SSTTTEv"):
        EmoDB(tmp_path)


def test_strange_and_damaged_files_are_problems(tmp_path: Path) -> None:
    make(tmp_path, ("03",), emotions="W")
    (tmp_path / "wav" / "03a01Xa.wav").touch()
    (tmp_path / "wav" / "03a02Wa.wav").touch()
    assert EmoDB(tmp_path).problems() == [
        f"{tmp_path / 'wav' / '03a02Wa.wav'}: the file is empty (0 bytes)",
        "03a01Xa: not named like EMO-DB's files, left out",
    ]


def test_the_card_names_source_and_licence(tmp_path: Path) -> None:
    card = EmoDB(make(tmp_path, ("03",), emotions="W")).card()
    assert "doi:10.21437/Interspeech.2005-446" in card.citation
    assert card.licence == "CC0"
    assert "speaker" in card.apart


def test_the_real_corpus(real_data: Path) -> None:
    corpus = EmoDB(real_data / "emodb")
    assert speakers(corpus) == [["03", "08", "09", "10", "11", "12"], ["13"], ["14"]]
    assert [len(corpus.clips(split)) for split in SPLITS] == [278, 61, 69]
    assert corpus.problems() == []
