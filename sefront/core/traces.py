"""Traces in files: a table with a row for each frame and a column for each dimension."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sefront.core.errors import DamagedAudioError, SefrontError
from sefront.core.rooted import real

DELIMITERS = ",;\t"
SLACK = 1.0  # seconds that a trace may end before or after its audio


@dataclass(frozen=True)
class TraceFile:
    """A trace in a text file, columns apart by comma, semicolon or tab.

    A header may name the columns; then those of the dimensions are taken, in their order. Without one, there is one
    column for each dimension.

    Args:
        path: The file.
        dimensions: Names of the dimensions.
        within: Folder that links may not lead out of; None means that they may.
    """

    path: Path
    dimensions: tuple[str, ...]
    within: Path | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return str(self.path)

    def values(self) -> NDArray[np.float32]:
        """The trace, (frames, dimensions).

        Raises:
            DamagedAudioError: The file is missing, lacks a dimension, or holds something that is not a number.
        """
        rows = self._rows()
        columns: Sequence[int] = range(len(self.dimensions))
        if rows and not is_number(rows[0][1][0]):
            (_, header), *rows = rows
            columns = [self._column(header, name) for name in self.dimensions]
        elif rows and len(rows[0][1]) != len(columns):
            raise DamagedAudioError(
                f"{self.path}: has {len(rows[0][1])} columns and no header; expected {', '.join(self.dimensions)}"
            )
        if not rows:
            raise DamagedAudioError(f"{self.path}: holds no frames")
        return np.array([self._frame(line, cells, columns) for line, cells in rows], dtype=np.float32)

    def fault(self) -> str | None:
        """What is wrong with it, if anything."""
        try:
            self.values()
        except SefrontError as error:
            return str(error)
        return None

    def _rows(self) -> list[tuple[int, list[str]]]:
        if not real(self.path, self.within).is_file():
            raise DamagedAudioError(f"{self.path}: no such file")
        try:
            text = self.path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise DamagedAudioError(f"{self.path}: not readable as a trace ({error})") from error
        delimiter = max(DELIMITERS, key=text.partition("\n")[0].count)
        reader = csv.reader(text.splitlines(), delimiter=delimiter)
        return [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(cells)]

    def _column(self, header: Sequence[str], name: str) -> int:
        names = [column.lower() for column in header]
        if name.lower() not in names:
            raise DamagedAudioError(f"{self.path}: has no column '{name}'; its header has {', '.join(header)}")
        return names.index(name.lower())

    def _frame(self, line: int, cells: Sequence[str], columns: Sequence[int]) -> list[float]:
        try:
            return [float(cells[column]) for column in columns]
        except (ValueError, IndexError) as error:
            found = ", ".join(cells)
            raise DamagedAudioError(f"{self.path}, line {line}: expected a number each, but found {found}") from error


def misfits(frames: int, frame_rate: float, seconds: float) -> bool:
    """Whether a trace of `frames` at `frame_rate` Hz cannot belong to audio of `seconds`."""
    return abs(frames / frame_rate - seconds) > SLACK


def is_number(text: str) -> bool:
    """Whether `text` is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
