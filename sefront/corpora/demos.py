"""DEMoS: Italian speech in moods that were induced, not acted: the big six emotions and guilt.

Names such as ``PR_f_23_gio01a`` say whether a clip is prototypical (PR) or not (NP), gender, speaker and emotion.
Milling et al. 2024, doi:10.1007/s11390-024-2934-x, take all emotional clips and leave out the neutral ones. Their
division is not published; it keeps speakers apart and minds gender and classes. Here 60 % of the speakers of each
gender train, 20 % validate and 20 % test: of 1000 draws the one with the likest class ratios.
Source: Parada-Cabaleiro et al. 2020, doi:10.1007/s10579-019-09450-y.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sefront.core.audio import AudioFile
from sefront.core.clips import Card, Clip, Split, Task
from sefront.core.corpora import audio_below, by_stem, faults
from sefront.core.errors import SefrontError
from sefront.core.speakers import drawn_held_out

LAYOUT = "PR_GENDER_SPEAKER_EMOTION.wav and NP_ (or .flac) at any depth, such as DEMOS/PR_f_23_gio01a.wav"
NAME = re.compile(r"(?:PR|NP)_(?P<gender>[fm])_(?P<speaker>\d+)_(?:.*_)?(?P<emotion>[a-z]{3})[^_]*")
EMOTIONS = {
    "col": "guilt",
    "dis": "disgust",
    "gio": "happiness",
    "pau": "fear",
    "rab": "anger",
    "sor": "surprise",
    "tri": "sadness",
}
NEUTRAL = "neu"
VALID, TEST, DRAWS = 0.2, 0.2, 1000


class DEMoS:
    """Italian induced emotion in seven classes, split by speaker; neutral clips are left out.

    Args:
        train: Speakers to train on, such as 02,23; empty means those that the other splits leave.
        valid: Speakers for validation; empty means a drawn 20 % of each gender.
        test: Speakers for test; empty means a drawn 20 % of each gender.
    """

    def __init__(
        self, root: Path, *, train: tuple[str, ...] = (), valid: tuple[str, ...] = (), test: tuple[str, ...] = ()
    ) -> None:
        self._root = Path(root)
        files = by_stem(audio_below(self._root, LAYOUT))
        names = {name: match for name in sorted(files) if (match := NAME.fullmatch(name))}
        codes = {*EMOTIONS, NEUTRAL}
        self._strange = sorted(name for name in files if name not in names or names[name]["emotion"] not in codes)
        moved = {name: match for name, match in names.items() if match["emotion"] in EMOTIONS}
        if not moved:
            raise SefrontError(f"{self._root}: no file is named like the emotional ones of DEMoS; expected {LAYOUT}")
        clips = [
            Clip(name, AudioFile(files[name]), EMOTIONS[match["emotion"]], match["speaker"])
            for name, match in moved.items()
        ]
        genders = {match["speaker"]: match["gender"] for match in moved.values()}
        self._splits = drawn_held_out(
            clips, {"train": train, "valid": valid, "test": test}, f"demos at {self._root}", genders,
            valid=VALID, test=TEST, draws=DRAWS,
        )  # fmt: skip

    def role(self) -> Literal["speech"]:
        """Induced moods."""
        return "speech"

    def task(self) -> Task:
        """Seven emotions, judged by unweighted average recall."""
        return Task("classification", tuple(sorted(EMOTIONS.values())), "uar")

    def clips(self, split: Split) -> Sequence[Clip]:
        """The clips of a split's speakers, by name."""
        return self._splits[split]

    def splits_of_its_own(self) -> bool:
        """Splits are the speakers'."""
        return True

    def problems(self) -> list[str]:
        """Unreadable files and names that say neither speaker nor emotion (such files are left out)."""
        return [*faults(self._splits), *(f"{name}: not named like DEMoS's files, left out" for name in self._strange)]

    def card(self) -> Card:
        """Parada-Cabaleiro et al. 2020."""
        return Card(
            licence="DEMoS end user licence agreement: on request, to be signed by a university",
            citation="E. Parada-Cabaleiro, G. Costantini, A. Batliner, M. Schmitt and B. Schuller, 'DEMoS: An Italian "
            "emotional speech corpus. Elicitation methods, machine learning, and perception', Language Resources and "
            "Evaluation 54, 2020, doi:10.1007/s10579-019-09450-y",
            size="9365 emotional clips of 68 speakers, and 332 neutral ones",
            source="https://zenodo.org/record/2544829",
            apart=("speaker", "recording"),
            layout=LAYOUT,
            clips=9365,
        )
