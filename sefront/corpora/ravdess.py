"""RAVDESS: 24 actors speak two English sentences in eight emotions.

Names are seven numbers, such as ``03-01-06-01-02-01-12``: modality (03 is audio), channel (01 is speech, 02 song),
emotion, intensity, sentence, repetition and actor; actors with odd numbers are men. No split was published.
Source: Livingstone and Russo 2018, doi:10.1371/journal.pone.0196391.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from sefront.core.audio import AudioFile
from sefront.core.clips import Card, Clip, Split, Task
from sefront.core.corpora import audio_below, by_stem, faults
from sefront.core.errors import SefrontError
from sefront.core.speakers import drawn_held_out

LAYOUT = "Actor_01/03-01-06-01-02-01-01.wav (or .flac) to Actor_24, the speech part"
NAME = re.compile(r"03-(?P<channel>0[12])-(?P<emotion>0[1-8])-\d\d-\d\d-\d\d-(?P<actor>\d\d)")
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")  # by number, from 01


class RAVDESS:
    """English acted emotion in eight classes, split by actor. Songs, where they are there as well, are left out.

    Args:
        train: Actors to train on, such as 01,02; empty means those that the other splits leave.
        valid: Actors for validation; empty means a drawn 15 %, as many women as men.
        test: Actors for test; empty means a drawn 15 %, as many women as men.
    """

    def __init__(
        self, root: Path, *, train: tuple[str, ...] = (), valid: tuple[str, ...] = (), test: tuple[str, ...] = ()
    ) -> None:
        self._root = Path(root)
        files = by_stem(audio_below(self._root, LAYOUT))
        self._strange = sorted(name for name in files if not NAME.fullmatch(name))
        clips = [clip for name in sorted(files) if (clip := clip_of(name, files[name])) is not None]
        if not clips:
            raise SefrontError(f"{self._root}: no file is named like the speech of RAVDESS; expected {LAYOUT}")
        genders = {str(clip.speaker): "male" if int(str(clip.speaker)) % 2 else "female" for clip in clips}
        stated: Mapping[Split, tuple[str, ...]] = {"train": train, "valid": valid, "test": test}
        self._splits = drawn_held_out(clips, stated, f"ravdess at {self._root}", genders)

    def role(self) -> Literal["speech"]:
        """Acted speech."""
        return "speech"

    def task(self) -> Task:
        """Eight emotions, judged by unweighted average recall."""
        return Task("classification", tuple(sorted(EMOTIONS)), "uar")

    def clips(self, split: Split) -> Sequence[Clip]:
        """The clips of a split's actors, by name."""
        return self._splits[split]

    def splits_of_its_own(self) -> bool:
        """Splits are the actors'."""
        return True

    def problems(self) -> list[str]:
        """Unreadable files and names that say neither actor nor emotion (such files are left out)."""
        return [*faults(self._splits), *(f"{name}: not named like RAVDESS's files, left out" for name in self._strange)]

    def card(self) -> Card:
        """Livingstone and Russo 2018."""
        return Card(
            licence="CC BY-NC-SA 4.0",
            citation="S. R. Livingstone and F. A. Russo, 'The Ryerson audio-visual database of emotional speech and "
            "song (RAVDESS)', PLoS ONE 13(5), 2018, doi:10.1371/journal.pone.0196391",
            size="1440 clips of 24 actors",
            source="https://zenodo.org/record/1188976",
            apart=("speaker", "recording"),
            layout=LAYOUT,
            clips=1440,
        )


def clip_of(name: str, path: Path) -> Clip | None:
    """The clip that a file name describes; None if it is no speech of RAVDESS."""
    match = NAME.fullmatch(name)
    if match is None or match["channel"] != "01":
        return None
    return Clip(name, AudioFile(path), EMOTIONS[int(match["emotion"]) - 1], match["actor"])
