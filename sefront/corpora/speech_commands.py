"""Speech Commands: one-second spoken words (Warden 2018, arXiv:1804.03209), split by the official lists.

Without lists the rule that made them is applied: SHA-1 of the speaker's hash, a tenth each for validation and test
(Warden 2018, §5). ``_background_noise_`` is no class; it is what the corpus offers as noise.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sefront.core.audio import AudioFile, audio_files
from sefront.core.clips import SPLITS, Card, Clip, Split, Task
from sefront.core.corpora import Splits, divided, faults, folder_at
from sefront.core.errors import SefrontError, unknown

LAYOUT = "WORD/HASH_nohash_N.wav (or .flac) with validation_list.txt and testing_list.txt"
LISTS: dict[str, Split] = {"validation_list.txt": "valid", "testing_list.txt": "test"}
NOISE = "_background_noise_"
SPEAKER = re.compile(r"([^_]+)_nohash_")
BUCKETS = 2**27  # of the official rule


class SpeechCommands:
    """Spoken command words with speaker-disjoint official splits.

    Args:
        words: The classes to keep, such as yes,no; empty means every word folder.
    """

    def __init__(self, root: Path, *, words: tuple[str, ...] = ()) -> None:
        self._root = folder_at(Path(root), LAYOUT)
        folders = sorted(path for path in self._root.iterdir() if path.is_dir() and not path.name.startswith("."))
        files = {folder.name: found for folder in folders if folder.name != NOISE and (found := audio_files(folder))}
        if not files:
            raise SefrontError(f"{self._root}: no word folders with audio; expected {LAYOUT}")
        for word in words:
            if word not in files:
                raise unknown("word", word, files, f"speech_commands at {self._root}")
        self._words = tuple(sorted(set(words) or files))
        self._listed = lists(self._root)
        clips = [clip_of(path, word) for word in self._words for path in files[word]]
        self._splits: Splits = {split: tuple(c for c in clips if self._home(c) == split) for split in SPLITS}

    def _home(self, clip: Clip) -> Split:
        """As listed, else train; by the official rule where there are no lists."""
        if self._listed is None:
            return official(clip.speaker or clip.id)
        return self._listed.get(clip.id, "train")

    def role(self) -> Literal["speech"]:
        """Spoken words."""
        return "speech"

    def task(self) -> Task:
        """Which word is spoken, judged by accuracy."""
        return Task("classification", self._words, "accuracy")

    def clips(self, split: Split) -> Sequence[Clip]:
        """The words of a split: the lists name validation and test, the rest trains."""
        return self._splits[split]

    def noise_clips(self, split: Split) -> Sequence[Clip]:
        """Whole background recordings, each in one split.

        Raises:
            SefrontError: The corpus was copied without its background noise.
        """
        found = audio_files(self._root / NOISE)
        if not found:
            raise SefrontError(f"{self._root}: no {NOISE} folder with audio, so the corpus offers no noise")
        clips = [Clip(f"{NOISE}/{path.stem}", AudioFile(path), path.stem) for path in found]
        return divided(clips, lambda clip: clip.id, lambda clip: str(clip.target), pooled=True)[split]

    def splits_of_its_own(self) -> bool:
        """The lists say."""
        return True

    def problems(self) -> list[str]:
        """Unreadable files, speakers in two splits, listed files that are absent, names without a speaker, no train."""
        clips = [clip for split in SPLITS for clip in self._splits[split]]
        known = {clip.id for clip in clips}
        found = list(faults(self._splits))
        found += [f"{clip.id}: the name says no speaker (HASH_nohash_N)" for clip in clips if clip.speaker is None]
        for name, split in LISTS.items():
            listed = [entry for entry, home in (self._listed or {}).items() if home == split]
            absent = [entry for entry in listed if entry not in known and entry.split("/")[0] in self._words]
            if absent:
                found.append(f"{name}: {len(absent)} of {len(listed)} entries have no file (first: {absent[0]})")
        if not self._splits["train"]:
            found.append(f"{self._root}: no clips to train on, all belong to validation or test")
        return found

    def card(self) -> Card:
        """Warden 2018."""
        return Card(
            licence="CC BY 4.0",
            citation="P. Warden, 'Speech Commands: A dataset for limited-vocabulary speech recognition', 2018, "
            "arXiv:1804.03209",
            size="105829 one-second clips of 35 words, 2618 speakers (v0.02)",
            source="http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
            apart=("speaker", "recording"),
            layout=LAYOUT,
            clips=105829,
            known=("clipped", "duplicate"),
        )


def clip_of(path: Path, word: str) -> Clip:
    """The clip of a file; its id is what the lists call it, without suffix."""
    match = SPEAKER.search(path.stem)
    return Clip(f"{word}/{path.stem}", AudioFile(path), word, match[1] if match else None)


def lists(root: Path) -> dict[str, Split] | None:
    """The split of each listed clip by id; None where there are no lists.

    Raises:
        SefrontError: One list is missing, which would send its speakers to train.
    """
    missing = [name for name in LISTS if not (root / name).is_file()]
    if len(missing) == len(LISTS):
        return None
    if missing:
        raise SefrontError(f"{root}: no {missing[0]} beside the other list; expected {LAYOUT}")
    listed: dict[str, Split] = {}
    for name, split in LISTS.items():
        for number, line in enumerate((root / name).read_text(encoding="utf-8").splitlines(), 1):
            entry = line.strip().rsplit(".", 1)[0]
            if entry and listed.setdefault(entry, split) != split:
                raise SefrontError(f"{root / name}, line {number}: {line.strip()} is in both lists; expected in one")
    return listed


def official(speaker: str) -> Split:
    """The rule behind the official lists: the speaker's hash decides, 10 % validation, 10 % test.

    >>> official("6021f08b")
    'test'
    """
    bucket = int(hashlib.sha1(speaker.encode(), usedforsecurity=False).hexdigest(), 16) % BUCKETS
    percent = bucket * 100.0 / (BUCKETS - 1)
    return "valid" if percent < 10 else "test" if percent < 20 else "train"
