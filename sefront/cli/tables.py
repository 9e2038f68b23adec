"""Tables of plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

NARROWEST = 20  # characters that are left to the last column, however wide the others are


def aligned(rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Rows of equal length as lines whose columns line up; the last column is wrapped to `width` characters.

    >>> print(aligned([["name", "meaning"], ["width", "Maps of the first level, doubled below."]], 28))
    name   meaning
    width  Maps of the first
           level, doubled below.
    """
    *widths, last = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    room = last if width is None else max(width - sum(widths) - 2 * len(widths), NARROWEST)
    lines = []
    for row in rows:
        *cells, text = row
        for part in textwrap.wrap(text, room) or [""]:
            lines.append("  ".join([*(c.ljust(w) for c, w in zip(cells, widths, strict=True)), part]).rstrip())
            cells = [""] * len(cells)
    return "\n".join(lines)
