from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sefront.core.clips import SPLITS, Task
from sefront.core.errors import SefrontError, UnknownNameError
from sefront.core.parameters import build
from sefront.corpora.speech_commands import NOISE, SpeechCommands, official

TRAIN, VALID, TEST = "00000001", "00000002", "00000003"


def sound(path: Path, samples: int = 160) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(samples, 0.1), 16000)


def make(root: Path, words: tuple[str, ...] = ("yes", "no"), suffix: str = ".wav", listed: str = ".wav") -> Path:
    """Two utterances of each word by three speakers, one per split."""
    for word in words:
        for speaker in (TRAIN, VALID, TEST):
            for i in range(2):
                sound(root / word / f"{speaker}_nohash_{i}{suffix}")
    for name, speaker in (("validation", VALID), ("testing", TEST)):
        lines = [f"{word}/{speaker}_nohash_{i}{listed}" for word in words for i in range(2)]
        (root / f"{name}_list.txt").write_text("\n".join(lines) + "\n")
    return root


@pytest.mark.parametrize(("suffix", "listed"), [(".wav", ".wav"), (".flac", ".wav"), (".flac", ".flac")])
def test_lists_name_validation_and_test(tmp_path: Path, suffix: str, listed: str) -> None:
    corpus = SpeechCommands(make(tmp_path, suffix=suffix, listed=listed))
    assert [{clip.speaker for clip in corpus.clips(split)} for split in SPLITS] == [{TRAIN}, {VALID}, {TEST}]
    assert [clip.id for clip in corpus.clips("test")] == [
        f"{word}/{TEST}_nohash_{i}" for word in ("no", "yes") for i in range(2)
    ]
    assert corpus.task() == Task("classification", ("no", "yes"), "accuracy")
    assert corpus.role() == "speech"
    assert corpus.splits_of_its_own()
    assert corpus.problems() == []


def test_words_restrict_the_classes(tmp_path: Path) -> None:
    make(tmp_path, ("yes", "no", "up"))
    corpus = build(SpeechCommands, tmp_path, options={"words": "yes,no"}, owner="speech_commands")
    assert corpus.task() == Task("classification", ("no", "yes"), "accuracy")
    assert {clip.target for clip in corpus.clips("train")} == {"no", "yes"}
    assert corpus.problems() == []


def test_unknown_is_a_class_and_background_noise_is_none(tmp_path: Path) -> None:
    make(tmp_path, ("yes", "_unknown_"))
    sound(tmp_path / NOISE / "pink_noise.wav")
    assert SpeechCommands(tmp_path).task() == Task("classification", ("_unknown_", "yes"), "accuracy")


def test_background_noise_is_split_by_recording(tmp_path: Path) -> None:
    make(tmp_path)
    names = ("doing_the_dishes", "dude_miaowing", "exercise_bike", "pink_noise", "running_tap", "white_noise")
    for name in names:
        sound(tmp_path / NOISE / f"{name}.wav")
    corpus = SpeechCommands(tmp_path)
    types = [[clip.target for clip in corpus.noise_clips(split)] for split in SPLITS]
    assert [len(found) for found in types] == [4, 1, 1]
    assert sorted(name for found in types for name in found) == sorted(names)


def test_no_background_noise(tmp_path: Path) -> None:
    corpus = SpeechCommands(make(tmp_path))
    with pytest.raises(SefrontError, match="no _background_noise_ folder with audio, so the corpus offers no noise"):
        corpus.noise_clips("train")


@pytest.mark.parametrize(("speaker", "split"), [("6021f08b", "test"), ("00000000", "valid"), ("d21fd169", "train")])
def test_without_lists_the_official_rule_decides(tmp_path: Path, speaker: str, split: str) -> None:
    sound(tmp_path / "yes" / f"{speaker}_nohash_0.wav")
    assert official(speaker) == split
    assert len(SpeechCommands(tmp_path).clips(split)) == 1


def test_the_official_rule_holds_out_a_tenth_each() -> None:
    found = [official(f"{i:08x}") for i in range(2000)]
    assert 160 < found.count("valid") < 240
    assert 160 < found.count("test") < 240


def test_one_list_is_not_enough(tmp_path: Path) -> None:
    (make(tmp_path) / "validation_list.txt").unlink()
    with pytest.raises(SefrontError, match=r"no validation_list\.txt beside the other list; expected WORD/HASH"):
        SpeechCommands(tmp_path)


def test_a_file_in_both_lists(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "testing_list.txt").write_text((tmp_path / "validation_list.txt").read_text())
    with pytest.raises(SefrontError, match=r"testing_list\.txt, line 1: yes/.* is in both lists; expected in one"):
        SpeechCommands(tmp_path)


def test_an_unknown_word(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"has no word 'yess'; did you mean 'yes'\? \(it has: no, yes\)"):
        SpeechCommands(make(tmp_path), words=("yess",))


def test_a_missing_root(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"nowhere: no such folder; expected WORD/HASH_nohash_N\.wav"):
        SpeechCommands(tmp_path / "nowhere")


def test_no_word_folders(tmp_path: Path) -> None:
    sound(tmp_path / "loose_nohash_0.wav")
    with pytest.raises(SefrontError, match="no word folders with audio; expected WORD/HASH_nohash_N"):
        SpeechCommands(tmp_path)


def test_problems(tmp_path: Path) -> None:
    make(tmp_path)
    sound(tmp_path / "yes" / f"{TEST}_nohash_2.wav")
    sound(tmp_path / "yes" / "nobody.wav")
    (tmp_path / "no" / f"{VALID}_nohash_1.wav").unlink()
    assert SpeechCommands(tmp_path).problems() == [
        f"speaker {TEST} is in train and test",
        "yes/nobody: the name says no speaker (HASH_nohash_N)",
        f"validation_list.txt: 1 of 4 entries have no file (first: no/{VALID}_nohash_1)",
    ]


def test_nothing_to_train_on_is_a_problem(tmp_path: Path) -> None:
    make(tmp_path)
    for path in tmp_path.glob(f"*/{TRAIN}*"):
        path.unlink()
    assert SpeechCommands(tmp_path).problems() == [
        f"{tmp_path}: no clips to train on, all belong to validation or test"
    ]


def test_the_card_names_source_and_licence(tmp_path: Path) -> None:
    card = SpeechCommands(make(tmp_path)).card()
    assert "arXiv:1804.03209" in card.citation
    assert card.licence == "CC BY 4.0"


def test_the_real_corpus(real_data: Path) -> None:
    corpus = SpeechCommands(real_data / "speech_commands")
    assert [len(corpus.clips(split)) for split in SPLITS] == [929, 276, 270]
    assert [len({clip.speaker for clip in corpus.clips(split)}) for split in SPLITS] == [67, 16, 21]
    assert corpus.problems() == []
    assert {official(str(clip.speaker)) for split in SPLITS for clip in corpus.clips(split)} == {"test"}
