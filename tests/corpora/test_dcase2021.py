from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sefront.core.clips import SPLITS, Task
from sefront.core.errors import SefrontError
from sefront.corpora.dcase2021 import Dcase2021

HEADER = "filename_audio\tfilename_video\tscene_label"
SCENES = ("airport", "park")


def row(name: str, scene: str) -> str:
    return f"audio/{name}.wav\tvideo/{name}.mp4\t{scene}"


def make(root: Path, suffix: str = ".wav") -> Path:
    """Ten locations of each scene, the last two for test, with two segments each; both ears differ."""
    lists: dict[str, list[str]] = {"train": [HEADER], "evaluate": [HEADER]}
    (root / "audio").mkdir(parents=True)
    for number, scene in enumerate(SCENES):
        for place in range(10):
            for segment in range(2):
                name = f"{scene}-lisbon-{100 * number + place}-{segment}"
                lists["train" if place < 8 else "evaluate"].append(row(name, scene))
                soundfile.write(root / "audio" / f"{name}{suffix}", np.tile([0.1, 0.3], (160, 1)), 48000)
    (root / "evaluation_setup").mkdir()
    for name, lines in lists.items():
        (root / "evaluation_setup" / f"fold1_{name}.csv").write_text("\n".join([*lines, ""]))
    return root


def listed(root: Path, name: str = "train") -> Path:
    return root / "evaluation_setup" / f"fold1_{name}.csv"


def places(corpus: Dcase2021, split: str) -> set[str]:
    return {clip.id.split("-")[2] for clip in corpus.clips(split)}


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_official_lists_and_validation_by_location(tmp_path: Path, suffix: str) -> None:
    corpus = Dcase2021(make(tmp_path, suffix))
    assert [len(corpus.clips(split)) for split in SPLITS] == [28, 4, 8]
    assert places(corpus, "test") == {"8", "9", "108", "109"}
    assert not places(corpus, "train") & places(corpus, "valid")
    assert {clip.target for clip in corpus.clips("valid")} == set(SCENES)
    assert corpus.role() == "scene"
    assert corpus.task() == Task("classification", SCENES, "accuracy", "scene")
    assert corpus.splits_of_its_own()
    assert corpus.problems() == []


def test_both_ears_are_averaged(tmp_path: Path) -> None:
    wave = Dcase2021(make(tmp_path)).clips("train")[0].audio.read(48000)
    assert wave == pytest.approx(np.full(160, 0.2), abs=1e-4)


def test_without_validation_all_listed_clips_train(tmp_path: Path) -> None:
    corpus = Dcase2021(make(tmp_path), valid=0.0)
    assert [len(corpus.clips(split)) for split in SPLITS] == [32, 0, 8]


def test_a_share_that_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be shares"):
        Dcase2021(make(tmp_path), valid=1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"fold1_train\.csv: no such file; expected audio/SCENE"),
        ("name\tscene\na\tpark\n", r"fold1_train\.csv: no column 'filename_audio'; expected"),
        (f"{HEADER}\n{row('tram-lisbon-5-1', 'tram')}\n", "label 'airport' appears in test .* but never in train"),
    ],
)
def test_a_damaged_list(tmp_path: Path, text: str | None, message: str) -> None:
    path = listed(make(tmp_path))
    path.unlink()
    if text:
        path.write_text(text)
    with pytest.raises(SefrontError, match=message):
        Dcase2021(tmp_path)


def test_other_audio(tmp_path: Path) -> None:
    for path in sorted((make(tmp_path) / "audio").iterdir()):
        path.rename(path.with_stem(f"{path.stem}-a"))
    with pytest.raises(SefrontError, match="no file of evaluation_setup lies in audio; expected audio/SCENE"):
        Dcase2021(tmp_path)


def test_problems(tmp_path: Path) -> None:
    path = listed(make(tmp_path), "evaluate")
    path.write_text("\n".join([*path.read_text().splitlines(), row("park-lisbon-100-9", "park"), ""]))
    (tmp_path / "audio" / "airport-lisbon-8-0.wav").rename(tmp_path / "audio" / "airport-lisbon-8-7.wav")
    first, second, shared, unlisted = Dcase2021(tmp_path).problems()
    assert first == f"{tmp_path / 'audio' / 'airport-lisbon-8-0.wav'}: no such file"
    assert second == f"{tmp_path / 'audio' / 'park-lisbon-100-9.wav'}: no such file"
    assert shared.startswith("recording park-lisbon-100 is in ")
    assert unlisted == f"{tmp_path}: 1 audio files are in no list, left out (first: airport-lisbon-8-7)"
