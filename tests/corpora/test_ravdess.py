from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sefront.core.clips import SPLITS, Task
from sefront.core.errors import BadOptionError, SefrontError
from sefront.corpora.ravdess import EMOTIONS, RAVDESS


def make(root: Path, actors: int = 24, emotions: int = 8, channel: str = "01", suffix: str = ".wav") -> Path:
    """A clip of every emotion by every actor."""
    for actor in range(1, actors + 1):
        folder = root / f"Actor_{actor:02}"
        folder.mkdir(parents=True, exist_ok=True)
        for emotion in range(1, emotions + 1):
            name = f"03-{channel}-0{emotion}-01-01-01-{actor:02}{suffix}"
            soundfile.write(folder / name, np.full(160, 0.1), 16000)
    return root


def actors(corpus: RAVDESS) -> list[list[str]]:
    return [sorted({str(clip.speaker) for clip in corpus.clips(split)}) for split in SPLITS]


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_names_say_actor_and_emotion(tmp_path: Path, suffix: str) -> None:
    corpus = RAVDESS(make(tmp_path, 12, suffix=suffix), test=("12",))
    assert {clip.id: (clip.speaker, clip.target) for clip in corpus.clips("test")} == {
        f"03-01-0{number}-01-01-01-12": ("12", emotion) for number, emotion in enumerate(EMOTIONS, 1)
    }
    assert EMOTIONS[5] == "fearful"
    assert corpus.task() == Task("classification", tuple(sorted(EMOTIONS)), "uar")
    assert corpus.role() == "speech"
    assert corpus.splits_of_its_own()
    assert corpus.problems() == []


def test_drawn_actors_are_half_women(tmp_path: Path) -> None:
    corpus = RAVDESS(make(tmp_path, emotions=1))
    assert [len(names) for names in actors(corpus)] == [16, 4, 4]
    assert [Counter(int(name) % 2 for name in names) for names in actors(corpus)] == [{0: n, 1: n} for n in (8, 2, 2)]
    assert actors(RAVDESS(tmp_path)) == actors(corpus)


def test_stated_actors(tmp_path: Path) -> None:
    make(tmp_path, 6, emotions=1)
    assert actors(RAVDESS(tmp_path, valid=("01",), test=("02",))) == [["03", "04", "05", "06"], ["01"], ["02"]]
    assert actors(RAVDESS(tmp_path, train=("01",), valid=("03", "02"), test=("04",))) == [["01"], ["02", "03"], ["04"]]
    with pytest.raises(BadOptionError, match=r"ravdess at .*: speaker '01' is in both train and test"):
        RAVDESS(tmp_path, train=("01",), test=("01",))


def test_songs_are_left_out(tmp_path: Path) -> None:
    make(make(tmp_path, 4), 4, 6, channel="02")
    corpus = RAVDESS(tmp_path)
    assert sum(len(corpus.clips(split)) for split in SPLITS) == 32
    assert corpus.problems() == []


def test_wrong_roots(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match="no such folder; expected Actor_01/03-01-06"):
        RAVDESS(tmp_path / "nowhere")
    with pytest.raises(SefrontError, match="no file is named like the speech of RAVDESS; expected Actor_01"):
        RAVDESS(make(tmp_path, 1, channel="02"))


def test_strange_and_damaged_files_are_problems(tmp_path: Path) -> None:
    make(tmp_path, 2, 1)
    (tmp_path / "Actor_01" / "03-01-09-01-01-01-01.wav").touch()
    (tmp_path / "Actor_02" / "03-01-02-01-01-01-02.wav").touch()
    assert RAVDESS(tmp_path).problems() == [
        f"{tmp_path / 'Actor_02' / '03-01-02-01-01-01-02.wav'}: the file is empty (0 bytes)",
        "03-01-09-01-01-01-01: not named like RAVDESS's files, left out",
    ]


def test_the_card_names_source_licence_and_count(tmp_path: Path) -> None:
    card = RAVDESS(make(tmp_path, 2, 1)).card()
    assert "doi:10.1371/journal.pone.0196391" in card.citation
    assert card.licence == "CC BY-NC-SA 4.0"
    assert card.clips == 1440
