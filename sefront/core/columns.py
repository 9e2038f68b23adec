"""The rows of a list of recordings, by column: a million of them fit into memory, and clips are made when asked for.

Cells are text; an empty one stands for nothing. Words that come again and again (labels, speakers) are held once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar, get_args, overload

import numpy as np
from numpy.typing import NDArray

from sefront.core.audio import AudioFile
from sefront.core.clips import Clip
from sefront.core.errors import SefrontError
from sefront.core.traces import TraceFile

Target = Literal["label", "transcript", "label_path"]
TARGETS: tuple[Target, ...] = get_args(Target)
REPEATED = ("label", "split", "speaker", "session", "tags")
"""Columns whose words come again and again."""
TIMES = ("start", "end")
WHO = ("speaker", "session")
Cells = Sequence[str]
Value = TypeVar("Value")


@dataclass
class Columns:
    """A list, column by column.

    Args:
        place: The list, for messages.
        root: The folder that its paths are relative to.
        cells: The cells of each column that has any.
        times: Start and end of each row in seconds, nan for none; absent where no row has any.
        lines: The line of each row.
        origins: Where each row stands, where a line of `place` does not say it.
        follow_outside: Whether files may lie outside the folder.
    """

    place: Path
    root: Path
    cells: dict[str, list[str]] = field(default_factory=dict)
    times: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    lines: Sequence[int] | NDArray[np.int64] = ()
    origins: Sequence[str] = ()
    follow_outside: bool = False

    def __len__(self) -> int:
        return len(self.cells.get("path", ()))

    def where(self, row: int) -> str:
        """Where a row stands, for messages."""
        return self.origins[row] if self.origins else f"{self.place}, line {self.lines[row]}"

    @property
    def ids(self) -> list[str]:
        """The name of each row: its id, else its path."""
        return self.cells.get("id") or self.cells["path"]

    @property
    def within(self) -> Path | None:
        """The folder that files may not lie outside of; None where they may."""
        return None if self.follow_outside else self.root

    def filled(self, name: str) -> bool:
        """Whether any row has something in the column."""
        return any(self.cells.get(name, ()))

    def check_ids(self) -> None:
        """Refuse an id that stands twice.

        Raises:
            SefrontError: It names both lines.
        """
        ids = self.ids
        if len(set(ids)) == len(ids):
            return
        first: dict[str, int] = {}
        row = next(row for row, name in enumerate(ids) if first.setdefault(name, row) != row)
        hint = "" if "id" in self.cells else "; pieces of one file need an id each"
        known = self.where(first[ids[row]]).removeprefix(f"{self.place}, ")
        raise SefrontError(f"{self.where(row)}: id '{ids[row]}' is that of {known} already{hint}")

    def audio(self, row: int) -> AudioFile:
        """The recording of a row."""
        start, end = (float(self.times[name][row]) if name in self.times else math.nan for name in TIMES)
        path = self.root / self.cells["path"][row]
        return AudioFile(path, 0.0 if math.isnan(start) else start, None if math.isnan(end) else end, self.within)


class Rows(Sequence[Clip]):
    """The clips of some rows, each made when it is asked for.

    Args:
        columns: The list.
        rows: Which of its rows, in order.
        target: The column that holds the targets; None for none.
        dimensions: Those of traces.
    """

    def __init__(
        self,
        columns: Columns,
        rows: NDArray[np.int64],
        target: str | None = None,
        dimensions: tuple[str, ...] = (),
    ) -> None:
        self.columns, self.rows, self.target, self.dimensions = columns, rows, target, dimensions

    def __len__(self) -> int:
        return len(self.rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(Clip.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]  # as for lists

    @overload
    def __getitem__(self, index: int) -> Clip: ...

    @overload
    def __getitem__(self, index: slice) -> Rows: ...

    def __getitem__(self, index: int | slice) -> Clip | Rows:
        if isinstance(index, slice):
            return Rows(self.columns, self.rows[index], self.target, self.dimensions)
        row, columns = int(self.rows[index]), self.columns
        speaker, session = (columns.cells[name][row] if name in columns.cells else "" for name in WHO)
        return Clip(columns.ids[row], columns.audio(row), self.target_of(row), speaker or None, session or None)

    def target_of(self, row: int) -> str | TraceFile | None:
        """The target of a row."""
        if self.target is None or self.target not in self.columns.cells:
            return None
        text = self.columns.cells[self.target][row]
        if self.target == "label_path":
            return TraceFile(self.columns.root / text, self.dimensions, self.columns.within)
        if self.target == "tags":
            text = first_tag(text)
        return text or None


def first_tag(tags: str) -> str:
    """The type of a noise: the first of its tags, which semicolons separate."""
    return tags.partition(";")[0].strip()


def changed(cells: Cells, change: Callable[[str], Value]) -> list[Value]:
    """What `change` makes of each cell; called once for each word."""
    words = {word: change(word) for word in set(cells)}
    return list(map(words.__getitem__, cells))
