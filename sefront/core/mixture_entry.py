"""The lines of a list of mixtures: all that it takes to make each again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sefront.core.errors import SefrontError

KEYS = ("id", "clean", "noise", "offset", "snr", "measured_snr", "seed")


@dataclass(frozen=True)
class Entry:
    """One mixture.

    Args:
        id: Its name.
        clean: Name of the clip.
        noise: Names of the noises.
        offset: Where each begins to be heard, in seconds.
        snr: What was asked for, in dB.
        measured_snr: What it is, in dB, measured from the samples.
        seed: Seed of room and degradations.
        kind: Type of the noise, or "several"; not part of the list.
        mixing: Conditions that differ from the usual ones.
    """

    id: str
    clean: str
    noise: tuple[str, ...]
    offset: tuple[float, ...]
    snr: float
    measured_snr: float
    seed: int
    kind: str = ""
    mixing: Mapping[str, Any] = field(default_factory=dict)

    def as_row(self) -> dict[str, Any]:
        """The line of the list; a single noise is no list."""
        row = {key: getattr(self, key) for key in KEYS}
        for key in ("noise", "offset"):
            row[key] = row[key][0] if len(row[key]) == 1 else list(row[key])
        return {**row, "mixing": dict(self.mixing)} if self.mixing else row

    @classmethod
    def of(cls, row: Mapping[str, Any], where: str) -> Entry:
        """The inverse of `as_row`.

        Raises:
            SefrontError: A value is missing or of another type; `where` says in which line.
        """
        try:
            several = {key: row[key] if isinstance(row[key], list) else [row[key]] for key in ("noise", "offset")}
            return cls(
                str(row["id"]), str(row["clean"]), tuple(map(str, several["noise"])),
                tuple(map(float, several["offset"])), float(row["snr"]), float(row["measured_snr"]), int(row["seed"]),
                mixing=dict(row.get("mixing", {})),
            )  # fmt: skip
        except KeyError as error:
            raise SefrontError(f"{where}: has no {error}; a mixture needs {', '.join(KEYS)}") from error
        except (TypeError, ValueError) as error:
            raise SefrontError(f"{where}: not a mixture ({error}); it needs {', '.join(KEYS)}") from error


def rows_of(path: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    """The lines of a file of JSON lines, and where each stands.

    Raises:
        SefrontError: The file cannot be read, or a line is no JSON object.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SefrontError(f"{path}: cannot be read ({error})") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise SefrontError(f"{where}: not JSON ({error})") from error
        if not isinstance(row, dict):
            raise SefrontError(f"{where}: not a mixture; it needs {', '.join(KEYS)}")
        yield where, row
