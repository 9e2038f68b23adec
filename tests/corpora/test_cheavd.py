from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from recordings import taped_folder

from sefront.core.clips import SPLITS, Task
from sefront.core.errors import SefrontError
from sefront.corpora.cheavd import CHEAVD

EMOTIONS = ("angry", "anxious", "disgust", "happiness", "neutral", "sad", "surprise", "worried")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return taped_folder(tmp_path_factory.mktemp("cheavd"))


def test_folders_say_part_and_emotion(root: Path) -> None:
    corpus = CHEAVD(root)
    clips = {clip.id: clip for split in SPLITS for clip in corpus.clips(split)}
    assert len(clips) == 8 * (4 + 2)
    assert (clips["train/sad/train_002"].target, clips["val/angry/val_000"].target) == ("sad", "angry")
    assert all(clip.recorded and clip.reference is None and clip.speaker is None for clip in clips.values())
    assert corpus.task() == Task("classification", EMOTIONS, "accuracy")
    assert corpus.role() == "speech"
    assert corpus.splits_of_its_own()
    assert corpus.problems() == []


def test_the_challenges_validation_set_is_the_test(root: Path) -> None:
    corpus = CHEAVD(root)
    assert Counter(clip.target for clip in corpus.clips("test")) == dict.fromkeys(EMOTIONS, 2)
    assert {clip.id.split("/")[0] for split in ("train", "valid") for clip in corpus.clips(split)} == {"train"}
    assert len(corpus.clips("valid")) == round(32 * 700 / 4917)


def test_the_whole_corpus_validates_with_700_clips(tmp_path: Path) -> None:
    for number in range(4917):
        path = tmp_path / "train" / EMOTIONS[number % 8] / f"{number:04d}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    corpus = CHEAVD(tmp_path)
    assert [len(corpus.clips(split)) for split in SPLITS] == [4217, 700, 0]
    assert set(Counter(clip.target for clip in corpus.clips("valid"))) == set(EMOTIONS)


def test_the_draw_does_not_depend_on_what_else_is_there(root: Path, tmp_path: Path) -> None:
    valid = [clip.id for clip in CHEAVD(root).clips("valid")]
    assert [clip.id for clip in CHEAVD(taped_folder(tmp_path / "again")).clips("valid")] == valid
    assert valid != sorted(clip.id for split in ("train", "valid") for clip in CHEAVD(root).clips(split))[: len(valid)]


def test_problems(tmp_path: Path) -> None:
    for name in ("Sad/a.wav", "bored/b.wav"):
        (tmp_path / "train" / name).parent.mkdir(parents=True)
        (tmp_path / "train" / name).touch()
    corpus = CHEAVD(tmp_path)
    assert [clip.target for clip in corpus.clips("train")] == ["sad"]
    assert corpus.problems() == [
        f"{tmp_path / 'train' / 'Sad' / 'a.wav'}: the file is empty (0 bytes)",
        "train/bored/b: in no folder of an emotion, left out",
        f"{tmp_path}: no clips for valid",
        f"{tmp_path}: no clips for test",
    ]


def test_wrong_roots(root: Path, tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"no such folder; expected train/EMOTION/NAME\.wav"):
        CHEAVD(tmp_path / "nowhere")
    with pytest.raises(SefrontError, match=r"no audio in folders of the eight emotions; expected train/EMOTION"):
        CHEAVD(root / "train")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.wav").touch()
    with pytest.raises(SefrontError, match=r"no audio in folders of the eight emotions \(train/a lies in none\); exp"):
        CHEAVD(tmp_path)


def test_the_card(root: Path) -> None:
    card = CHEAVD(root).card()
    assert card.clips == 4917 + 707
    assert "doi:10.1109/ACIIAsia.2018.8470342" in card.citation
