"""A corpus of which a list says what there is: its splits, its task, its clips and what is wrong with them.

A list without splits is divided by speaker where speakers are known, else by recording.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sefront.core.clips import SPLITS, Card, Clip, Split, Task
from sefront.core.columns import TARGETS, Columns, Rows, Target, changed, first_tag
from sefront.core.corpora import TEST, VALID, check_shares, divided, faults, labels_among
from sefront.core.errors import SefrontError
from sefront.core.rooted import check_inside
from sefront.core.traces import TraceFile

Role = Literal["speech", "scene", "noise"]


class Listed:
    """The clips of a list.

    Args:
        columns: The list.
        role: What the recordings are; None means noise where rows have tags and no target, else speech.
        target: The column to predict; None means the only one of label, transcript and label_path that is filled.
        metric: Headline metric; None means uar for labels, wer for transcripts and ccc for traces.
        alphabet: The symbols of transcripts; None means those that occur in them.
        dimensions: What the columns of a trace are called.
        frame_rate: Frames per second of a trace in Hz.
        valid: Share of the speakers or recordings for validation, where the list names no validation rows.
        test: Share of the speakers or recordings for test, where the list has no splits.

    Raises:
        SefrontError: Ids are not unique, a target or split is missing, or a file lies outside the list's folder.
    """

    def __init__(
        self,
        columns: Columns,
        *,
        role: Role | None = None,
        target: Target | None = None,
        metric: str | None = None,
        alphabet: str | None = None,
        dimensions: tuple[str, ...] = (),
        frame_rate: float | None = None,
        valid: float = VALID,
        test: float = TEST,
    ) -> None:
        check_shares(valid, test)
        if alphabet is not None and len(set(alphabet)) < max(1, len(alphabet)):
            raise ValueError(f"alphabet '{alphabet}' is empty or holds a symbol twice")
        self._columns, self._dimensions = columns, dimensions
        self._target = target_of(columns, target)
        columns.check_ids()
        if not columns.follow_outside:
            for name in ("path", "label_path") if self._target == "label_path" else ("path",):
                check_inside(columns.root, columns.cells[name], columns.where)
        self._role: Role = role or ("noise" if columns.filled("tags") and self._target is None else "speech")
        self._stated = columns.filled("split")
        self._rows = self._split(valid, test)
        self._task = self._task_of(metric, alphabet, frame_rate)

    def _split(self, valid: float, test: float) -> dict[Split, NDArray[np.int64]]:
        """The rows of each split: as stated, else drawn."""
        columns, pooled = self._columns, self._target != "label"
        if not self._stated:
            everything = range(len(columns))
            drawn = divided(everything, self._person(), self._stratum(), valid=valid, test=test, pooled=pooled)
            return {split: np.array(rows, dtype=np.int64) for split, rows in drawn.items()}
        words = columns.cells["split"]
        if "" in words:
            name = columns.ids[words.index("")]
            raise SefrontError(f"{columns.place}: '{name}' has no split but other rows do; expected all or none")
        homes = np.array(changed(words, SPLITS.index), dtype=np.int8)
        rows = {split: np.flatnonzero(homes == home) for home, split in enumerate(SPLITS)}
        if not len(rows["valid"]):
            train = rows["train"].tolist()
            parts = divided(train, self._person(), self._stratum(), valid=valid, test=0.0, pooled=pooled)
            rows |= {split: np.array(parts[split], dtype=np.int64) for split in SPLITS if split != "test"}
        return rows

    def _person(self) -> Callable[[int], str]:
        """What a split keeps together: a speaker where known, else a recording."""
        columns = self._columns
        speakers = columns.cells.get("speaker")

        def person(row: int) -> str:
            if speakers and speakers[row]:
                return f"speaker {speakers[row]}"
            return str(columns.root / columns.cells["path"][row])

        return person

    def _stratum(self) -> Callable[[int], str]:
        """What a split spreads evenly: labels, else types of noise."""
        if self._target == "label":
            return self._columns.cells["label"].__getitem__
        tags = self._columns.cells.get("tags")
        return changed(tags, first_tag).__getitem__ if tags else lambda row: ""

    def _among(self, name: str, split: Split) -> list[str]:
        """The cells of a column for the rows of a split."""
        return list(map(self._columns.cells[name].__getitem__, self._rows[split].tolist()))

    def _task_of(self, metric: str | None, alphabet: str | None, frame_rate: float | None) -> Task | None:
        wanted: Literal["speech", "scene"] = "scene" if self._role == "scene" else "speech"
        if self._target == "label":
            counts = {split: Counter(self._among("label", split)) for split in SPLITS}
            return Task("classification", labels_among(counts, str(self._columns.place)), metric or "uar", wanted)
        if self._target == "transcript":
            symbols = alphabet or sorted(set(chain.from_iterable(self._columns.cells["transcript"])))
            return Task("transcription", ("", *symbols), metric or "wer", wanted)
        if self._target == "label_path":
            return Task("trace", self._dimensions, metric or "ccc", wanted, frame_rate)
        return None

    def role(self) -> Role:
        """As stated, else noise where rows have tags and no target, else speech."""
        return self._role

    def task(self) -> Task | None:
        """Classification of labels, transcription or traces; None where no target is listed."""
        return self._task

    def clips(self, split: Split) -> Sequence[Clip]:
        """The rows of a split in the list's order, each made when it is asked for."""
        target = "tags" if self._role == "noise" and self._target is None else self._target
        return Rows(self._columns, self._rows[split], target, self._dimensions)

    def noise_clips(self, split: Split) -> Sequence[Clip]:
        """The same recordings with their first tag as noise type."""
        return Rows(self._columns, self._rows[split], "tags")

    def splits_of_its_own(self) -> bool:
        """Whether the list has splits."""
        return self._stated

    def problems(self) -> list[str]:
        """Missing and unreadable files and traces, speakers and recordings shared between splits."""
        splits: Mapping[Split, Sequence[Clip]] = {split: self.clips(split) for split in SPLITS}
        found = list(faults(splits))
        targets = (clip.target for split in SPLITS for clip in splits[split])
        return found + [fault for trace in targets if isinstance(trace, TraceFile) and (fault := trace.fault())]

    def card(self) -> Card:
        """What a bare list can say."""
        size = f"{sum(map(len, self._rows.values()))} clips"
        place = str(self._columns.place)
        return Card("as its owner states", "recordings of the user's own", size, place, tuple(self._apart()))

    def _apart(self) -> list[str]:
        """What the splits keep apart, of what is known."""
        columns = {"speaker": "speaker", "recording": "path"}
        homes = {what: [set(self._among(name, split)) - {""} for split in SPLITS]
                 for what, name in columns.items() if self._columns.filled(name)}  # fmt: skip
        return [what for what, names in homes.items() if len(set().union(*names)) == sum(map(len, names))]


def target_of(columns: Columns, stated: Target | None) -> Target | None:
    """The column to predict: the stated one, or the only one that is filled.

    Raises:
        SefrontError: The stated one is empty, several are filled, or a row lacks it.
    """
    filled = [name for name in TARGETS if columns.filled(name)]
    if stated is not None and stated not in filled:
        raise SefrontError(f"{columns.place}: no row has a {stated} (filled: {', '.join(filled) or 'none'})")
    if stated is None and len(filled) > 1:
        names = " and ".join(filled)
        raise SefrontError(f"{columns.place}: rows have {names}; say which to predict with option 'target'")
    target = stated or (filled[0] if filled else None)
    if target is not None and "" in columns.cells[target]:
        row = columns.cells[target].index("")
        raise SefrontError(f"{columns.where(row)}: no {target}, which other rows have")
    return target
