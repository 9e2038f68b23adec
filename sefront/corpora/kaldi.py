"""Data directories of Kaldi: what ``wav.scp`` names, cut by ``segments``, said by whom in ``utt2spk``, and ``text``.

Every line of these files is a name and what belongs to it. The directory is the data, or holds one directory for each
split (``train``, ``dev`` or ``valid``, ``test``). An entry of ``wav.scp`` that is a command is never run. Source of the
layout: Povey et al. 2011, The Kaldi Speech Recognition Toolkit, and https://kaldi-asr.org/doc/data_prep.html.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sefront.core.clips import Card, Split
from sefront.core.columns import TIMES, Columns, Target
from sefront.core.corpora import SPLIT_NAMES, TEST, VALID, folder_at
from sefront.core.errors import SefrontError
from sefront.core.listed import Listed, Role

LAYOUT = "a data directory of Kaldi, with wav.scp, or with such directories called train, dev and test"
BLANK = re.compile(r"[ \t]+")
ARCHIVE = re.compile(r"\.ark(:\d+)?$")


class Entry(NamedTuple):
    """What belongs to a name, and where that stands."""

    text: str
    where: str


class Utterance(NamedTuple):
    """A row: its cells as text, its start and end in seconds, and where it stands."""

    cells: dict[str, str]
    times: tuple[float, float]
    where: str


class Kaldi(Listed):
    """The utterances of data directories of Kaldi.

    Args:
        label: A file of the directory with the class of each utterance, such as utt2lang; None means that the text is
            what to predict, where there is one.
        base: Folder that relative paths start from, such as the one that the recipe runs in; None means the directory.
        role: What the recordings are.
        metric: Headline metric; None means uar for labels and wer for transcripts.
        alphabet: The symbols of transcripts; None means those that occur in them.
        valid: Share of the speakers or recordings for validation, where there is no directory for it.
        test: Share of the speakers or recordings for test, where there are no directories for splits.
        follow_outside: Whether paths may lead out of the directory, or of `base`.
    """

    def __init__(
        self,
        root: Path,
        *,
        label: str | None = None,
        base: str | None = None,
        role: Role = "speech",
        metric: str | None = None,
        alphabet: str | None = None,
        valid: float = VALID,
        test: float = TEST,
        follow_outside: bool = False,
    ) -> None:
        root = folder_at(Path(root), LAYOUT)
        homes = directories(root)
        rows = [row for place, split in homes.items() for row in utterances(place, split, label)]
        if not rows:
            raise SefrontError(f"{root}: its wav.scp holds nothing; expected {LAYOUT}")
        names = dict.fromkeys(name for row in rows for name in row.cells)
        columns = Columns(
            root, Path(base).expanduser() if base else root,
            {name: [row.cells.get(name, "") for row in rows] for name in names},
            {name: np.array([row.times[i] for row in rows]) for i, name in enumerate(TIMES)},
            origins=[row.where for row in rows], follow_outside=follow_outside,
        )  # fmt: skip
        target: Target = "label" if label else "transcript"
        found = target if target in names else None
        super().__init__(columns, role=role, target=found, metric=metric, alphabet=alphabet, valid=valid, test=test)

    def card(self) -> Card:
        """What a bare directory can say, and how it is laid out."""
        return replace(super().card(), layout=LAYOUT)


def directories(root: Path) -> dict[Path, Split | None]:
    """The data directories at `root`, and the split of each where it is called like one.

    Raises:
        SefrontError: There is none.
    """
    if (root / "wav.scp").is_file():
        return {root: None}
    below = (path for path in sorted(root.iterdir()) if path.name in SPLIT_NAMES and (path / "wav.scp").is_file())
    found: dict[Path, Split | None] = {path: SPLIT_NAMES[path.name] for path in below}
    if not found:
        raise SefrontError(f"{root}: no wav.scp there; expected {LAYOUT}")
    return found


def entries(path: Path) -> dict[str, Entry]:
    """What belongs to each name of a file; empty lines are left out.

    Raises:
        SefrontError: It cannot be read, or a name stands twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise SefrontError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from error
    except OSError as error:
        raise SefrontError(f"{path}: cannot be read ({error.strerror})") from error
    found: dict[str, Entry] = {}
    for number, line in enumerate(lines, 1):
        name, _, text = BLANK.sub("\t", line.strip(" \t\r"), count=1).partition("\t")
        where = f"{path}, line {number}"
        if name in found:
            raise SefrontError(f"{where}: '{name}' has a line already ({found[name].where}); a name stands once")
        if name:
            found[name] = Entry(text, where)
    return found


def recordings(directory: Path) -> dict[str, Entry]:
    """The file of each recording in ``wav.scp``.

    Raises:
        SefrontError: An entry is a command, which is not run, or no file.
    """
    found = entries(directory / "wav.scp")
    for name, (text, where) in found.items():
        if text.endswith("|") or text.startswith("|"):
            raise SefrontError(
                f"{where}: recording '{name}' is a command ({text}), and commands of others are not run here; "
                "write its output into a file and name that"
            )
        if not text or text == "-" or ARCHIVE.search(text):
            what = "an archive" if text.endswith("k") or ":" in text else "no file"
            raise SefrontError(f"{where}: recording '{name}' is {what}; expected the path of an audio file")
    return found


def utterances(directory: Path, split: Split | None, label: str | None) -> Iterator[Utterance]:
    """The rows of a data directory.

    Raises:
        SefrontError: A file names something that another lacks, or has no such line as is expected.
    """
    files = recordings(directory)
    cut = (directory / "segments").is_file()
    pieces = entries(directory / "segments") if cut else files
    told = {name: entries(directory / file) for name, file in beside(directory, label).items()}
    for name, known in told.items():
        check_same(known, pieces, name, "segments" if cut else "wav.scp")
    for name, (text, where) in pieces.items():
        recording, *times = segment(text, where) if cut else (name, 0.0, math.nan)
        if recording not in files:
            raise SefrontError(f"{where}: recording '{recording}' is not in {directory / 'wav.scp'}")
        cells = {"id": name, "path": files[recording].text, **{what: known[name].text for what, known in told.items()}}
        yield Utterance({**cells, **({"split": split} if split else {})}, (times[0], times[1]), where)


def beside(directory: Path, label: str | None) -> dict[str, str]:
    """The files that say something of utterances, by the column that it goes to.

    Raises:
        SefrontError: There is no such file of labels.
    """
    if label is not None and not (directory / label).is_file():
        raise SefrontError(f"{directory / label}: no such file; option 'label' names one of the data directory")
    files = {"speaker": "utt2spk", **({"label": label} if label else {"transcript": "text"})}
    return {name: file for name, file in files.items() if (directory / file).is_file()}


def check_same(known: Mapping[str, Entry], pieces: Mapping[str, Entry], what: str, listed: str) -> None:
    """Refuse a file that tells of other utterances than those that are `listed`, or of fewer."""
    for name, (text, where) in known.items():
        if name not in pieces:
            raise SefrontError(f"{where}: utterance '{name}' is not in {listed}; leave it out there, or add it here")
        if not text:
            raise SefrontError(f"{where}: utterance '{name}' has no {what}; write it down, or leave the utterance out")
    for name, (_, where) in pieces.items():
        if name not in known:
            raise SefrontError(f"{where}: utterance '{name}' has no {what}; write it down, or leave the utterance out")


def segment(text: str, where: str) -> tuple[str, float, float]:
    """Recording, start and end in seconds of a line of ``segments``; an end of -1 is that of the recording.

    Raises:
        SefrontError: It is something else.
    """
    recording, *times = BLANK.split(text)
    try:
        start, end = map(float, times)
    except ValueError as error:
        raise SefrontError(
            f"{where}: expected UTTERANCE RECORDING START END, in seconds, but found '{text}'"
        ) from error
    if not (0 <= start < math.inf and (end == -1 or start < end < math.inf)):
        raise SefrontError(
            f"{where}: goes from {start:g} to {end:g} s; expected 0 or later, and an end after the start"
        )
    return recording, start, math.nan if end == -1 else end
