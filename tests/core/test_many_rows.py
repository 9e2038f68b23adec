"""A manifest of many rows: training starts without the files that it does not need."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import soundfile
from recordings import RATE, noise_folder, voice

from sefront.core.audio import AudioFile
from sefront.core.batches import load
from sefront.core.clips import SPLITS
from sefront.core.damages import Damages
from sefront.core.data import Mixtures, Reader
from sefront.core.epochs import shuffled
from sefront.core.lock import fingerprint
from sefront.core.sources import Noise, Source, noises
from sefront.corpora.folder import Folder
from sefront.corpora.manifest import Manifest

ROWS = 100_000
SIZE = 16


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A manifest of a hundred thousand rows, of which no file exists."""
    splits = [*["train"] * 8, "valid", "test"]
    rows = (f"clips/{i:06}.wav,{('high', 'low')[i % 2]},s{i % 1000},{splits[i % 1000 // 100]}" for i in range(ROWS))
    (tmp_path / "clips.csv").write_text("path,label,speaker,split\n" + "\n".join(rows) + "\n")
    return tmp_path / "clips.csv"


@pytest.fixture
def opened(many: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files of clips that are opened; each holds the same half a second."""
    names: list[str] = []
    real = soundfile.SoundFile
    soundfile.write(many.parent / "one.wav", voice(RATE // 2, 150.0), RATE)

    def counted(name: Any, *rest: Any, **more: Any) -> soundfile.SoundFile:
        if "/clips/" in str(name):
            names.append(str(name))
        return real(str(many.parent / "one.wav") if "/clips/" in str(name) else name, *rest, **more)

    monkeypatch.setattr(soundfile, "SoundFile", counted)
    return names


def mixtures_of(path: Path) -> Mixtures:
    corpus = Manifest(path)
    noise = Noise("noise", Folder(noise_folder(path.parent / "noise")))
    source = Source(Reader(RATE), Damages(), (0.0, 25.0), corpus.task())
    for split in ("test", "valid"):
        source.mixtures(split, corpus.clips(split), noises([noise], split, False), 1)  # type: ignore[arg-type]
    return source.mixtures("train", corpus.clips("train"), noises([noise], "train", False), 0)


def test_the_first_step_opens_a_few_files(many: Path, opened: list[str]) -> None:
    start = time.process_time()
    mixtures = mixtures_of(many)
    assert len(opened) == 3  # one of each split, to see that there are any
    assert fingerprint(mixtures)["clips"] == len(mixtures) == 80_000
    batches = shuffled(mixtures, SIZE, 0)
    assert len(opened) == 3
    first = next(load(mixtures, batches))
    assert len(first.ids) == SIZE
    assert len(opened) < 2 * 16 * SIZE + 3 * SIZE + 3  # the headers of two pools, and the batch after this one
    assert time.process_time() - start < 20


def test_rows_with_both_ends_open_what_they_read(many: Path, opened: list[str]) -> None:
    head, *rows = many.read_text().splitlines()
    many.write_text("\n".join([f"{head},start,end", *(f"{row},0.1,0.4" for row in rows), ""]))
    mixtures = mixtures_of(many)
    next(load(mixtures, shuffled(mixtures, SIZE, 0)))
    assert len(opened) <= 2 * SIZE + 3


def test_clips_are_made_when_asked_for(many: Path) -> None:
    corpus = Manifest(many)
    train = corpus.clips("train")
    assert [len(corpus.clips(split)) for split in SPLITS] == [80_000, 10_000, 10_000]
    assert train[-1].id == "clips/099799.wav"
    assert train[0] is not train[0]
    assert train[2:4] == (train[2], train[3])
    assert train[2:4] != (train[3], train[2])
    assert train[0].audio == AudioFile(many.parent / "clips" / "000000.wav")
    assert corpus.card().apart == ("speaker", "recording")
    with pytest.raises(IndexError):
        train[80_000]
