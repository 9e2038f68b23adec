"""How long clips are, told without opening their files where that is known, else when somebody asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np

from sefront.core.audio import AudioFile
from sefront.core.clips import Clip
from sefront.core.errors import DamagedAudioError


class Durations(Sequence[float]):
    """Seconds of each clip, remembered; 0 where they cannot be told, since damage is named when the clip is read.

    Args:
        clips: The clips.
    """

    def __init__(self, clips: Sequence[Clip]) -> None:
        self._clips = clips
        self._known = np.full(len(clips), np.nan)

    def __len__(self) -> int:
        return len(self._known)

    @overload
    def __getitem__(self, index: int) -> float: ...

    @overload
    def __getitem__(self, index: slice) -> list[float]: ...

    def __getitem__(self, index: int | slice) -> float | list[float]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if np.isnan(self._known[index]):
            try:
                self._known[index] = seconds_of(self._clips[index])
            except DamagedAudioError:
                self._known[index] = 0.0
        return float(self._known[index])


def seconds_of(clip: Clip) -> float:
    """The duration of `clip`; a part of a file with both ends is taken at its word.

    Raises:
        DamagedAudioError: It cannot be told, or there are no samples.
    """
    part = clip.audio
    stated = part.end - part.start if isinstance(part, AudioFile) and part.end is not None else None
    seconds = part.duration() if stated is None else stated
    if seconds <= 0:
        raise DamagedAudioError(f"{clip.id}: holds no samples")
    return seconds
