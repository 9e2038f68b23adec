"""Tables of plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import zip_longest

WIDEST = 40  # characters of a column that is not the last, where there is a width to keep
NARROWEST = 20  # characters that are left to the last column, however wide the others are


def aligned(rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Rows of equal length as lines whose columns line up, wrapped so that a line has at most `width` characters.

    The last column takes what the others leave of the width.

    >>> print(aligned([["name", "meaning"], ["width", "Maps of the first level, doubled below."]], 28))
    name   meaning
    width  Maps of the first
           level, doubled below.
    """
    *widths, last = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    if width is not None:
        widths = [min(size, WIDEST) for size in widths]
        last = max(width - sum(widths) - 2 * len(widths), NARROWEST)
    rooms = [*widths, last]
    lines = []
    for row in rows:
        parts = [textwrap.wrap(cell, max(room, 1)) or [""] for cell, room in zip(row, rooms, strict=True)]
        for cells in zip_longest(*parts, fillvalue=""):
            lines.append("  ".join(cell.ljust(room) for cell, room in zip(cells, rooms, strict=True)).rstrip())
    return "\n".join(lines)
