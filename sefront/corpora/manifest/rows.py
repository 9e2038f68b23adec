"""The rows of a manifest, read and checked by column, some thousands at a time; every error names the line."""

from __future__ import annotations

import csv
import gc
import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate, chain, islice, zip_longest
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from sefront.core.columns import TARGETS, Columns
from sefront.core.errors import SefrontError, unknown
from sefront.corpora.manifest.gathering import Chunk, Gathering

if TYPE_CHECKING:
    from _csv import Reader

COLUMNS = ("id", "path", "start", "end", "split", *TARGETS, "speaker", "session", "corpus", "tags", "extra")
DELIMITERS = {".csv": ",", ".tsv": "\t"}
FORMATS = (*DELIMITERS, ".jsonl")
ROWS = 1 << 10  # of a chunk: what stays in the processor's cache
BREAK = re.compile(r"\r\n|\r|\n")


def read(path: Path, follow_outside: bool) -> Columns:
    """The rows of the manifest at `path`, whose files may lie outside its folder where that is to be followed.

    Raises:
        SefrontError: The table is missing, of another format, damaged, empty or has a column that is none of ours.
    """
    if not path.is_file():
        raise SefrontError(f"{path}: no such file; expected a manifest ({' '.join(FORMATS)}) with a row per clip")
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise SefrontError(f"{path}: '{suffix}' is no format of a manifest; expected {', '.join(FORMATS)}")
    gathering = Gathering(Columns(path, path.parent, follow_outside=follow_outside))
    try:
        with uncollected():
            for chunk in json_lines(path) if suffix == ".jsonl" else table(path, DELIMITERS[suffix]):
                gathering.add(chunk)
    except UnicodeDecodeError as error:
        raise SefrontError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from error
    columns = gathering.finished()
    if not len(columns):
        raise SefrontError(f"{path}: holds no rows; expected one per clip")
    return columns


@contextmanager
def uncollected() -> Iterator[None]:
    """A block in which no cycles are looked for: among millions of cells, which are in none, that takes most time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def table(path: Path, delimiter: str) -> Iterator[Chunk]:
    """The columns of a table with a header, blank lines left out."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        yield from rows_below_header(csv.reader(file, delimiter=delimiter, strict=True), path)


def rows_below_header(reader: Reader, path: Path) -> Iterator[Chunk]:
    """The columns of what a reader of tables reads."""
    try:
        header = [name.strip() for name in next(reader, [])]
        if header and "path" not in header:
            raise SefrontError(f"{path}, line 1: no column 'path'; the header has {', '.join(header)}")
        if doubles := [name for name in header if header.count(name) > 1]:
            raise SefrontError(f"{path}, line 1: column '{doubles[0]}' stands twice")
        check_columns(header, f"{path}, line 1")
        before = reader.line_num
        while rows := list(islice(reader, ROWS)):
            lines, before = numbered(rows, before, reader.line_num), reader.line_num
            if max(map(len, rows)) > len(header):
                number, row = next((n, row) for n, row in zip(lines, rows, strict=True) if len(row) > len(header))
                raise SefrontError(f"{path}, line {number}: {len(row)} cells where the header has {len(header)}")
            yield columns_of(header, lines, rows)
    except csv.Error as error:
        raise SefrontError(f"{path}, line {reader.line_num}: not readable as a table ({error})") from error


def columns_of(header: Sequence[str], lines: Sequence[int], rows: Sequence[Sequence[str]]) -> Chunk:
    """The columns of some rows under a header, blank rows left out."""
    columns = {name: stripped(cells) for name, cells in zip(header, zip_longest(*rows, fillvalue=""), strict=False)}
    if all(columns["path"]):
        return lines, columns
    kept = [i for i, row in enumerate(rows) if any(row)]
    return [lines[i] for i in kept], {name: [cells[i] for i in kept] for name, cells in columns.items()}


def stripped(cells: Sequence[str]) -> list[str]:
    """Cells without the blanks around them; most columns have none, which is quick to see."""
    together = "".join(cells)
    return list(cells) if together.split(None, 1) == [together] else list(map(str.strip, cells))


def numbered(rows: Sequence[Sequence[str]], before: int, last: int) -> Sequence[int]:
    """The lines that rows end in, of which the last is `last`; cells in quotes may go over several."""
    if last - before == len(rows):
        return range(before + 1, last + 1)
    return list(accumulate((1 + sum(len(BREAK.findall(cell)) for cell in row) for row in rows), initial=before))[1:]


def json_lines(path: Path) -> Iterator[Chunk]:
    """The columns of a JSON Lines file, blank lines left out."""
    with path.open("rb") as file:  # bytes, of which many lines become text at once
        mark = len(BOM_UTF8) if file.read(len(BOM_UTF8)) == BOM_UTF8 else 0
        file.seek(mark)
        yield from columns_of_lines(file, path)


def columns_of_lines(file: BinaryIO, path: Path) -> Iterator[Chunk]:
    """The columns of the lines that a file has left."""
    before = 0
    while lines := list(islice(file, ROWS)):
        numbers: Sequence[int] = range(before + 1, before + len(lines) + 1)
        before += len(lines)
        rows = at_once(lines)
        if rows is None:
            found = dict(one_by_one(zip(numbers, lines, strict=True), path))
            numbers, rows = list(found), list(found.values())
        cells = alike(rows) or {name: [row.get(name) for row in rows] for name in dict.fromkeys(chain(*rows))}
        if not cells.keys() <= set(COLUMNS):
            for number, row in zip(numbers, rows, strict=True):
                check_columns(row, f"{path}, line {number}")
        yield numbers, cells


def alike(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The columns of objects that all have the same names, quickly; nothing where they differ."""
    names = tuple(rows[0]) if rows else ()
    if len(names) < 2 or set(map(len, rows)) != {len(names)}:
        return {}
    try:
        return dict(zip(names, map(list, zip(*map(itemgetter(*names), rows), strict=True)), strict=True))
    except KeyError:
        return {}


def at_once(lines: Sequence[bytes]) -> list[dict[str, Any]] | None:
    """The object of each line, all read together, which is quicker; None where any line is something else."""
    try:
        rows = [row for (row,) in json.loads(f"[[{b'],['.join(lines).decode()}]]")]
    except UnicodeDecodeError:
        raise
    except ValueError:  # or two rows in one pair of brackets, where a line ends what another began
        return None
    return rows if len(rows) == len(lines) and set(map(type, rows)) == {dict} else None


def one_by_one(lines: Iterable[tuple[int, bytes]], path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of numbered lines, blank ones left out.

    Raises:
        SefrontError: A line is no object.
    """
    for number, line in lines:
        if not line.strip():
            continue
        try:
            cells = json.loads(line)
        except ValueError as error:
            raise SefrontError(f"{path}, line {number}: not JSON ({error})") from error
        if not isinstance(cells, dict):
            raise SefrontError(f'{path}, line {number}: expected an object such as {{"path": "a.wav"}}')
        yield number, cells


def check_columns(columns: Iterable[str] | Mapping[str, Any], where: str) -> None:
    """Refuse a column that is none of ours, naming the nearest."""
    for column in columns:
        if column not in COLUMNS:
            raise unknown("column", column, COLUMNS, where)
