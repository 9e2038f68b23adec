from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sefront.core.clips import SPLITS, Task
from sefront.core.errors import SefrontError, UnknownNameError
from sefront.corpora.casia import CASIA

SPEAKERS = ("ZhaoZuoxiang", "liuchanhg", "wangzhe", "zhaoquanyin")
EMOTIONS = ("angry", "fear", "happy", "neutral", "sad", "surprise")


def make(root: Path, speakers: tuple[str, ...] = SPEAKERS, emotions: tuple[str, ...] = EMOTIONS) -> Path:
    """A clip of every emotion by every speaker, of the same name."""
    for speaker in speakers:
        for emotion in emotions:
            (root / speaker / emotion).mkdir(parents=True)
            soundfile.write(root / speaker / emotion / "201.wav", np.full(160, 0.1), 16000)
    return root


def speakers(corpus: CASIA) -> list[list[str | None]]:
    return [sorted({clip.speaker for clip in corpus.clips(split)}) for split in SPLITS]


def test_folders_say_speaker_and_emotion(tmp_path: Path) -> None:
    corpus = CASIA(make(tmp_path))
    assert {clip.id: (clip.speaker, clip.target) for clip in corpus.clips("test")} == {
        f"zhaoquanyin/{emotion}/201": ("zhaoquanyin", emotion) for emotion in EMOTIONS
    }
    assert corpus.task() == Task("classification", EMOTIONS, "uar")
    assert corpus.role() == "speech"
    assert corpus.splits_of_its_own()
    assert corpus.problems() == []


def test_both_spellings_of_a_speaker_are_one(tmp_path: Path) -> None:
    make(tmp_path / "same texts 相同文本300")
    make(tmp_path / "own texts", ("Chang.Liu", "Zhe.Wang", "Quanyin.Zhao", "Zuoxiang.Zhao"), ("anger", "Sad"))
    corpus = CASIA(tmp_path)
    assert speakers(corpus) == [["ZhaoZuoxiang", "liuchanhg"], ["wangzhe"], ["zhaoquanyin"]]
    assert [len(corpus.clips(split)) for split in SPLITS] == [16, 8, 8]
    assert {clip.target for clip in corpus.clips("valid")} == set(EMOTIONS)
    assert "own texts/Zhe.Wang/anger/201" in {clip.id for clip in corpus.clips("valid")}


def test_stated_speakers(tmp_path: Path) -> None:
    corpus = CASIA(make(tmp_path, emotions=("sad",)), test=("liuchanhg",))
    assert speakers(corpus) == [["ZhaoZuoxiang", "wangzhe"], ["zhaoquanyin"], ["liuchanhg"]]
    with pytest.raises(UnknownNameError, match=r"casia at .* has no speaker 'liuchang'; did you mean 'liuchanhg'"):
        CASIA(tmp_path, test=("liuchang",))


def test_wrong_roots(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"no such folder; expected SPEAKER/EMOTION/NAME\.wav"):
        CASIA(tmp_path / "nowhere")
    with pytest.raises(SefrontError, match=r"no file lies as CASIA's \(angry/201\); expected SPEAKER/EMOTION"):
        CASIA(make(tmp_path, ("liuchanhg",)) / "liuchanhg")


def test_strange_and_damaged_files_are_problems(tmp_path: Path) -> None:
    make(tmp_path, ("liuchanhg",), ("sad",))
    (tmp_path / "hello.wav").touch()
    (tmp_path / "liuchanhg" / "bored").mkdir()
    (tmp_path / "liuchanhg" / "bored" / "201.wav").touch()
    (tmp_path / "liuchanhg" / "sad" / "202.wav").touch()
    assert CASIA(tmp_path).problems() == [
        f"{tmp_path / 'liuchanhg' / 'sad' / '202.wav'}: the file is empty (0 bytes)",
        "hello: not in SPEAKER/EMOTION, left out",
        "liuchanhg/bored/201: not in SPEAKER/EMOTION, left out",
    ]


def test_the_card_names_source_count_and_layout(tmp_path: Path) -> None:
    card = CASIA(make(tmp_path, ("liuchanhg",))).card()
    assert "Chinese Academy of Sciences" in card.citation
    assert card.clips == 9600
    assert "SPEAKER/EMOTION" in card.layout
