"""Cuts of Lhotse (``cuts.jsonl`` or ``cuts.jsonl.gz``), each of which is a clip.

A folder may hold files of cuts with a split in their names (``cuts_train.jsonl.gz``, ``cuts_dev.jsonl.gz``); else the
split is what `custom` of a cut says under ``split``, or drawn. Audio has to lie in files: what would have to be
fetched, or made by a command, is refused. Source: Żelasko et al. 2021, Lhotse: a speech data representation library,
doi:10.48550/arXiv.2110.12561.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sefront.core.clips import Card, Split
from sefront.core.columns import TIMES, Columns, Target
from sefront.core.corpora import SPLIT_NAMES, TEST, VALID
from sefront.core.cuts import library
from sefront.core.errors import SefrontError, unknown
from sefront.core.listed import Listed, Role

LAYOUT = "cuts.jsonl or cuts.jsonl.gz, or a folder of such files called after train, dev and test"
SUFFIXES = (".jsonl", ".jsonl.gz")
DIGITS = 9  # of times in seconds, beyond which there is only what adding has left
Row = dict[str, Any]


class Lhotse(Listed):
    """The cuts of a file, or of one file for each split.

    Args:
        label: What of a supervision is the class: language, gender, or the name of something in its `custom` or that
            of the cut.
        target: The column to predict, label or transcript; None means the only one of them that there is.
        role: What the recordings are; None means noise where cuts have tags and no target, else speech.
        metric: Headline metric; None means uar for labels, wer for transcripts and ccc for traces.
        alphabet: The symbols of transcripts; None means those that occur in them.
        dimensions: What the columns of a trace (label_path) are called.
        frame_rate: Frames per second of a trace in Hz.
        valid: Share of the speakers or recordings for validation, where no cuts are for it.
        test: Share of the speakers or recordings for test, where cuts have no splits.
        follow_outside: Whether paths may lead out of the folder of the cuts.
    """

    def __init__(
        self,
        root: Path,
        *,
        label: str = "label",
        target: Target | None = None,
        role: Role | None = None,
        metric: str | None = None,
        alphabet: str | None = None,
        dimensions: tuple[str, ...] = ("arousal", "valence"),
        frame_rate: float = 25.0,
        valid: float = VALID,
        test: float = TEST,
        follow_outside: bool = False,
    ) -> None:
        root = Path(root)
        rows = [row for path, split in files(root).items() for row in rows_of(path, split, label)]
        if not rows:
            raise SefrontError(f"{root}: holds no cuts; expected {LAYOUT}")
        names = dict.fromkeys(name for row in rows for name in row if name not in (*TIMES, "where"))
        columns = Columns(
            root, root if root.is_dir() else root.parent,
            {name: [row.get(name) or "" for row in rows] for name in names},
            {name: np.array([row[name] for row in rows]) for name in TIMES},
            origins=[row["where"] for row in rows], follow_outside=follow_outside,
        )  # fmt: skip
        columns.cells = {name: cells for name, cells in columns.cells.items() if any(cells)}
        super().__init__(
            columns, role=role, target=target, metric=metric, alphabet=alphabet, dimensions=dimensions,
            frame_rate=frame_rate, valid=valid, test=test,
        )  # fmt: skip

    def card(self) -> Card:
        """What bare cuts can say, and how they are laid out."""
        return replace(super().card(), layout=LAYOUT)


def files(root: Path) -> dict[Path, Split | None]:
    """The files of cuts at `root`, and the split of each that is in a folder.

    Raises:
        SefrontError: There is none.
    """
    if root.is_file():
        if not root.name.endswith(SUFFIXES):
            raise SefrontError(f"{root}: is no file of cuts; expected {LAYOUT}")
        return {root: None}
    found: dict[Path, Split | None] = {}
    for path in sorted(root.glob("*cuts*")) if root.is_dir() else []:
        words = [word for word in re.split(r"[^a-z]+", path.name.lower()) if word in SPLIT_NAMES]
        if words and path.name.endswith(SUFFIXES):
            found[path] = SPLIT_NAMES[words[0]]
    if not found:
        raise SefrontError(f"{root}: no cuts there; expected {LAYOUT}")
    return found


def rows_of(path: Path, split: Split | None, label: str) -> Iterator[Row]:
    """The rows of a file of cuts.

    Raises:
        SefrontError: It is damaged, or a cut is not a part of one audio file.
    """
    try:
        for number, cut in enumerate(library().CutSet.from_jsonl_lazy(path), 1):
            yield row_of(cut, split, label, f"{path}, cut {number}")
    except (ValueError, KeyError, TypeError, OSError, EOFError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SefrontError(f"{path}: not readable as cuts ({reason}); expected {LAYOUT}") from error


def row_of(cut: Any, split: Split | None, label: str, where: str) -> Row:
    """A cut as a row.

    Raises:
        SefrontError: It is not a part of one audio file, or has several supervisions.
    """
    where = f"{where} ({getattr(cut, 'id', '')})"
    path = file_of(cut, where)
    if len(cut.supervisions) > 1:
        raise SefrontError(f"{where}: has {len(cut.supervisions)} supervisions; cut it with trim_to_supervisions first")
    said = cut.supervisions[0] if cut.supervisions else None
    custom = {**(cut.custom or {}), **((said.custom if said else None) or {})}
    home = split or custom.get("split")
    if home and str(home).lower() not in SPLIT_NAMES:
        raise unknown("split", str(home), SPLIT_NAMES, where)
    known = {"label": custom.get(label) or getattr(said, label, None), "transcript": getattr(said, "text", None)}
    texts = {**{name: custom.get(name) for name in ("label_path", "session", "tags")}, **known}
    whole = cut.start == 0 and cut.duration == cut.recording.duration
    return {
        "id": cut.id,
        "path": path,
        "start": np.nan if cut.start == 0 else float(cut.start),
        "end": np.nan if whole else round(cut.start + cut.duration, DIGITS),
        "split": SPLIT_NAMES[str(home).lower()] if home else "",
        "speaker": getattr(said, "speaker", None),
        **{name: None if text is None else str(text) for name, text in texts.items()},
        "where": where,
    }


def file_of(cut: Any, where: str) -> str:
    """The audio file that a cut is a part of.

    Raises:
        SefrontError: It is something else.
    """
    if type(cut).__name__ not in ("MonoCut", "MultiCut"):
        raise SefrontError(f"{where}: is a {type(cut).__name__}; expected a MonoCut, a part of one recording")
    recording = cut.recording
    if recording is None:
        raise SefrontError(f"{where}: has no recording, only features; expected audio in a file")
    if recording.transforms:
        raise SefrontError(f"{where}: its recording is to be changed on the fly; save the audio, and name that")
    channels = {cut.channel} if isinstance(cut.channel, int) else set(cut.channel)
    if channels != set(recording.channel_ids):
        raise SefrontError(
            f"{where}: takes channel {', '.join(map(str, sorted(channels)))} of {recording.num_channels}; "
            "a clip is the mean of all, so write that channel into a file of its own"
        )
    kinds = [source.type for source in recording.sources]
    if kinds != ["file"]:
        raise SefrontError(f"{where}: its audio is of type {', '.join(kinds)}; expected one file, so write it into one")
    return str(recording.sources[0].source)
