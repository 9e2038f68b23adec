"""TAU Urban Audio-Visual Scenes 2021, the audio of it: ten-second recordings of ten scenes in European cities.

The data of task 1B of the challenge DCASE 2021. The splits are the official ones of the development set: fold1_train
trains, fold1_evaluate tests, and validation is drawn out of train by location, since the segments of one location were
cut from one recording. Names read SCENE-CITY-LOCATION-SEGMENT.
Source: Wang et al. 2021, doi:10.1109/ICASSP39728.2021.9415085.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sefront.core.audio import AudioFile
from sefront.core.clips import SPLITS, Card, Clip, Split, Task
from sefront.core.corpora import VALID, audio_below, by_stem, check_shares, faults, labels_of, origin, with_valid
from sefront.core.errors import SefrontError
from sefront.core.listings import rows_of

LAYOUT = (
    "audio/SCENE-CITY-LOCATION-SEGMENT.wav (or .flac) and evaluation_setup/fold1_train.csv and fold1_evaluate.csv "
    "(filename_audio, filename_video, scene_label between tabs)"
)
LISTS: dict[Split, str] = {"train": "fold1_train.csv", "test": "fold1_evaluate.csv"}
COLUMNS = ("filename_audio", "scene_label")


class Dcase2021:
    """Scenes of cities to classify; recorded with two ears, read as the mean of both.

    Args:
        valid: Share of the training locations for validation.
    """

    def __init__(self, root: Path, *, valid: float = VALID) -> None:
        check_shares(valid, 0.0)
        self._root = Path(root)
        files = by_stem(audio_below(self._root / "audio", LAYOUT))
        listed: dict[Split, tuple[Clip, ...]] = dict.fromkeys(SPLITS, ())
        for split, name in LISTS.items():
            rows = [row for _, row in rows_of(self._root / "evaluation_setup" / name, COLUMNS, LAYOUT, "\t")]
            listed[split] = tuple(self._clip(row["filename_audio"], row["scene_label"], files) for row in rows)
        known = {clip.id for split in LISTS for clip in listed[split]}
        if not known & set(files):
            raise SefrontError(f"{self._root}: no file of evaluation_setup lies in audio; expected {LAYOUT}")
        self._unlisted = sorted(set(files) - known)
        self._splits = with_valid(listed, origin, lambda clip: str(clip.target), valid) if valid else listed
        self._labels = labels_of(self._splits, f"dcase2021 at {self._root}")

    def _clip(self, name: str, label: str, files: dict[str, Path]) -> Clip:
        stem = Path(name).stem
        return Clip(stem, AudioFile(files.get(stem, self._root / name)), label, recording=location(stem))

    def role(self) -> Literal["scene"]:
        """Scenes of cities."""
        return "scene"

    def task(self) -> Task:
        """The scenes, judged by accuracy; the scene is what must survive."""
        return Task("classification", self._labels, "accuracy", "scene")

    def clips(self, split: Split) -> Sequence[Clip]:
        """The segments of a split in the order of its list; the target is the scene."""
        return self._splits[split]

    def splits_of_its_own(self) -> bool:
        """The lists say."""
        return True

    def problems(self) -> list[str]:
        """Missing and unreadable files, locations shared between splits, audio in no list."""
        found = list(faults(self._splits))
        if self._unlisted:
            first = self._unlisted[0]
            found.append(f"{self._root}: {len(self._unlisted)} audio files are in no list, left out (first: {first})")
        return found

    def card(self) -> Card:
        """Wang et al. 2021."""
        return Card(
            licence="non-commercial, as its LICENSE file states",
            citation="S. Wang, A. Mesaros, T. Heittola and T. Virtanen, 'A curated dataset of urban scenes for "
            "audio-visual scene analysis', ICASSP 2021, doi:10.1109/ICASSP39728.2021.9415085",
            size="12291 clips of 10 s, 34 hours, two ears at 48 kHz (development set)",
            source="https://doi.org/10.5281/zenodo.4477542",
            apart=("recording",),
            layout=LAYOUT,
            clips=12291,
        )


def location(name: str) -> str:
    """The place of the clip called `name`, such as airport-lisbon-1175, at which one recording was made."""
    return name.rpartition("-")[0] or name
