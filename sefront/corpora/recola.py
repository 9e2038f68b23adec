"""RECOLA as the challenge AVEC 2016 gave it out: arousal and valence of French conversations, 25 times a second.

A line of the gold standard holds the recording's name, the time in seconds and the value, below the header of an ARFF
file, or below the column names of a table. Test labels were never published. Source: Ringeval et al. 2013,
doi:10.1109/FG.2013.6553805; Valstar et al. 2016, doi:10.1145/2988257.2988258.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sefront.core.audio import AudioFile
from sefront.core.clips import SPLITS, Card, Clip, Split, Task
from sefront.core.corpora import Splits, audio_below, by_stem, check_stated, faults
from sefront.core.errors import DamagedAudioError, SefrontError

LAYOUT = "recordings_audio/dev_1.wav and so on, and ratings_gold_standard/{arousal,valence}/dev_1.arff (or .csv)"
NAME = re.compile(r"(?P<part>train|dev|test)_(?P<number>\d+)")
DIMENSIONS = ("arousal", "valence")
FRAME_RATE = 25.0  # Hz


@dataclass(frozen=True)
class GoldStandard:
    """The trace of a recording.

    Args:
        files: A file for each dimension.
    """

    files: tuple[Path, ...]

    def values(self) -> NDArray[np.float32]:
        """The trace, (frames, dimensions).

        Raises:
            DamagedAudioError: A file is missing or not of the expected form, or one is longer than the other.
        """
        columns = [column(path) for path in self.files]
        for path, found in zip(self.files, columns, strict=True):
            if len(found) != len(columns[0]):
                raise DamagedAudioError(f"{path}: holds {len(found)} frames, but {self.files[0]} {len(columns[0])}")
        return np.array(columns, dtype=np.float32).T

    def fault(self) -> str | None:
        """What is wrong with it, if anything."""
        try:
            self.values()
        except DamagedAudioError as error:
            return str(error)
        return None


class Recola:
    """French conversations with arousal and valence over time, split by speaker.

    The parts train and dev are for training and validation. Where test has no labels, as published, every other
    recording of dev is for test, since what stops the training may not judge it as well. The paper of the emotion_*
    backends stopped by all of dev and reports it too.

    Args:
        dimension: What to trace: both, or one of them, as the paper does.
        train: Recordings to train on, such as train_1,train_2; empty means the part train.
        valid: Recordings for validation; empty means dev, or every other of it that test leaves.
        test: Recordings for test; empty means the part test, or where it has no labels what valid leaves of dev.
    """

    def __init__(
        self,
        root: Path,
        *,
        dimension: Literal["both", "arousal", "valence"] = "both",
        train: tuple[str, ...] = (),
        valid: tuple[str, ...] = (),
        test: tuple[str, ...] = (),
    ) -> None:
        self._root = Path(root)
        self._dimensions = DIMENSIONS if dimension == "both" else (dimension,)
        files = by_stem(audio_below(self._root / "recordings_audio", LAYOUT))
        labels = {name: ratings(self._root / "ratings_gold_standard" / name) for name in self._dimensions}
        self._strange = sorted(name for name in files if not NAME.fullmatch(name))
        names = sorted((name for name in files if NAME.fullmatch(name)), key=place)
        rated = {name: [labels[d][name] for d in self._dimensions if name in labels[d]] for name in names}
        self._untold = [name for name in names if len(rated[name]) < len(labels) and not name.startswith("test_")]
        self._silent = sorted({name for found in labels.values() for name in found} - set(files), key=place)
        present = [name for name in names if len(rated[name]) == len(labels)]
        if not present:
            raise SefrontError(f"{self._root}: no recording has labels; expected {LAYOUT}")
        stated: dict[Split, tuple[str, ...]] = {"train": train, "valid": valid, "test": test}
        check_stated("recording", f"recola at {self._root}", present, stated)
        homes = split_of(present, stated)
        clips = [Clip(name, AudioFile(files[name]), GoldStandard(tuple(rated[name])), name) for name in present]
        self._splits: Splits = {split: tuple(c for c in clips if homes.get(c.id) == split) for split in SPLITS}

    def role(self) -> Literal["speech"]:
        """Conversations, the recorded speaker's part."""
        return "speech"

    def task(self) -> Task:
        """Arousal, valence or both, judged by concordance."""
        return Task("trace", self._dimensions, "ccc", frame_rate=FRAME_RATE)

    def clips(self, split: Split) -> Sequence[Clip]:
        """The recordings of a split, by number."""
        return self._splits[split]

    def splits_of_its_own(self) -> bool:
        """Splits are the challenge's, or stated."""
        return True

    def problems(self) -> list[str]:
        """Unreadable files and labels, missing audio and labels, splits without recordings.

        The recordings of test have no labels, as published; that is no problem. Reads all labels.
        """
        found = list(faults(self._splits))
        targets = [clip.target for split in SPLITS for clip in self._splits[split]]
        found += [fault for gold in targets if isinstance(gold, GoldStandard) and (fault := gold.fault())]
        found += [f"{name}: labels are missing in ratings_gold_standard, left out" for name in self._untold]
        found += [f"{name}: has labels, but no audio in recordings_audio" for name in self._silent]
        found += [f"{name}: not named like the challenge's files, left out" for name in self._strange]
        return found + [f"{self._root}: no recording for {split}" for split in SPLITS if not self._splits[split]]

    def card(self) -> Card:
        """Ringeval et al. 2013."""
        return Card(
            licence="RECOLA end user licence agreement: research only, on request",
            citation="F. Ringeval, A. Sonderegger, J. Sauer and D. Lalanne, 'Introducing the RECOLA multimodal corpus "
            "of remote collaborative and affective interactions', FG 2013, doi:10.1109/FG.2013.6553805; M. Valstar et "
            "al., 'AVEC 2016: Depression, mood, and emotion recognition workshop and challenge', AVEC 2016, "
            "doi:10.1145/2988257.2988258",
            size="27 recordings of 27 speakers, 5 minutes each, 9 of them without published labels",
            source="https://diuf.unifr.ch/main/diva/recola/",
            apart=("speaker", "recording"),
            layout=LAYOUT,
            clips=27,
        )


def place(name: str) -> tuple[str, int]:
    """Where a name such as dev_10 stands among the others."""
    part, _, number = name.partition("_")
    return part, int(number)


def ratings(folder: Path) -> dict[str, Path]:
    """The files of a dimension by recording; those of whole parts, such as train_all, do not count.

    Raises:
        SefrontError: There is no such folder.
    """
    if not folder.is_dir():
        raise SefrontError(f"{folder}: no such folder; expected {LAYOUT}")
    found = by_stem([*sorted(folder.glob("*.csv")), *sorted(folder.glob("*.arff"))])
    return {name: path for name, path in found.items() if NAME.fullmatch(name)}


def split_of(present: Sequence[str], stated: Mapping[Split, Sequence[str]]) -> dict[str, Split]:
    """The split of each recording: as stated, then by part; dev is divided where nothing else is there to test with."""
    homes: dict[str, Split] = {name: split for split, names in stated.items() for name in names}
    left = {part: [n for n in present if place(n)[0] == part and n not in homes] for part in ("train", "dev", "test")}
    if not stated["train"]:
        homes |= dict.fromkeys(left["train"], "train")
    if not stated["test"]:
        homes |= dict.fromkeys(left["test"], "test")
    untested = "test" not in homes.values()
    if stated["valid"]:
        homes |= dict.fromkeys(left["dev"] if untested else [], "test")
    else:
        homes |= dict.fromkeys(left["dev"], "valid")
        homes |= dict.fromkeys(left["dev"][1::2] if untested else [], "test")
    return homes


def column(path: Path) -> list[float]:
    """The values in a file of the gold standard.

    Raises:
        DamagedAudioError: It is missing or empty, or a line is not NAME,TIME,VALUE or not 40 ms after the last.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise DamagedAudioError(f"{path}: not readable ({error.strerror})") from error
    values: list[float] = []
    for number, line in entries(path, lines):
        fields = next(csv.reader([line], delimiter=";" if ";" in line else ","))
        try:
            time, value = map(float, fields[-2:])
        except ValueError as error:
            raise DamagedAudioError(f"{path}, line {number}: '{line}' is not of the form NAME,TIME,VALUE") from error
        expected = len(values) / FRAME_RATE
        if not abs(time - expected) < 0.5 / FRAME_RATE:
            raise DamagedAudioError(f"{path}, line {number}: the time is {time:g} s, not {expected:g} s; 40 ms a line")
        if not math.isfinite(value):
            raise DamagedAudioError(f"{path}, line {number}: the value {value} is not finite")
        values.append(value)
    if not values:
        raise DamagedAudioError(f"{path}: holds no values")
    return values


def entries(path: Path, lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Numbers and texts of the lines that hold data: below the header, and neither empty nor a comment."""
    kept = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    if path.suffix == ".csv":
        return iter(kept[1:])
    return ((number, line) for number, line in kept if not line.startswith(("@", "%")))
