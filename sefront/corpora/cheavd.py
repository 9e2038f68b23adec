"""CHEAVD 2.0: Mandarin speech of films and television in eight emotions, as the challenge MEC 2017 gave it out.

The clips are noisy as they were broadcast and nobody has their clean part, so nothing is mixed into them and a frontend
has to be trained elsewhere. Classes and counts are those of the challenge. As in Zhou et al. 2020, its validation set
of 707 clips is the test, and 700 of its 4917 training clips, drawn at random, validate. Which ones they do not say, so
the draw is sefront's own; who speaks is not known, so a speaker may be in several splits. The names of the folders are
assumed: whoever has the challenge's files sorts them so, by the labels that came with them. Its test set is not read.

Source: Li et al. 2018, doi:10.1109/ACIIAsia.2018.8470342. Protocol: Zhou et al. 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sefront.core.audio import AudioFile, audio_files
from sefront.core.clips import SPLITS, Card, Clip, Split, Task
from sefront.core.corpora import Splits, draw, faults, folder_at
from sefront.core.errors import SefrontError

LAYOUT = "train/EMOTION/NAME.wav and val/EMOTION/NAME.wav (or .flac), EMOTION such as angry"
EMOTIONS = ("angry", "anxious", "disgust", "happiness", "neutral", "sad", "surprise", "worried")
TRAIN, VALID, TEST = 4917, 700, 707  # clips for training, those of them that validate, and those of the test


class CHEAVD:
    """Natural Mandarin emotion in eight classes, recorded in noise.

    Its clips have no clean references: signal metrics are not applicable to them, and no frontend learns from them.
    """

    def __init__(self, root: Path) -> None:
        self._root = folder_at(Path(root), LAYOUT)
        self._strange: list[str] = []
        training, test = self._labelled("train"), self._labelled("val")
        if not training and not test:
            strange = f" ({self._strange[0]} lies in none)" if self._strange else ""
            raise SefrontError(f"{self._root}: no audio in folders of the eight emotions{strange}; expected {LAYOUT}")
        home = draw([clip.id for clip in training], VALID / TRAIN, 0.0)
        self._splits: Splits = {
            "train": tuple(clip for clip in training if home[clip.id] == "train"),
            "valid": tuple(clip for clip in training if home[clip.id] == "valid"),
            "test": tuple(test),
        }

    def _labelled(self, part: str) -> list[Clip]:
        """The clips of a `part` of the challenge, by emotion and name; files in other folders are kept in mind."""
        clips = []
        for path in audio_files(self._root / part):
            name = path.relative_to(self._root).with_suffix("").as_posix()
            emotion = path.parent.name.lower()
            if emotion in EMOTIONS:
                clips.append(Clip(name, AudioFile(path), emotion, recorded=True))
            else:
                self._strange.append(name)
        return clips

    def role(self) -> Literal["speech"]:
        """Speech with whatever was heard beside it."""
        return "speech"

    def task(self) -> Task:
        """Eight emotions, judged by accuracy."""
        return Task("classification", EMOTIONS, "accuracy")

    def clips(self, split: Split) -> Sequence[Clip]:
        """The clips of a split, noisy as they came."""
        return self._splits[split]

    def splits_of_its_own(self) -> bool:
        """Training and test are the challenge's."""
        return True

    def problems(self) -> list[str]:
        """Unreadable files, files in folders of no emotion (left out), splits without clips."""
        found = [*faults(self._splits), *(f"{name}: in no folder of an emotion, left out" for name in self._strange)]
        return found + [f"{self._root}: no clips for {split}" for split in SPLITS if not self._splits[split]]

    def card(self) -> Card:
        """Li et al. 2018."""
        return Card(
            licence="licence of the Chinese Linguistic Data Consortium, on request",
            citation="Y. Li, J. Tao, B. Schuller, S. Shan, D. Jiang and J. Jia, 'MEC 2017: Multimodal Emotion "
            "Recognition Challenge', ACII Asia 2018, doi:10.1109/ACIIAsia.2018.8470342",
            size=f"{TRAIN} clips for training and {TEST} for validation, without the challenge's test set",
            source="http://www.chineseldc.org/htdocsEn/emotion.html",
            apart=("recording",),
            layout=LAYOUT,
            clips=TRAIN + TEST,
        )
