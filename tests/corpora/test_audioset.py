from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sefront.core.clips import SPLITS
from sefront.core.errors import SefrontError
from sefront.corpora.audioset import AudioSet

CLASSES = [
    {"id": "/m/0dgw9r", "name": "Human sounds", "child_ids": ["/m/voice"]},
    {"id": "/m/voice", "name": "Human voice", "child_ids": ["/m/speech", "/m/sing"]},
    {"id": "/m/speech", "name": "Speech", "child_ids": []},
    {"id": "/m/sing", "name": "Singing", "child_ids": []},
    {"id": "/m/music", "name": "Music", "child_ids": ["/m/organ", "/m/sing"]},
    {"id": "/m/organ", "name": "Organ", "child_ids": []},
    {"id": "/m/animal", "name": "Animal", "child_ids": ["/m/dog"]},
    {"id": "/m/dog", "name": "Dog", "child_ids": []},
]
HEADER = (
    "# Segments csv created Sun Mar  5 10:54:25 2017\n# num_ytids=2, num_segs=2\n# YTID, start_seconds, end_seconds"
)


def video(prefix: str, number: int) -> str:
    return f"-{prefix}{number:02}".ljust(11, "_")


def sound(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(1600, 0.1), 16000)


def enlist(root: Path, name: str, rows: dict[str, str]) -> None:
    lines = [f'{video}, 30.000, 40.000, "{labels}"' for video, labels in rows.items()]
    (root / f"{name}_segments.csv").write_text("\n".join([HEADER, *lines, ""]))


def make(root: Path) -> Path:
    """Twenty training clips and four of evaluation, half of them music; three more hold human sounds, one is gone."""
    root.mkdir(exist_ok=True)
    (root / "ontology.json").write_text(json.dumps(CLASSES))
    rows = {video("t", i): ("/m/organ", "/m/dog,/m/music")[i % 2] for i in range(20)}
    human = {video("h", 0): "/m/speech", video("h", 1): "/m/dog,/m/sing", video("h", 2): "/m/0dgw9r"}
    enlist(root, "balanced_train", {**rows, **human, video("g", 0): "/m/dog"})
    tests = {video("e", i): ("/m/organ", "/m/dog")[i % 2] for i in range(4)}
    enlist(root, "eval", tests)
    for name in (*rows, *human):
        sound(root / "train" / f"{name}.wav")
    for name in tests:
        sound(root / "eval" / f"Y{name}.flac")
    return root


def test_human_sounds_are_left_out(tmp_path: Path) -> None:
    corpus = AudioSet(make(tmp_path))
    clips = {split: corpus.clips(split) for split in SPLITS}
    assert [len(clips[split]) for split in SPLITS] == [18, 2, 4]
    assert not [clip.id for split in SPLITS for clip in clips[split] if clip.id.startswith("-h")]
    assert {clip.id for clip in clips["test"]} == {video("e", i) for i in range(4)}
    assert corpus.role() == "noise"
    assert corpus.task() is None
    assert corpus.splits_of_its_own()
    assert corpus.problems() == []


def test_the_type_is_the_kind_at_the_top_of_the_first_label(tmp_path: Path) -> None:
    types = {clip.id: clip.target for clip in AudioSet(make(tmp_path)).clips("test")}
    assert types == {video("e", i): ("Music", "Animal")[i % 2] for i in range(4)}
    assert {clip.target for clip in AudioSet(tmp_path).clips("valid")} == {"Music", "Animal"}


def test_the_unbalanced_list_trains_too(tmp_path: Path) -> None:
    enlist(make(tmp_path), "unbalanced_train", {video("u", 0): "/m/dog", video("t", 0): "/m/speech"})
    sound(tmp_path / f"{video('u', 0)}_30.000.wav")
    corpus = AudioSet(tmp_path, valid=0.0)
    assert [len(corpus.clips(split)) for split in SPLITS] == [21, 0, 4]
    assert corpus.clips("train")[-1].id == video("u", 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"ontology\.json: no such file; expected ontology\.json"),
        ("{", r"ontology\.json: not a list of classes"),
        ('[{"id": "/m/dog"}]', r"ontology\.json: not a list of classes with id, name and child_ids \('name'\)"),
        (json.dumps(CLASSES[1:]), r"no class /m/0dgw9r \(Human sounds\)"),
    ],
)
def test_a_damaged_ontology(tmp_path: Path, text: str | None, message: str) -> None:
    path = make(tmp_path) / "ontology.json"
    path.unlink()
    if text:
        path.write_text(text)
    with pytest.raises(SefrontError, match=message):
        AudioSet(tmp_path)


def test_a_malformed_line(tmp_path: Path) -> None:
    (make(tmp_path) / "eval_segments.csv").write_text(f"{HEADER}\nabc, 1.0, 2.0\n")
    with pytest.raises(SefrontError, match=r"eval_segments\.csv, line 4: expected VIDEO, START, END, .* found 3 cells"):
        AudioSet(tmp_path)


def test_no_list_and_nothing_left(tmp_path: Path) -> None:
    make(tmp_path)
    enlist(tmp_path, "balanced_train", {video("h", 0): "/m/speech"})
    enlist(tmp_path, "eval", {})
    with pytest.raises(SefrontError, match="no listed clip without human sounds has audio; expected"):
        AudioSet(tmp_path)
    for path in tmp_path.glob("*_segments.csv"):
        path.unlink()
    with pytest.raises(SefrontError, match="no list of segments; expected"):
        AudioSet(tmp_path)


def test_audio_that_no_list_knows_is_a_problem(tmp_path: Path) -> None:
    sound(make(tmp_path) / f"{video('x', 0)}.wav")
    sound(tmp_path / "mine.wav")
    assert AudioSet(tmp_path).problems() == [
        f"{tmp_path}: 1 files whose audio is in no list, left out (first: {video('x', 0)})",
        f"{tmp_path}: 1 files whose audio names no video, left out (first: mine.wav)",
    ]
