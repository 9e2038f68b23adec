"""Recordings played faster or slower, as copies that are learnt from beside the originals.

Samples at the rate r are taken for samples at r f and resampled to r, with a band limit. So a clip lasts for T / f
seconds, and a tone of 440 Hz becomes one of 440 f. Source: Ko et al. 2015, doi:10.21437/Interspeech.2015-711.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import truediv
from typing import TYPE_CHECKING, TypeVar, overload

import numpy as np
import soxr
from numpy.typing import NDArray

from sefront.core.clips import Clip, Recording
from sefront.core.decoded import version_of

if TYPE_CHECKING:
    from sefront.core.data import Mixtures

T = TypeVar("T")


@dataclass(frozen=True)
class Sped:
    """A recording at another speed.

    Args:
        audio: The recording.
        factor: How many times faster it is played.
    """

    audio: Recording
    factor: float

    def duration(self) -> float:
        """Length in seconds."""
        return self.audio.duration() / self.factor

    def version(self) -> str | None:
        """What names these samples; None where the recording does not tell."""
        version = version_of(self.audio)
        return None if version is None else f"{version}\0{self.factor}"

    def read(self, sample_rate: int) -> NDArray[np.float32]:
        """Samples at `sample_rate` Hz, (samples,), as many as those of the recording over the factor."""
        wave = self.audio.read(sample_rate)
        size = round(len(wave) / self.factor)
        played = np.asarray(soxr.resample(wave, sample_rate * self.factor, sample_rate), dtype=np.float32)
        return np.pad(played[:size], (0, max(0, size - len(played))))


def sped(clip: Clip, factor: float) -> Clip:
    """A copy of `clip` at another speed, with a name of its own: ``ID@0.9``."""
    reference = None if clip.reference is None else Sped(clip.reference, factor)
    return replace(clip, id=f"{clip.id}@{factor}", audio=Sped(clip.audio, factor), reference=reference)


def original(name: str) -> str:
    """The name of the clip that the one called `name` is a copy of."""
    return name.rpartition("@")[0]


class Copies(Sequence[T]):
    """Things as they are, and then again for each factor; what is asked for is made then, as there may be a million.

    Args:
        originals: The things.
        factors: The factors.
        copy: Makes a copy of one of them for a factor.
    """

    def __init__(self, originals: Sequence[T], factors: Sequence[float], copy: Callable[[T, float], T]) -> None:
        self.originals, self.factors, self.copy = originals, factors, copy

    def __len__(self) -> int:
        return len(self.originals) * (1 + len(self.factors))

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number, place = divmod(range(len(self))[index], len(self.originals))
        one = self.originals[place]
        return self.copy(one, self.factors[number - 1]) if number else one


def with_copies(mixtures: Mixtures, factors: Sequence[float]) -> Mixtures:
    """`mixtures` of all clips as they are, and again at each of `factors`."""
    if not factors:
        return mixtures
    seconds = Copies(mixtures.durations, factors, truediv)
    return replace(mixtures, clips=Copies(mixtures.clips, factors, sped), durations=seconds)
