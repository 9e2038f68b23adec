"""LibriSpeech: read English books with transcripts, split by the corpus's own subsets.

Source: Panayotov et al. 2015, doi:10.1109/ICASSP.2015.7178964. Only the transcripts are read to list the clips, one
file per chapter with lines such as ``84-121123-0000 GO DO YOU HEAR``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from sefront.core.audio import AudioFile
from sefront.core.clips import SPLITS, Card, Clip, Split, Task
from sefront.core.corpora import Splits, check_stated, faults, folder_at
from sefront.core.errors import SefrontError
from sefront.core.transcripts import spelt, transcription

LAYOUT = "SUBSET/SPEAKER/CHAPTER/SPEAKER-CHAPTER-NNNN.flac with SPEAKER-CHAPTER.trans.txt, SUBSET such as dev-clean"
TRANSCRIPTS = "*/*/*.trans.txt"
USUAL: dict[str, Split] = {"dev-clean": "valid", "test-clean": "test"}


class LibriSpeech:
    """Read English with transcripts; the corpus's subsets are its splits.

    Args:
        train: Subsets to train on, such as train-clean-100; empty means every train-* that the other splits leave.
        valid: Subsets for validation; empty means dev-clean.
        test: Subsets for test; empty means test-clean.
    """

    def __init__(
        self,
        root: Path,
        *,
        train: tuple[str, ...] = (),
        valid: tuple[str, ...] = (),
        test: tuple[str, ...] = (),
    ) -> None:
        self._root = folder_at(Path(root), LAYOUT)
        folders = sorted(path for path in self._root.iterdir() if path.is_dir() and not path.name.startswith("."))
        present = [folder.name for folder in folders if next(folder.glob(TRANSCRIPTS), None) is not None]
        if not present:
            raise SefrontError(f"{self._root}: no folders with transcripts; expected {LAYOUT}")
        stated: dict[Split, tuple[str, ...]] = {"train": train, "valid": valid, "test": test}
        check_stated("subset", f"librispeech at {self._root}", present, stated)
        self._homes = split_of(present, stated)
        self._splits: Splits = {
            split: tuple(
                clip for name, home in self._homes.items() if home == split for clip in clips_of(self._root / name)
            )
            for split in SPLITS
        }

    def role(self) -> Literal["speech"]:
        """Read speech."""
        return "speech"

    def task(self) -> Task:
        """What is said, judged by word error rate."""
        return transcription()

    def clips(self, split: Split) -> Sequence[Clip]:
        """The utterances of a split's subsets, by subset, speaker and chapter."""
        return self._splits[split]

    def splits_of_its_own(self) -> bool:
        """Splits are the subsets."""
        return True

    def problems(self) -> list[str]:
        """Missing and unreadable files, transcripts without words, audio without transcript, no train.

        Opens every file, which takes minutes for the whole corpus.
        """
        found = list(faults(self._splits))
        clips = [clip for split in SPLITS for clip in self._splits[split]]
        found += [f"{clip.id}: its transcript has no words" for clip in clips if not clip.target]
        known = {clip.id for clip in clips}
        audio = (path for name in self._homes for path in sorted((self._root / name).glob("*/*/*.flac")))
        found += [f"{path}: no transcript, left out" for path in audio if path.stem not in known]
        if not self._splits["train"]:
            found.append(f"{self._root}: no subset to train on; expected a folder such as train-clean-100")
        return found

    def card(self) -> Card:
        """Panayotov et al. 2015."""
        return Card(
            licence="CC BY 4.0",
            citation="V. Panayotov, G. Chen, D. Povey and S. Khudanpur, 'LibriSpeech: An ASR corpus based on public "
            "domain audio books', ICASSP 2015, doi:10.1109/ICASSP.2015.7178964",
            size="292367 utterances of 2484 speakers, 982 hours",
            source="https://www.openslr.org/12",
            apart=("speaker", "recording"),
            layout=LAYOUT,
            clips=292367,
        )


def clips_of(subset: Path) -> Iterator[Clip]:
    """The clips that the transcripts of a subset list, in a stable order.

    Raises:
        SefrontError: A line of another form, or one that does not belong to its chapter.
    """
    for path in sorted(subset.glob(TRANSCRIPTS)):
        chapter = path.name.removesuffix(".trans.txt")
        speaker = path.parent.parent.name
        seen: set[str] = set()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            name, _, text = line.strip().partition(" ")
            if not name:
                continue
            if not name.startswith(f"{chapter}-"):
                raise SefrontError(f"{path}, line {number}: '{line.strip()}' is not of the form {chapter}-NNNN TEXT")
            if name in seen:
                raise SefrontError(f"{path}, line {number}: {name} has a transcript already")
            seen.add(name)
            yield Clip(name, AudioFile(path.with_name(f"{name}.flac")), spelt(text), speaker)


def split_of(present: Sequence[str], stated: Mapping[Split, Sequence[str]]) -> dict[str, Split]:
    """The split of each subset: as stated, then dev-clean, test-clean and train-*; others are in no split."""
    homes: dict[str, Split] = {name: split for split, names in stated.items() for name in names}
    for name in present:
        split = USUAL.get(name, "train" if name.startswith("train-") else None)
        if name not in homes and split is not None and not stated[split]:
            homes[name] = split
    return homes
