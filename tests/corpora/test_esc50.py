from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sefront.core.clips import SPLITS, Task
from sefront.core.errors import BadOptionError, SefrontError, UnknownNameError
from sefront.core.parameters import build
from sefront.corpora.esc50 import ESC50

HEADER = "filename,fold,target,category,esc10,src_file,take"
CATEGORIES = {"dog": True, "rain": True, "wind": False}


def make(root: Path, folds: int = 3, each: int = 8, suffix: str = ".wav") -> Path:
    """Per fold and category `each` clips, two from every source recording."""
    rows = [HEADER]
    (root / "audio").mkdir(parents=True)
    (root / "meta").mkdir()
    for fold in range(1, folds + 1):
        for number, (category, esc10) in enumerate(CATEGORIES.items()):
            for i in range(each):
                source, take = 1000 * fold + 100 * number + i // 2, "AB"[i % 2]
                name = f"{fold}-{source}-{take}-{number}"
                rows.append(f"{name}.wav,{fold},{number},{category},{esc10},{source},{take}")
                soundfile.write(root / "audio" / f"{name}{suffix}", np.full(160, 0.1), 16000)
    (root / "meta" / "esc50.csv").write_text("\n".join(rows) + "\n")
    return root


def folds(corpus: ESC50) -> list[set[str]]:
    return [{clip.id[0] for clip in corpus.clips(split)} for split in SPLITS]


def sources(corpus: ESC50, split: str) -> set[str]:
    return {clip.id.split("-")[1] for clip in corpus.clips(split)}


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_the_last_fold_tests_and_validation_is_drawn_by_source(tmp_path: Path, suffix: str) -> None:
    corpus = ESC50(make(tmp_path, suffix=suffix))
    train, valid, test = folds(corpus)
    assert train == {"1", "2"}
    assert valid <= {"1", "2"}
    assert test == {"3"}
    assert not sources(corpus, "train") & sources(corpus, "valid")
    assert Counter(clip.target for clip in corpus.clips("valid")) == {"dog": 2, "rain": 2, "wind": 2}
    assert sum(len(corpus.clips(split)) for split in SPLITS) == 72
    assert corpus.problems() == []


def test_it_is_a_scene_task(tmp_path: Path) -> None:
    corpus = ESC50(make(tmp_path))
    assert corpus.role() == "scene"
    assert corpus.task() == Task("classification", ("dog", "rain", "wind"), "accuracy", "scene")
    assert corpus.splits_of_its_own()


def test_esc10_keeps_its_categories(tmp_path: Path) -> None:
    corpus = ESC50(make(tmp_path), esc10=True)
    assert corpus.task() == Task("classification", ("dog", "rain"), "accuracy", "scene")
    assert {clip.target for split in SPLITS for clip in corpus.clips(split)} == {"dog", "rain"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"test": "1"}, [{"2", "3", "4", "5"}, None, {"1"}]),
        ({"test": "5", "valid": "4"}, [{"1", "2", "3"}, {"4"}, {"5"}]),
        ({"train": "1,2", "valid": "3"}, [{"1", "2"}, {"3"}, {"5"}]),
        ({"train": "1,2", "valid": "3", "test": "4,5"}, [{"1", "2"}, {"3"}, {"4", "5"}]),
    ],
)
def test_folds_from_the_command_line(tmp_path: Path, options: dict[str, str], expected: list[set[str] | None]) -> None:
    corpus = build(ESC50, make(tmp_path, folds=5), options=options, owner="esc50")
    found = folds(corpus)
    assert [a for a, b in zip(found, expected, strict=True) if b is not None] == [b for b in expected if b is not None]
    assert corpus.problems() == []


def test_a_single_fold_is_for_test(tmp_path: Path) -> None:
    assert folds(ESC50(make(tmp_path, folds=1))) == [set(), set(), {"1"}]


def test_an_unknown_fold(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"esc50 at .* has no fold '4'.*\(it has: 1, 2, 3\)"):
        ESC50(make(tmp_path), test=(4,))


def test_a_fold_in_two_splits(tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match="fold '1' is in both valid and test; give it to one"):
        ESC50(make(tmp_path), valid=(1,), test=(1,))


def test_a_missing_root(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"audio: no such folder; expected audio/\*\.wav"):
        ESC50(tmp_path / "nowhere")


def test_no_audio(tmp_path: Path) -> None:
    (tmp_path / "audio").mkdir()
    with pytest.raises(SefrontError, match=r"no audio files there .*; expected audio/\*\.wav"):
        ESC50(tmp_path)


def test_no_table(tmp_path: Path) -> None:
    (make(tmp_path) / "meta" / "esc50.csv").unlink()
    with pytest.raises(SefrontError, match=r"esc50\.csv: no such file; expected audio/"):
        ESC50(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filename,fold\na.wav,1\n", r"esc50\.csv: no column 'category'; expected"),
        (f"{HEADER}\na.wav,x,0,dog,True,1,A\n", r"esc50\.csv, line 2: fold is 'x'; expected a number"),
        (f"{HEADER}\na.wav,1,0,dog,True,1,A\n", r"no file of meta/esc50\.csv lies in audio; expected"),
        ("", r"no column 'filename'"),
    ],
)
def test_a_damaged_table(tmp_path: Path, text: str, message: str) -> None:
    (make(tmp_path) / "meta" / "esc50.csv").write_text(text)
    with pytest.raises(SefrontError, match=message):
        ESC50(tmp_path)


def test_missing_files_folds_and_shared_sources_are_problems(tmp_path: Path) -> None:
    make(tmp_path)
    table = tmp_path / "meta" / "esc50.csv"
    extra = ["gone.wav,3,0,dog,True,7,A", "far.wav,4,0,dog,True,8,A", "3-1000-A-0.wav,3,0,dog,True,1000,C"]
    table.write_text(table.read_text() + "\n".join(extra) + "\n")
    soundfile.write(tmp_path / "audio" / "3-1000-A-0.wav", np.full(160, 0.1), 16000)
    missing, shared, fold = ESC50(tmp_path).problems()
    assert missing == f"{tmp_path / 'audio' / 'gone.wav'}: no such file"
    assert shared.startswith("recording 1000 is in ")
    assert fold == f"{tmp_path}: fold 4 is listed but has no audio, left out"


def test_the_card_names_source_and_licence(tmp_path: Path) -> None:
    card = ESC50(make(tmp_path)).card()
    assert "doi:10.1145/2733373.2806390" in card.citation
    assert card.licence.startswith("CC BY-NC 3.0")


def test_the_real_corpus(real_data: Path) -> None:
    corpus = ESC50(real_data / "esc50", esc10=True)
    assert folds(corpus)[2] == {"3"}
    assert [len(corpus.clips(split)) for split in SPLITS] == [131, 27, 80]
    assert not sources(corpus, "train") & sources(corpus, "valid")
    assert corpus.problems() == []
