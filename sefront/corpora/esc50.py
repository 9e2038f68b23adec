"""ESC-50: five-second environmental sounds in 50 classes and five folds (Piczak 2015, doi:10.1145/2733373.2806390).

Serves as scenes and as noise with the same splits: the last fold is the test, the others train, and validation is
drawn out of them by source recording (`src_file`), since clips cut from one recording sound alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sefront.core.audio import AudioFile
from sefront.core.clips import Card, Clip, Split, Task
from sefront.core.corpora import audio_below, by_stem, faults
from sefront.core.errors import SefrontError
from sefront.core.listings import by_fold, fold_of, rows_of

LAYOUT = "audio/*.wav (or .flac) and meta/esc50.csv (filename,fold,target,category,esc10,src_file,take)"
COLUMNS = ("filename", "fold", "category", "esc10", "src_file")


@dataclass(frozen=True)
class Sound:
    """A row of the table: the file, its fold, the recording it was cut from, its class and whether it is in ESC-10."""

    name: str
    fold: str
    recording: str
    category: str
    esc10: bool


class ESC50:
    """Environmental sounds, as scenes to classify or as noise whose type is the category.

    Args:
        train: Folds to train on; empty means those that the other splits leave.
        valid: Folds for validation; empty means 15 % of the training recordings.
        test: Folds for test; empty means the last one that train and valid leave.
        esc10: Whether to keep only the ten classes of ESC-10.
    """

    def __init__(
        self,
        root: Path,
        *,
        train: tuple[int, ...] = (),
        valid: tuple[int, ...] = (),
        test: tuple[int, ...] = (),
        esc10: bool = False,
    ) -> None:
        self._root = Path(root)
        files = by_stem(audio_below(self._root / "audio", LAYOUT))
        listed = [sound for sound in table(self._root / "meta" / "esc50.csv") if sound.esc10 or not esc10]
        folds = sorted({sound.fold for sound in listed if Path(sound.name).stem in files}, key=int)
        if not folds:
            raise SefrontError(f"{self._root}: no file of meta/esc50.csv lies in audio; expected {LAYOUT}")
        self._absent = sorted({sound.fold for sound in listed} - set(folds))
        sounds = [sound for sound in listed if sound.fold in folds]
        self._labels = tuple(sorted({sound.category for sound in sounds}))
        self._splits = by_fold(
            [self._clip(sound, files) for sound in sounds],
            {Path(sound.name).stem: sound.fold for sound in sounds},
            {"train": train, "valid": valid, "test": test},
            f"esc50 at {self._root}",
        )

    def _clip(self, sound: Sound, files: dict[str, Path]) -> Clip:
        name = Path(sound.name).stem
        audio = AudioFile(files.get(name, self._root / "audio" / sound.name))
        return Clip(name, audio, sound.category, recording=sound.recording)

    def role(self) -> Literal["scene"]:
        """Environmental sound."""
        return "scene"

    def task(self) -> Task:
        """The categories, judged by accuracy; the scene is what must survive."""
        return Task("classification", self._labels, "accuracy", "scene")

    def clips(self, split: Split) -> Sequence[Clip]:
        """The sounds of a split in the table's order; the target is the category, which is the type as noise too."""
        return self._splits[split]

    def splits_of_its_own(self) -> bool:
        """Splits are the folds'."""
        return True

    def problems(self) -> list[str]:
        """Missing and unreadable files, source recordings shared between splits, folds without audio."""
        found = list(faults(self._splits))
        return found + [f"{self._root}: fold {fold} is listed but has no audio, left out" for fold in self._absent]

    def card(self) -> Card:
        """Piczak 2015."""
        return Card(
            licence="CC BY-NC 3.0; the ESC-10 part CC BY 3.0; per-clip terms in ATTRIBUTION.md or LICENSE",
            citation="K. J. Piczak, 'ESC: Dataset for environmental sound classification', ACM Multimedia 2015, "
            "doi:10.1145/2733373.2806390",
            size="2000 clips of 5 s, 2.8 hours",
            source="https://github.com/karolpiczak/ESC-50",
            apart=("recording",),
            layout=LAYOUT,
            clips=2000,
            known=("clipped",),
        )


def table(path: Path) -> list[Sound]:
    """The rows of the table.

    Raises:
        SefrontError: The table or one of its columns is missing, or a fold is not a number.
    """
    return [sound_of(row, where) for where, row in rows_of(path, COLUMNS, LAYOUT)]


def sound_of(row: dict[str, str], where: str) -> Sound:
    """The sound that a row describes."""
    name, fold, category, esc10, recording = (row[column] for column in COLUMNS)
    return Sound(name, fold_of(fold, where), recording, category, esc10.lower() == "true")
