"""Under which conditions clips are heard: how their level is measured, under how many noises, where, through what."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sefront.core.parameters import build

Degradation = Literal["codec", "packet_loss", "band_limit", "clip"]
SIMULATED = "simulated"
MOST_RT60 = 2.0  # seconds; a simulation of more takes minutes


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """How mixtures are made: ``-o mixing.NAME=``, and for test mixtures alone ``-o test_mixing.NAME=``.

    Args:
        level: What the SNR compares with the power of the noise: the mean power of the whole clip, or its active
            speech level (ITU-T P.56).
        noises: How many noises at once, a number or a range such as 1:3; of different types as far as there are.
        reverb: A folder of impulse responses, simulated for rooms of pyroomacoustics (extra `rooms`), or none.
        early: Seconds after the direct path that still belong to the target in a room.
        rt60: Reverberation time of simulated rooms in seconds, a range such as 0.2:0.8 or a number.
        degrade: What the mixture goes through, any of codec, packet_loss, band_limit and clip; the target does not.
    """

    level: Literal["mean", "active"] = "mean"
    noises: int | str = 1
    reverb: str | None = None
    early: float = 0.05
    rt60: str = "0.2:0.8"
    degrade: tuple[Degradation, ...] = ()

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: A number out of its range, or a word that is no range.
        """
        low, high = self.noise_range
        if not (1 <= low <= high and low == int(low) and high == int(high)):
            raise ValueError(f"noises is {self.noises}; give a number of at least 1, or a range such as 1:3")
        low, high = self.rt60_range
        if not 0 < low <= high <= MOST_RT60:
            raise ValueError(f"rt60 is {self.rt60}; give seconds above 0 and up to {MOST_RT60:g}, such as 0.2:0.8")
        if not 0 <= self.early < math.inf:
            raise ValueError(f"early must be at least 0 s, but is {self.early}")
        if len(set(self.degrade)) < len(self.degrade):
            raise ValueError(f"degrade names something twice: {','.join(self.degrade)}")

    @property
    def noise_range(self) -> tuple[float, float]:
        """Fewest and most noises at once."""
        return span("noises", self.noises)

    @property
    def rt60_range(self) -> tuple[float, float]:
        """Shortest and longest reverberation time in seconds."""
        return span("rt60", self.rt60)

    def stated(self) -> dict[str, Any]:
        """What differs from the defaults, as JSON can hold it."""
        usual = asdict(Conditions())
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items() if v != usual[k]}


def conditions_of(options: Mapping[str, Any], owner: str) -> Conditions:
    """Conditions from the options of a section called `owner`.

    Raises:
        SefrontError: An unknown option, or a value of the wrong type or out of range.
    """
    conditions: Conditions = build(Conditions, options=options, owner=owner)
    return conditions


def span(name: str, value: float | str) -> tuple[float, float]:
    """The ends of ``LOW:HIGH``, or of a single number.

    Raises:
        ValueError: Something else.
    """
    low, colon, high = str(value).partition(":")
    try:
        return float(low), float(high if colon else low)
    except ValueError as error:
        raise ValueError(f"{name} is {value!r}; give a number, or a range LOW:HIGH") from error
