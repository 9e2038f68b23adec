"""Writing so that a file is either the old one or the new one, whatever happens meanwhile."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sefront.core.errors import SefrontError

REFUSED = (
    errno.ENOENT, errno.EACCES, errno.EROFS, errno.EPERM, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG,
    errno.EFBIG,
)  # fmt: skip


@contextmanager
def clear_failures(path: Path, again: str = "use --resume", place: str = "--out") -> Iterator[None]:
    """Turn a full disk, a missing permission or a place that cannot be into one line that says what to do.

    Args:
        path: What is written.
        again: What to do when there is space.
        place: The option that names another place.

    Raises:
        SefrontError: The disk is full, or `path` cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SefrontError(
                f"{path}: the disk is full; what was written before is intact, so free some space and {again}"
            ) from error
        if error.errno in REFUSED:
            raise SefrontError(
                f"{path}: cannot be written ({error.strerror}); name another place with {place}"
            ) from error
        raise


@contextmanager
def replacing(path: Path, again: str = "use --resume", place: str = "--out") -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` when the block ends well."""
    part = path.with_name(f".{path.name}.part")
    with clear_failures(path, again, place):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str, again: str = "use --resume") -> None:
    """Write `text` atomically; where the disk is full, users are told to do it `again`."""
    with replacing(path, again) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any, again: str = "use --resume") -> None:
    """Write `value` atomically as JSON; numbers that are not finite are refused."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n", again)


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Append `record` as one line of JSON."""
    with clear_failures(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file of JSON lines; a last line cut short by a crash is left out."""
    records: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            records.append(json.loads(line))
        except ValueError:
            break
    return records
