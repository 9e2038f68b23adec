"""EMO-DB: ten actors speak ten German sentences in seven emotions.

Source: Burkhardt et al. 2005, doi:10.21437/Interspeech.2005-446. Names are ``SSTTTEv``: speaker, text, emotion
and version, such as ``03a01Fa`` for the first version of happiness.
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
from sefront.core.speakers import last_held_out

LAYOUT = "wav/SSTTTEv.wav (or .flac), such as wav/03a01Fa.wav"
NAME = re.compile(r"(?P<speaker>\d\d)[a-z]\d\d(?P<emotion>[WLEAFTN])[a-z]?")
EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}


class EmoDB:
    """German acted emotion in seven classes, split by speaker.

    Args:
        train: Speakers to train on, such as 03,08; empty means those that the other splits leave.
        valid: Speakers for validation; empty means the last one that train and test leave.
        test: Speakers for test; empty means the last one that train and valid leave.
    """

    def __init__(
        self,
        root: Path,
        *,
        train: tuple[str, ...] = (),
        valid: tuple[str, ...] = (),
        test: tuple[str, ...] = (),
    ) -> None:
        self._root = Path(root)
        files = by_stem(audio_below(self._root / "wav", LAYOUT))
        self._strange = sorted(name for name in files if not NAME.fullmatch(name))
        clips = [clip for name, path in files.items() if (clip := clip_of(name, path)) is not None]
        if not clips:
            raise SefrontError(f"{self._root}: no file is named like EMO-DB's ({self._strange[0]}); expected {LAYOUT}")
        stated: Mapping[Split, tuple[str, ...]] = {"train": train, "valid": valid, "test": test}
        self._splits = last_held_out(clips, stated, f"emodb at {self._root}")

    def role(self) -> Literal["speech"]:
        """Acted speech."""
        return "speech"

    def task(self) -> Task:
        """The seven emotions, judged by unweighted average recall."""
        return Task("classification", tuple(sorted(EMOTIONS.values())), "uar")

    def clips(self, split: Split) -> Sequence[Clip]:
        """The clips of a split's speakers, by name."""
        return self._splits[split]

    def splits_of_its_own(self) -> bool:
        """Splits are the speakers'."""
        return True

    def problems(self) -> list[str]:
        """Unreadable files and names that say neither speaker nor emotion (such files are left out)."""
        return [*faults(self._splits), *(f"{name}: not named like EMO-DB's files, left out" for name in self._strange)]

    def card(self) -> Card:
        """Burkhardt et al. 2005."""
        return Card(
            licence="CC0",
            citation="F. Burkhardt, A. Paeschke, M. Rolfes, W. Sendlmeier and B. Weiss, 'A database of German "
            "emotional speech', Interspeech 2005, doi:10.21437/Interspeech.2005-446",
            size="535 clips of 10 speakers, 25 minutes",
            source="http://emodb.bilderbar.info",
            apart=("speaker", "recording"),
            layout=LAYOUT,
            clips=535,
        )


def clip_of(name: str, path: Path) -> Clip | None:
    """The clip that a file name describes; None if it is not of the form SSTTTEv."""
    match = NAME.fullmatch(name)
    return Clip(name, AudioFile(path), EMOTIONS[match["emotion"]], match["speaker"]) if match else None
