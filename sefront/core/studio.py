"""Putting a clip and its noise together under given conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sefront.core.active_level import active_power
from sefront.core.clips import Wanted
from sefront.core.conditions import Conditions
from sefront.core.degradations import degraded
from sefront.core.errors import BadOptionError
from sefront.core.mixing import Mixture, Wave, loudness, mix, power, together
from sefront.core.reader import Reader
from sefront.core.rooms import Rooms


@dataclass
class Studio:
    """Makes mixtures.

    Args:
        conditions: How.
        reader: Knows the rate, and reads impulse responses.
        wanted: What must survive; speech is what disturbs a scene.
    """

    conditions: Conditions
    reader: Reader
    wanted: Wanted

    @cached_property
    def rooms(self) -> Rooms:
        """Where clips are heard."""
        return Rooms(self.conditions, self.reader)

    def check(self) -> None:
        """Refuse conditions that there are not.

        Raises:
            SefrontError: Scenes have no active speech level, or rooms are missing.
        """
        if self.conditions.level == "active" and self.wanted == "scene":
            raise BadOptionError("mixing.level=active: a scene has no active speech level; leave it at mean")
        self.rooms.check()

    def active(self, wave: Wave) -> float:
        """How loud the speech of `wave` (samples,) is while there is some, as a power."""
        return active_power(wave, self.reader.sample_rate)

    def sign(self) -> int:
        """What turns an SNR into the ratio of what must survive to what disturbs."""
        return -1 if self.wanted == "scene" else 1

    def mixed(self, wave: Wave, noises: Sequence[Wave], snr: float, seed: int, *names: object) -> Mixture:
        """`wave` (samples,) under `noises` of the same length at `snr` dB, in a room drawn for `names`."""
        target, heard = wave, None
        if self.conditions.reverb is not None:
            target, heard = self.rooms.heard(wave, seed, *names)
        level = self.active if self.conditions.level == "active" else loudness
        return mix(target, together(noises), self.sign() * snr, heard=heard, level=level)

    def measured(self, mixture: Mixture) -> float:
        """The SNR of a mixture that has not been degraded, in dB, from its samples."""
        return self.sign() * mixture.measured(self.active if self.conditions.level == "active" else power)

    def degraded(self, mixture: Mixture, seed: int, *names: object) -> Mixture:
        """The mixture after all it goes through, drawn for `names`."""
        if not self.conditions.degrade:
            return mixture
        rate = self.reader.sample_rate
        return replace(mixture, noisy=degraded(mixture.noisy, rate, self.conditions.degrade, seed, *names))
