"""What an audit of mixtures finds: problems, and what was measured for every SNR that was asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sefront.core.mixing import EXACT


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a mixture."""

    kind: str
    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what}"


@dataclass(frozen=True)
class Level:
    """The mixtures of which one SNR in dB was asked for (None: it is not known): what was measured in dB."""

    snr: float | None
    count: int
    mean: float
    min: float
    max: float
    error: float | None


@dataclass
class Audit:
    """What was found.

    Args:
        tolerance: dB by which an SNR may be off.
        mixtures: How many were looked at.
        clipped: How many of them clip.
        noted: How many have no audio, so that what their list noted stands for what is measured.
        problems: Everything that is wrong.
        measured: SNRs in dB by what was asked for.
    """

    tolerance: float = EXACT
    mixtures: int = 0
    clipped: int = 0
    noted: int = 0
    problems: list[Problem] = field(default_factory=list)
    measured: dict[float | None, list[float]] = field(default_factory=lambda: defaultdict(list))

    @property
    def levels(self) -> list[Level]:
        """A summary for each SNR, the highest first; those that nothing is known of come last."""
        order = sorted(self.measured, key=lambda snr: (snr is None, -(snr or 0.0)))
        return [summary(snr, self.measured[snr]) for snr in order]

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        return {
            "mixtures": self.mixtures, "tolerance": self.tolerance, "clipped": self.clipped, "noted": self.noted,
            "levels": [asdict(level) for level in self.levels],
            "problems": [asdict(problem) for problem in self.problems],
        }  # fmt: skip


def summary(snr: float | None, values: Sequence[float]) -> Level:
    """What was measured where `snr` was asked for."""
    error = None if snr is None else max(abs(value - snr) for value in values)
    return Level(snr, len(values), sum(values) / len(values), min(values), max(values), error)
