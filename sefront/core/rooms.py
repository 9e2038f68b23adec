"""Reverberation by measured or simulated impulse responses, of which the early part belongs to the target.

    heard_t = a (x * h)_{t + d},  target_t = a (x * h')_{t + d},  h' = h up to e seconds after the direct path

d is where the direct path arrives, so that target, mixture and dry clip are aligned; a gives the target the power of
the dry clip x.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from sefront.core.audio import AudioFile, audio_files
from sefront.core.clips import Clip
from sefront.core.conditions import SIMULATED, Conditions
from sefront.core.errors import BadOptionError
from sefront.core.mixing import Wave, power
from sefront.core.randomness import stream
from sefront.core.reader import Reader
from sefront.core.simulated_rooms import ROOMS, simulated, simulator


@dataclass(frozen=True)
class Rooms:
    """Where clips are heard.

    Args:
        conditions: Which rooms.
        reader: Reads measured responses.
    """

    conditions: Conditions
    reader: Reader

    @cached_property
    def responses(self) -> list[Clip]:
        """The measured responses.

        Raises:
            BadOptionError: There are none.
        """
        folder = Path(str(self.conditions.reverb)).expanduser()
        if not folder.is_dir():
            raise BadOptionError(
                f"mixing.reverb is {folder}, which is no folder; name one of impulse responses, or simulated"
            )
        found = audio_files(folder)
        if not found:
            raise BadOptionError(f"mixing.reverb: {folder} holds no audio files; name a folder of impulse responses")
        return [Clip(f"{path}", AudioFile(path)) for path in found]

    def check(self) -> None:
        """Refuse rooms that there are not.

        Raises:
            SefrontError: No responses are there, or what simulates them is not installed.
        """
        if self.conditions.reverb == SIMULATED:
            simulator()
        elif self.conditions.reverb is not None:
            len(self.responses)

    def heard(self, wave: Wave, seed: int, *names: object) -> tuple[Wave, Wave]:
        """Target and whole of `wave` (samples,) in the room drawn for `names` under `seed`."""
        rng = stream(seed, *names, "room")
        if self.conditions.reverb == SIMULATED:
            number = int(rng.integers(ROOMS))
            response = simulated(seed, number, self.conditions.rt60_range, self.reader.sample_rate)
        else:
            response = self.reader.read(self.responses[rng.integers(len(self.responses))])
        return in_room(wave, response, round(self.conditions.early * self.reader.sample_rate))


def in_room(wave: Wave, response: Wave, early: int) -> tuple[Wave, Wave]:
    """Target and whole of `wave` (samples,) heard through `response`.

    Args:
        wave: The dry clip.
        response: An impulse response (samples,); its highest peak is the direct path.
        early: Samples after the direct path that belong to the target.
    """
    direct = int(np.argmax(np.abs(response)))

    def through(part: Wave) -> NDArray[np.float64]:
        heard = oaconvolve(wave.astype(np.float64), part.astype(np.float64))
        return np.asarray(heard[direct : direct + len(wave)])

    target, whole = through(response[: direct + early + 1]), through(response)
    gain = np.sqrt(power(wave) / np.mean(np.square(target)))
    return (gain * target).astype(np.float32), (gain * whole).astype(np.float32)
