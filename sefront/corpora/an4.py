"""AN4: letters, digits, names and dates, spelt and spoken into a close microphone.

Source: Acero 1993, http://www.speech.cs.cmu.edu/databases/an4/. The transcript of a recording is a line such as
``<s> RUBOUT G M E F THREE NINE </s> (an152-mwhw-b)``; names hold the speaker, and the speakers of the test transcripts,
where those are there, are the test speakers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from sefront.core.audio import AudioFile, audio_files
from sefront.core.clips import SPLITS, Card, Clip, Split, Task
from sefront.core.corpora import TEST, VALID, Splits, by_stem, check_stated, draw, faults, folder_at
from sefront.core.errors import SefrontError
from sefront.core.transcripts import spelt, transcription

LAYOUT = "wav/an4_clstk/SPEAKER/NAME.sph (or .flac, .wav) and etc/an4_train.transcription"
FILES = ("an4_train.transcription", "an4_test.transcription")
LINE = re.compile(r"(?:<s>)?(?P<text>[^<>()]*)(?:</s>)?\s*\((?P<name>[^\s()]+)\)")
HELD_OUT = ("fash", "fbbh", "fclc", "fejs", "mblb", "mblw", "mbmg", "mcel")  # usual for validation


class Said(NamedTuple):
    """A transcript, and the file in etc that holds it."""

    text: str
    file: str


class AN4:
    """Spelt and spoken census answers with transcripts, split by speaker.

    Args:
        train: Speakers to train on, such as fkai,mcen; empty means those that the other splits leave.
        valid: Speakers for validation; empty means fash, fbbh, fclc, fejs, mblb, mblw, mbmg, mcel, or a drawn 15 %.
        test: Speakers for test; empty means those of etc/an4_test.transcription, or a drawn 15 %.
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
        files = recordings(self._root)
        self._said = transcripts(self._root / "etc")
        self._untold = sorted(set(files) - set(self._said))
        self._absent = [name for name in self._said if name not in files]
        self._silent = [name for name, said in self._said.items() if not said.text]
        found = {name: said for name, said in self._said.items() if name in files and said.text}
        if not found:
            raise SefrontError(f"{self._root}: no recording in wav has a transcript in etc; expected {LAYOUT}")
        clips = [Clip(name, AudioFile(files[name]), said.text, speaker(files[name])) for name, said in found.items()]
        present = sorted({str(clip.speaker) for clip in clips})
        stated: dict[Split, tuple[str, ...]] = {"train": train, "valid": valid, "test": test}
        check_stated("speaker", f"an4 at {self._root}", present, stated)
        homes = split_of(present, stated, {str(c.speaker) for c in clips if found[c.id].file == FILES[1]})
        self._splits: Splits = {
            split: tuple(c for c in clips if homes.get(str(c.speaker)) == split) for split in SPLITS
        }

    def role(self) -> Literal["speech"]:
        """Read and spelt speech."""
        return "speech"

    def task(self) -> Task:
        """What is said, judged by word error rate."""
        return transcription()

    def clips(self, split: Split) -> Sequence[Clip]:
        """The recordings of a split's speakers in the order of the transcripts."""
        return self._splits[split]

    def splits_of_its_own(self) -> bool:
        """Splits are the speakers'."""
        return True

    def problems(self) -> list[str]:
        """Unreadable files, transcripts without audio or without words, audio without transcript, no train."""
        found = list(faults(self._splits))
        for file in FILES:
            listed = [name for name, said in self._said.items() if said.file == file]
            absent = [name for name in self._absent if self._said[name].file == file]
            if absent:
                found.append(f"etc/{file}: {len(absent)} of {len(listed)} lines have no audio (first: {absent[0]})")
        found += [
            f"{name}: its transcript in etc/{self._said[name].file} has no words, left out" for name in self._silent
        ]
        found += [f"{name}: no transcript in etc, left out" for name in self._untold]
        if not self._splits["train"]:
            found.append(f"{self._root}: no clips to train on, all belong to validation or test")
        return found

    def card(self) -> Card:
        """Acero 1993."""
        return Card(
            licence="AN4 terms: free for any purpose, with the notice of Carnegie Mellon University",
            citation="A. Acero, 'Acoustical and environmental robustness in automatic speech recognition', Kluwer, "
            "1993, http://www.speech.cs.cmu.edu/databases/an4/",
            size="1078 clips of 84 speakers, 70 minutes",
            source="http://www.speech.cs.cmu.edu/databases/an4/",
            apart=("speaker", "recording"),
            layout=LAYOUT,
            clips=1078,
        )


def recordings(root: Path) -> dict[str, Path]:
    """The audio below wav by name; SPHERE files count, where no other format of the same recording is there.

    Raises:
        SefrontError: There are none.
    """
    folder = folder_at(root / "wav", LAYOUT)
    found = by_stem([*sorted(folder.rglob("*.sph")), *audio_files(folder)])
    if not found:
        raise SefrontError(f"{folder}: no audio files there; expected {LAYOUT}")
    return found


def speaker(path: Path) -> str:
    """Who speaks: the middle of a name such as an152-mwhw-b, else the folder."""
    parts = path.stem.split("-")
    return parts[1] if len(parts) == 3 and parts[1] else path.parent.name


def transcripts(folder: Path) -> dict[str, Said]:
    """What is said in each recording by name.

    Raises:
        SefrontError: No transcripts of the training part, a line of another form, or a recording in two lines.
    """
    if not (folder / FILES[0]).is_file():
        raise SefrontError(f"{folder / FILES[0]}: no such file; expected {LAYOUT}")
    said: dict[str, Said] = {}
    for file in (name for name in FILES if (folder / name).is_file()):
        lines = (folder / file).read_text(encoding="utf-8", errors="replace").splitlines()
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            match = LINE.fullmatch(line.strip())
            if match is None:
                raise SefrontError(
                    f"{folder / file}, line {number}: '{line.strip()}' is not of the form <s> TEXT </s> (NAME)"
                )
            if match["name"] in said:
                raise SefrontError(f"{folder / file}, line {number}: {match['name']} has a transcript already")
            said[match["name"]] = Said(spelt(match["text"]), file)
    return said


def split_of(present: Sequence[str], stated: Mapping[Split, Sequence[str]], official: set[str]) -> dict[str, Split]:
    """The split of each speaker: as stated, then the `official` test speakers and those of `HELD_OUT`, then drawn.

    Speakers that a stated train leaves over are in no split.
    """
    homes: dict[str, Split] = {name: split for split, names in stated.items() for name in names}
    if not stated["test"]:
        homes |= dict.fromkeys(sorted(official - set(homes)), "test")
    left = [name for name in present if name not in homes]
    usual = [name for name in left if name in HELD_OUT]
    if not stated["valid"] and (stated["train"] or len(usual) < len(left)):
        homes |= dict.fromkeys(usual, "valid")
    settled = set(homes.values())
    left = [name for name in left if name not in homes]
    drawn = draw(left, 0 if "valid" in settled else VALID, 0 if "test" in settled else TEST)
    return homes | {name: split for name, split in drawn.items() if split != "train" or not stated["train"]}
