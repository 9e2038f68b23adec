"""Chunks of a manifest, checked and put together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sefront.core.clips import SPLITS
from sefront.core.columns import REPEATED, TARGETS, TIMES, Columns
from sefront.core.corpora import SPLIT_NAMES
from sefront.core.errors import SefrontError, unknown

Chunk = tuple[Sequence[int], Mapping[str, list[Any]]]
"""The lines of some rows, and their cells by column."""
KEPT = ("id", "path", "split", *TARGETS, "speaker", "session", "tags")


class Gathering:
    """Columns that grow chunk by chunk.

    Args:
        columns: What to fill.
    """

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.words: dict[str, dict[str, str]] = {name: {} for name in REPEATED}
        self.count = 0
        self.lines: list[NDArray[np.int32]] = []
        self.times: dict[str, list[NDArray[np.float64]]] = {}

    def add(self, chunk: Chunk) -> None:
        """Check some rows and keep them.

        Raises:
            SefrontError: A split that does not exist, no path, or a time that is none.
        """
        lines, cells = chunk
        size = len(lines)
        texts = {name: text_column(cells[name]) for name in KEPT if name in cells}
        if size and not all(texts.get("path", [""])):
            line = lines[texts["path"].index("")] if "path" in texts else lines[0]
            raise SefrontError(
                f"{self.columns.place}, line {line}: no path; every row needs one, relative to the manifest"
            )
        self.check_splits(lines, texts.get("split", []))
        self.add_times(lines, cells)
        held = self.columns.cells
        for name in texts.keys() | held.keys():
            if name not in held:
                held[name] = [""] * self.count
            found = texts.get(name) or [""] * size
            words = self.words.get(name)
            held[name] += found if words is None else map(words.setdefault, found, found)
        self.lines.append(np.array(lines, dtype=np.int32))
        self.count += size

    def check_splits(self, lines: Sequence[int], words: Sequence[str]) -> None:
        """Refuse a split that does not exist; know what the others are called here."""
        for word in set(words):
            if word and word.lower() not in SPLIT_NAMES:
                where = f"{self.columns.place}, line {lines[words.index(word)]}"
                raise unknown("split", word, SPLITS, where)
            self.words["split"][word] = SPLIT_NAMES[word.lower()] if word else ""

    def add_times(self, lines: Sequence[int], cells: Mapping[str, list[Any]]) -> None:
        """Keep start and end of some rows; nan where there is none.

        Raises:
            SefrontError: One is no number, or the end does not come after the start.
        """
        none = np.full(len(lines), np.nan)
        found = {n: seconds(cells[n], n, lines, self.columns) if n in cells else none for n in TIMES}
        start, end = (found[name] for name in TIMES)
        origin = np.nan_to_num(start)
        for bad in np.flatnonzero(start < 0).tolist():
            where = f"{self.columns.place}, line {lines[bad]}"
            raise SefrontError(f"{where}: start is {start[bad]:g} s; expected 0 or later")
        for bad in np.flatnonzero(end <= origin).tolist():
            where = f"{self.columns.place}, line {lines[bad]}"
            raise SefrontError(f"{where}: end is {end[bad]:g} s; expected a time after start ({origin[bad]:g} s)")
        for name in TIMES:
            if name in cells and name not in self.times:
                self.times[name] = [np.full(self.count, np.nan)]
            if name in self.times:
                self.times[name].append(found[name])

    def finished(self) -> Columns:
        """The columns that have anything; rows without an id are called by their path."""
        columns = self.columns
        columns.lines = np.concatenate(self.lines) if self.lines else ()
        columns.cells = {name: cells for name, cells in columns.cells.items() if any(cells)}
        times = {name: np.concatenate(parts) for name, parts in self.times.items()}
        columns.times = {name: values for name, values in times.items() if not np.isnan(values).all()}
        if "" in columns.cells.get("id", ()):
            pairs = zip(columns.cells["id"], columns.cells["path"], strict=True)
            columns.cells["id"] = [name or path for name, path in pairs]
        return columns


def text_column(values: list[Any]) -> list[str]:
    """Cells as text."""
    return values if set(map(type, values)) == {str} else list(map(text_of, values))


def text_of(value: Any) -> str:
    """A cell as text, a list (tags) joined by semicolons, nothing for null."""
    if isinstance(value, list):
        return ";".join(map(text_of, value))
    return "" if value is None else str(value)


def seconds(values: list[Any], name: str, lines: Sequence[int], columns: Columns) -> NDArray[np.float64]:
    """Times as numbers, nan for empty cells.

    Raises:
        SefrontError: One is no finite number.
    """
    texts = None if set(map(type, values)) == {float} else text_column(values)
    try:
        found = np.array(values if texts is None else [float(text) if text else math.nan for text in texts])
    except ValueError:
        found = np.array([number(text) for text in texts or ()])
    for bad in np.flatnonzero(~np.isfinite(found)).tolist():
        if texts is None or texts[bad]:
            where = f"{columns.place}, line {lines[bad]}"
            raise SefrontError(f"{where}: {name} is '{values[bad]}'; expected a number of seconds")
    return found


def number(text: str) -> float:
    """`text` as a number, nan for anything else."""
    try:
        return float(text)
    except ValueError:
        return math.nan
