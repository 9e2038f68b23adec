"""CASIA: four professional speakers read Mandarin sentences in six emotions.

The folders say who speaks and how: ``liuchanhg/angry/201.wav``. The parts that are handed out differ: the whole has 300
sentences that everyone says in every emotion and 100 of each emotion's own, whose folders spell the speakers another
way, as ``Chang.Liu``. Zhong et al. 2020, doi:10.1109/ACCESS.2020.3043894, take 2400 clips and divide them at random,
so that speakers are on both sides; here they are kept apart. Source: Institute of Automation, Chinese Academy of
Sciences, through the Chinese Linguistic Data Consortium, http://www.chineseldc.org/resource_info.php?rid=76.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sefront.core.audio import AudioFile
from sefront.core.clips import Card, Clip, Split, Task
from sefront.core.corpora import audio_below, faults
from sefront.core.errors import SefrontError
from sefront.core.speakers import last_held_out

LAYOUT = "SPEAKER/EMOTION/NAME.wav (or .flac) at any depth, such as liuchanhg/angry/201.wav"
EMOTIONS = {
    "angry": "angry",
    "anger": "angry",
    "fear": "fear",
    "happy": "happy",
    "neutral": "neutral",
    "sad": "sad",
    "surprise": "surprise",
}
SPELLINGS = {
    "Chang.Liu": "liuchanhg",
    "Zhe.Wang": "wangzhe",
    "Quanyin.Zhao": "zhaoquanyin",
    "Zuoxiang.Zhao": "ZhaoZuoxiang",
}


class CASIA:
    """Mandarin acted emotion in six classes, split by speaker.

    Args:
        train: Speakers to train on, such as liuchanhg,wangzhe; empty means those that the other splits leave.
        valid: Speakers for validation; empty means the last one that train and test leave.
        test: Speakers for test; empty means the last one that train and valid leave.
    """

    def __init__(
        self, root: Path, *, train: tuple[str, ...] = (), valid: tuple[str, ...] = (), test: tuple[str, ...] = ()
    ) -> None:
        self._root = Path(root)
        files = {path.relative_to(self._root).with_suffix(""): path for path in audio_below(self._root, LAYOUT)}
        self._strange = sorted(name.as_posix() for name in files if not described(name))
        clips = [
            Clip(name.as_posix(), AudioFile(path), *emotion_and_speaker)
            for name, path in files.items()
            if (emotion_and_speaker := described(name)) is not None
        ]
        if not clips:
            raise SefrontError(f"{self._root}: no file lies as CASIA's ({self._strange[0]}); expected {LAYOUT}")
        self._splits = last_held_out(clips, {"train": train, "valid": valid, "test": test}, f"casia at {self._root}")

    def role(self) -> Literal["speech"]:
        """Acted speech."""
        return "speech"

    def task(self) -> Task:
        """Six emotions, judged by unweighted average recall."""
        return Task("classification", tuple(sorted(set(EMOTIONS.values()))), "uar")

    def clips(self, split: Split) -> Sequence[Clip]:
        """The clips of a split's speakers, by path."""
        return self._splits[split]

    def splits_of_its_own(self) -> bool:
        """Splits are the speakers'."""
        return True

    def problems(self) -> list[str]:
        """Unreadable files and files in folders of no emotion (such files are left out)."""
        return [*faults(self._splits), *(f"{name}: not in SPEAKER/EMOTION, left out" for name in self._strange)]

    def card(self) -> Card:
        """The Institute of Automation of the Chinese Academy of Sciences."""
        return Card(
            licence="licence of the Chinese Linguistic Data Consortium, on request",
            citation="'CASIA Chinese emotional corpus', Institute of Automation, Chinese Academy of Sciences, "
            "http://www.chineseldc.org/resource_info.php?rid=76",
            size="9600 clips of 4 speakers; often a part of 1200 or 2400",
            source="http://www.chineseldc.org/resource_info.php?rid=76",
            apart=("speaker", "recording"),
            layout=LAYOUT,
            clips=9600,
        )


def described(name: Path) -> tuple[str, str] | None:
    """Emotion and speaker of a file at `name` below the root; None if its folders do not say them."""
    *_, speaker, emotion, _ = ("", "", *name.parts)
    known = EMOTIONS.get(emotion.lower())
    return (known, SPELLINGS.get(speaker, speaker)) if known and speaker else None
