"""A split as somebody lists it: a table (.csv, .tsv) or JSON Lines (.jsonl) with columns id and split."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sefront.core.clips import SPLITS, Clip, Split
from sefront.core.corpora import SPLIT_NAMES, Splits
from sefront.core.errors import SefrontError, nearest, unknown
from sefront.core.listings import Row, rows_of

LAYOUT = "a list with columns id and split"
COLUMNS = ("id", "split")
DELIMITERS = {".csv": ",", ".tsv": "\t"}


def listed(path: Path, clips: Sequence[Clip], owner: str) -> Splits:
    """The clips by the split that the list at `path` gives them; those that it does not name are in none.

    Args:
        path: The list.
        clips: All clips of the corpus.
        owner: The corpus, for messages.

    Raises:
        SefrontError: The list cannot be read, names a clip or split that is not there, or a clip twice.
    """
    known = {clip.id for clip in clips}
    homes: dict[str, Split] = {}
    for where, row in rows(path):
        name, split = row["id"], row["split"]
        if name not in known:
            raise SefrontError(f"{where}: {owner} has no clip '{name}'{nearest(name, known)}")
        if split.lower() not in SPLIT_NAMES:
            raise unknown("split", split, SPLITS, where)
        if homes.setdefault(name, SPLIT_NAMES[split.lower()]) != SPLIT_NAMES[split.lower()]:
            raise SefrontError(f"{where}: clip '{name}' is in {homes[name]} already; give it to one split")
    return {split: tuple(clip for clip in clips if homes.get(clip.id) == split) for split in SPLITS}


def rows(path: Path) -> list[Row]:
    """The rows of the list, each with where it stands.

    Raises:
        SefrontError: It is of another format, or a column is missing.
    """
    suffix = path.suffix.lower()
    if suffix in DELIMITERS:
        return rows_of(path, COLUMNS, LAYOUT, DELIMITERS[suffix])
    if suffix != ".jsonl":
        raise SefrontError(f"{path}: '{suffix}' is no format of a list; expected {', '.join(DELIMITERS)} or .jsonl")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else None
    if lines is None:
        raise SefrontError(f"{path}: no such file; expected {LAYOUT}")
    return [of_line(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def of_line(line: str, where: str) -> Row:
    """The row that a line of JSON says.

    Raises:
        SefrontError: It is not JSON, or a column is missing.
    """
    try:
        cells = json.loads(line)
    except ValueError as error:
        raise SefrontError(f"{where}: not JSON ({error})") from error
    if not isinstance(cells, dict) or any(column not in cells for column in COLUMNS):
        raise SefrontError(f'{where}: expected an object such as {{"id": "a", "split": "train"}}')
    return where, {column: str(cells[column]).strip() for column in COLUMNS}
