"""The files of mixtures that a list is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sefront.core.conditions import Conditions, conditions_of
from sefront.core.errors import SefrontError
from sefront.core.mixture_entry import rows_of

FOLDERS: Mapping[str, tuple[str, ...]] = {
    "noisy": ("noisy", "mix", "mixture", "mixtures"),
    "clean": ("clean", "speech", "target", "s1"),
    "noise": ("noise", "n"),
}
"""What folders are called that hold a part of the mixtures."""


@dataclass(frozen=True)
class Triple:
    """The files of one mixture.

    Args:
        name: What it is called.
        noisy: The mixture.
        clean: What must survive.
        noise: What was added; None where there is only the difference of the two.
        snr: What was asked for in dB, where known.
        recorded: What was measured when it was made, of a list without audio.
        conditions: How it was made, as far as a list says.
    """

    name: str
    noisy: Path | None = None
    clean: Path | None = None
    noise: Path | None = None
    snr: float | None = None
    recorded: float | None = None
    conditions: Conditions = field(default_factory=Conditions)

    @property
    def plain(self) -> bool:
        """Whether nothing but noise came to the clip."""
        return not self.conditions.degrade and self.conditions.reverb is None


def listed(path: Path) -> list[Triple]:
    """The mixtures of a list: files that it names, or that lie beside it and are called by its ids, or what it noted.

    Raises:
        SefrontError: It holds no mixtures, or a line of it says neither what to measure nor what was measured.
    """
    found = [from_row(path, where, row) for where, row in rows_of(path)]
    if not found:
        raise SefrontError(f"{path}: holds no mixtures; name another list")
    return found


def from_row(path: Path, where: str, row: Mapping[str, Any]) -> Triple:
    """The mixture that a line of the list at `path` is about."""
    name, folder = str(row.get("id", row.get("noisy", ""))), path.parent
    try:
        snr = float(row["snr"]) if row.get("snr") is not None else None
        conditions = conditions_of(row.get("mixing", {}), f"{where}: mixing")
        if "noisy" in row:
            noisy, clean, noise = (folder / str(row[part]) if row.get(part) else None for part in FOLDERS)
            return Triple(name, noisy, clean, noise, snr, conditions=conditions)
        beside = [folder / part / f"{name}.wav" for part in FOLDERS]
        if any(path.exists() for path in beside):
            return Triple(name, beside[0], beside[1], beside[2], snr, conditions=conditions)
        return Triple(name, snr=snr, recorded=float(row["measured_snr"]), conditions=conditions)
    except (KeyError, TypeError, ValueError) as error:
        raise SefrontError(
            f"{where}: {name or 'a mixture'} names no file 'noisy', there is none beside the list, and no measured_snr "
            "was noted; audit the folder of the mixtures"
        ) from error
