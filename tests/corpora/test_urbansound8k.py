from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sefront.core.clips import SPLITS, Task
from sefront.core.errors import BadOptionError, SefrontError, UnknownNameError
from sefront.core.parameters import build
from sefront.corpora.urbansound8k import UrbanSound8K

HEADER = "slice_file_name,fsID,start,end,salience,fold,classID,class"
CLASSES = ("car_horn", "siren")


def make(root: Path, folds: int = 3, each: int = 8, suffix: str = ".wav") -> Path:
    """Per fold and class `each` slices, two of every recording."""
    rows = [HEADER]
    for fold in range(1, folds + 1):
        (root / "audio" / f"fold{fold}").mkdir(parents=True)
        for number, label in enumerate(CLASSES):
            for i in range(each):
                source = 1000 * fold + 100 * number + i // 2
                name = f"{source}-{number}-0-{i % 2}"
                rows.append(f"{name}.wav,{source},0.0,4.0,1,{fold},{number},{label}")
                soundfile.write(root / "audio" / f"fold{fold}" / f"{name}{suffix}", np.full(160, 0.1), 16000)
    (root / "metadata").mkdir()
    (root / "metadata" / "UrbanSound8K.csv").write_text("\n".join(rows) + "\n")
    return root


def table(root: Path) -> Path:
    return root / "metadata" / "UrbanSound8K.csv"


def folds(corpus: UrbanSound8K) -> list[set[str]]:
    return [{clip.id[0] for clip in corpus.clips(split)} for split in SPLITS]


def sources(corpus: UrbanSound8K, split: str) -> set[str]:
    return {clip.id.split("-")[0] for clip in corpus.clips(split)}


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_the_last_fold_tests_and_validation_is_drawn_by_recording(tmp_path: Path, suffix: str) -> None:
    corpus = UrbanSound8K(make(tmp_path, suffix=suffix))
    train, valid, test = folds(corpus)
    assert train == {"1", "2"}
    assert valid <= {"1", "2"}
    assert test == {"3"}
    assert not sources(corpus, "train") & sources(corpus, "valid")
    assert Counter(clip.target for clip in corpus.clips("valid")) == {"car_horn": 2, "siren": 2}
    assert sum(len(corpus.clips(split)) for split in SPLITS) == 48
    assert corpus.problems() == []


def test_it_is_a_scene_task(tmp_path: Path) -> None:
    corpus = UrbanSound8K(make(tmp_path))
    assert corpus.role() == "scene"
    assert corpus.task() == Task("classification", CLASSES, "accuracy", "scene")
    assert corpus.splits_of_its_own()
    assert corpus.card().clips == 8732


def test_folds_from_the_command_line(tmp_path: Path) -> None:
    options = {"test": "1", "valid": "2"}
    corpus = build(UrbanSound8K, make(tmp_path, folds=4), options=options, owner="urbansound8k")
    assert folds(corpus) == [{"3", "4"}, {"2"}, {"1"}]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"test": (4,)}, UnknownNameError, r"urbansound8k at .* has no fold '4'.*\(it has: 1, 2, 3\)"),
        ({"valid": (1,), "test": (1,)}, BadOptionError, "fold '1' is in both valid and test; give it to one"),
    ],
)
def test_wrong_folds(tmp_path: Path, options: dict[str, tuple[int, ...]], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        UrbanSound8K(make(tmp_path), **options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("slice_file_name,fold\na.wav,1\n", r"UrbanSound8K\.csv: no column 'fsID'; expected audio/foldN"),
        (f"{HEADER}\na.wav,1,0,4,1,x,0,siren\n", r"UrbanSound8K\.csv, line 2: fold is 'x'; expected a number"),
        (f"{HEADER}\na.wav,1,0,4,1,1,0,siren\n", r"no file of metadata/UrbanSound8K\.csv lies in audio; expected"),
    ],
)
def test_a_damaged_table(tmp_path: Path, text: str, message: str) -> None:
    table(make(tmp_path)).write_text(text)
    with pytest.raises(SefrontError, match=message):
        UrbanSound8K(tmp_path)


def test_no_table_and_no_audio(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"audio: no such folder; expected audio/foldN/\*\.wav"):
        UrbanSound8K(tmp_path)
    table(make(tmp_path)).unlink()
    with pytest.raises(SefrontError, match=r"UrbanSound8K\.csv: no such file; expected"):
        UrbanSound8K(tmp_path)


def test_missing_files_folds_and_shared_recordings_are_problems(tmp_path: Path) -> None:
    extra = [
        "7-0-0-0.wav,7,0,4,1,3,0,car_horn",
        "8-0-0-0.wav,8,0,4,1,4,0,car_horn",
        "1000-0-9-9.wav,1000,0,4,1,3,0,siren",
    ]
    text = table(make(tmp_path)).read_text()
    table(tmp_path).write_text(text + "\n".join(extra) + "\n")
    for name in ("1000-0-9-9", "9-0-0-0"):
        soundfile.write(tmp_path / "audio" / "fold3" / f"{name}.wav", np.full(160, 0.1), 16000)
    missing, shared, fold, unlisted = UrbanSound8K(tmp_path).problems()
    assert missing == f"{tmp_path / 'audio' / 'fold3' / '7-0-0-0.wav'}: no such file"
    assert shared.startswith("recording 1000 is in ")
    assert fold == f"{tmp_path}: fold 4 is listed but has no audio, left out"
    assert unlisted == "9-0-0-0: not listed in metadata/UrbanSound8K.csv, left out"
