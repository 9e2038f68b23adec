"""UrbanSound8K: up to four seconds of sounds of the city in ten classes and ten folds.

Serves as scenes and as noise with the same splits: the last fold is the test, the others train, and validation is
drawn out of them by source recording (`fsID`), since slices of one recording sound alike. Results in the literature
are means over the ten folds as test. Source: Salamon, Jacoby and Bello 2014, doi:10.1145/2647868.2655045.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from sefront.core.audio import AudioFile
from sefront.core.clips import Card, Clip, Split, Task
from sefront.core.corpora import audio_below, by_stem, faults
from sefront.core.errors import SefrontError
from sefront.core.listings import by_fold, fold_of, rows_of

LAYOUT = "audio/foldN/*.wav (or .flac) and metadata/UrbanSound8K.csv (slice_file_name,fsID,...,fold,classID,class)"
COLUMNS = ("slice_file_name", "fsID", "fold", "class")


class UrbanSound8K:
    """Sounds of the city, as scenes to classify or as noise whose type is the class.

    Args:
        train: Folds to train on; empty means those that the other splits leave.
        valid: Folds for validation; empty means 15 % of the training recordings.
        test: Folds for test; empty means the last one that train and valid leave.
    """

    def __init__(
        self,
        root: Path,
        *,
        train: tuple[int, ...] = (),
        valid: tuple[int, ...] = (),
        test: tuple[int, ...] = (),
    ) -> None:
        self._root = Path(root)
        files = by_stem(audio_below(self._root / "audio", LAYOUT))
        listed = rows_of(self._root / "metadata" / "UrbanSound8K.csv", COLUMNS, LAYOUT)
        sounds = {Path(row["slice_file_name"]).stem: (row, fold_of(row["fold"], where)) for where, row in listed}
        folds = {name: fold for name, (_, fold) in sounds.items()}
        here = {folds[name] for name in folds if name in files}
        if not here:
            raise SefrontError(f"{self._root}: no file of metadata/UrbanSound8K.csv lies in audio; expected {LAYOUT}")
        self._absent = sorted(set(folds.values()) - here, key=int)
        self._unlisted = sorted(set(files) - set(folds))
        clips = [
            self._clip(name, row, files.get(name, self._root / "audio" / f"fold{fold}" / f"{name}.wav"))
            for name, (row, fold) in sounds.items()
            if fold in here
        ]
        self._labels = tuple(sorted({str(clip.target) for clip in clips}))
        stated: dict[Split, tuple[int, ...]] = {"train": train, "valid": valid, "test": test}
        self._splits = by_fold(clips, folds, stated, f"urbansound8k at {self._root}")

    def _clip(self, name: str, row: Mapping[str, str], path: Path) -> Clip:
        return Clip(name, AudioFile(path), row["class"], recording=row["fsID"])

    def role(self) -> Literal["scene"]:
        """Sounds of the city."""
        return "scene"

    def task(self) -> Task:
        """The classes, judged by accuracy; the scene is what must survive."""
        return Task("classification", self._labels, "accuracy", "scene")

    def clips(self, split: Split) -> Sequence[Clip]:
        """The slices of a split in the table's order; the target is the class, which is the type as noise too."""
        return self._splits[split]

    def splits_of_its_own(self) -> bool:
        """Splits are the folds'."""
        return True

    def problems(self) -> list[str]:
        """Missing and unreadable files, shared source recordings, folds without audio, audio without a row."""
        found = list(faults(self._splits))
        found += [f"{self._root}: fold {fold} is listed but has no audio, left out" for fold in self._absent]
        return found + [f"{name}: not listed in metadata/UrbanSound8K.csv, left out" for name in self._unlisted]

    def card(self) -> Card:
        """Salamon et al. 2014."""
        return Card(
            licence="CC BY-NC 3.0; credits of the recordings in FREESOUNDCREDITS.txt",
            citation="J. Salamon, C. Jacoby and J. P. Bello, 'A dataset and taxonomy for urban sound research', ACM "
            "Multimedia 2014, doi:10.1145/2647868.2655045",
            size="8732 clips of up to 4 s, 8.75 hours",
            source="https://urbansounddataset.weebly.com/urbansound8k.html",
            apart=("recording",),
            layout=LAYOUT,
            clips=8732,
        )
