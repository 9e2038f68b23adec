"""Lists of mixtures, ``mixtures.jsonl``: a line for each, which says all that it takes to make it again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sefront.core.conditions import Conditions, conditions_of
from sefront.core.errors import SefrontError
from sefront.core.files import write_text
from sefront.core.mixture_entry import Entry, rows_of

LIST = "mixtures.jsonl"


@dataclass(frozen=True)
class MixtureList:
    """The mixtures of a list.

    Args:
        path: The file.
        entries: What it holds.
    """

    path: Path
    entries: Sequence[Entry]

    @classmethod
    def read(cls, place: Path) -> MixtureList:
        """The list at `place`, or in a folder there.

        Raises:
            SefrontError: There is none, it is empty, or a line is no mixture.
        """
        path = place / LIST if place.is_dir() else place
        if not path.is_file():
            raise SefrontError(
                f"{path}: no such file; name a list of mixtures, or a folder that holds a {LIST}, as a run does once "
                "it is evaluated"
            )
        entries = [Entry.of(row, where) for where, row in rows_of(path)]
        if not entries:
            raise SefrontError(f"{path}: holds no mixtures; name another list")
        return cls(path, entries)

    @cached_property
    def levels(self) -> tuple[float, ...]:
        """Every SNR in dB, as they come."""
        return tuple(dict.fromkeys(entry.snr for entry in self.entries))

    @cached_property
    def names(self) -> set[str]:
        """The names of the clips."""
        return {entry.clean for entry in self.entries}

    @cached_property
    def conditions(self) -> Conditions:
        """The conditions of all mixtures.

        Raises:
            SefrontError: They differ, or there are no such conditions.
        """
        for entry in self.entries:
            if entry.mixing != self.entries[0].mixing:
                raise SefrontError(
                    f"{self.path}: {self.entries[0].id} and {entry.id} were mixed under different conditions; "
                    "name a list of mixtures of one kind"
                )
        return conditions_of(self.entries[0].mixing, f"{self.path}: mixing")


def write_list(path: Path, entries: Iterable[Entry], again: str) -> None:
    """Write a list; where the disk is full, users are told to do it `again`."""
    write_text(path, "".join(json.dumps(entry.as_row(), ensure_ascii=False) + "\n" for entry in entries), again)
