"""The rows of a manifest, read and checked; every error names the line."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TextIO, get_args

from sefront.core.audio import AudioFile
from sefront.core.clips import SPLITS, Clip, Split
from sefront.core.corpora import SPLIT_NAMES
from sefront.core.errors import SefrontError, unknown
from sefront.core.traces import TraceFile

Row = dict[str, str]
Target = Literal["label", "transcript", "label_path"]

TARGETS: tuple[Target, ...] = get_args(Target)
COLUMNS = ("id", "path", "start", "end", "split", *TARGETS, "speaker", "session", "corpus", "tags", "extra")
DELIMITERS = {".csv": ",", ".tsv": "\t"}
FORMATS = (*DELIMITERS, ".jsonl")


def read(path: Path) -> dict[int, Row]:
    """The filled cells of each row by line number.

    Raises:
        SefrontError: The table is missing, of another format, damaged, empty or has a column that is none of ours.
    """
    if not path.is_file():
        raise SefrontError(f"{path}: no such file; expected a manifest ({' '.join(FORMATS)}) with a row per clip")
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise SefrontError(f"{path}: '{suffix}' is no format of a manifest; expected {', '.join(FORMATS)}")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = json_lines(file, path) if suffix == ".jsonl" else table(file, path, DELIMITERS[suffix])
            rows = {number: checked(cells, f"{path}, line {number}") for number, cells in lines}
    except UnicodeDecodeError as error:
        raise SefrontError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from error
    if not rows:
        raise SefrontError(f"{path}: holds no rows; expected one per clip")
    return rows


def table(file: TextIO, path: Path, delimiter: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a table with a header, blank lines left out."""
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if header and "path" not in header:
            raise SefrontError(f"{path}, line 1: no column 'path'; the header has {', '.join(header)}")
        if doubles := [name for name in header if header.count(name) > 1]:
            raise SefrontError(f"{path}, line 1: column '{doubles[0]}' stands twice")
        check_columns(header, f"{path}, line 1")
        for cells in reader:
            if len(cells) > len(header):
                raise SefrontError(
                    f"{path}, line {reader.line_num}: {len(cells)} cells where the header has {len(header)}"
                )
            if any(cells):
                yield reader.line_num, dict(zip(header, cells, strict=False))
    except csv.Error as error:
        raise SefrontError(f"{path}, line {reader.line_num}: not readable as a table ({error})") from error


def json_lines(file: TextIO, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The objects of a JSON Lines file, blank lines left out."""
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            cells = json.loads(line)
        except ValueError as error:
            raise SefrontError(f"{path}, line {number}: not JSON ({error})") from error
        if not isinstance(cells, dict):
            raise SefrontError(f'{path}, line {number}: expected an object such as {{"path": "a.wav"}}')
        check_columns(cells, f"{path}, line {number}")
        yield number, cells


def check_columns(columns: Iterable[str], where: str) -> None:
    """Refuse a column that is none of ours, naming the nearest."""
    for column in columns:
        if column not in COLUMNS:
            raise unknown("column", column, COLUMNS, where)


def checked(cells: Mapping[str, Any], where: str) -> Row:
    """The filled cells as text.

    Raises:
        SefrontError: A split that does not exist, no path, or a time that is none.
    """
    row = {column: text for column, value in cells.items() if (text := text_of(value))}
    if "path" not in row:
        raise SefrontError(f"{where}: no path; every row needs one, relative to the manifest")
    if "split" in row and row["split"].lower() not in SPLIT_NAMES:
        raise unknown("split", row["split"], SPLITS, where)
    start, end = (seconds(row, name, where) for name in ("start", "end"))
    if start is not None and start < 0:
        raise SefrontError(f"{where}: start is {start:g} s; expected 0 or later")
    if end is not None and end <= (start or 0.0):
        raise SefrontError(f"{where}: end is {end:g} s; expected a time after start ({start or 0.0:g} s)")
    return row


def text_of(value: Any) -> str:
    """A cell as text, a list (tags) joined by semicolons, nothing for null."""
    if isinstance(value, list):
        return ";".join(map(text_of, value))
    return "" if value is None else str(value).strip()


def seconds(row: Row, name: str, where: str) -> float | None:
    """The time in the cell `name`, None if empty."""
    if name not in row:
        return None
    try:
        value = float(row[name])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SefrontError(f"{where}: {name} is '{row[name]}'; expected a number of seconds")
    return value


def target_of(rows: Mapping[int, Row], stated: Target | None, path: Path) -> Target | None:
    """The column to predict: the stated one, or the only one that is filled.

    Raises:
        SefrontError: The stated one is empty, or several are filled.
    """
    filled = [name for name in TARGETS if any(name in row for row in rows.values())]
    if stated is not None and stated not in filled:
        raise SefrontError(f"{path}: no row has a {stated} (filled: {', '.join(filled) or 'none'})")
    if stated is None and len(filled) > 1:
        raise SefrontError(f"{path}: rows have {' and '.join(filled)}; say which to predict with option 'target'")
    return stated or (filled[0] if filled else None)


def clip_of(row: Row, target: Target | None, path: Path, number: int, dimensions: tuple[str, ...]) -> Clip:
    """The clip that a row of the manifest at `path` describes; a trace has `dimensions`."""
    where = f"{path}, line {number}"
    value: str | TraceFile | None = None
    if target is not None:
        if target not in row:
            raise SefrontError(f"{where}: no {target}, which other rows have")
        value = TraceFile(path.parent / row[target], dimensions) if target == "label_path" else row[target]
    audio = AudioFile(path.parent / row["path"], seconds(row, "start", where) or 0.0, seconds(row, "end", where))
    return Clip(row.get("id", row["path"]), audio, value, row.get("speaker"), row.get("session"))


def split_of(name: str) -> Split:
    """The split that a cell names."""
    return SPLIT_NAMES[name.lower()]
