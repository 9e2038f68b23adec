"""Where samples come from: recordings at one rate, those most recently used kept in memory, or all decoded on disk."""

from __future__ import annotations

from collections import OrderedDict

from sefront.core.clips import Clip
from sefront.core.decoded import Decoded
from sefront.core.errors import DamagedAudioError
from sefront.core.mixing import Wave, is_silent

CACHE_BYTES = 2 << 30


class Reader:
    """Reads recordings at one rate and keeps those most recently used, up to a number of bytes.

    Args:
        sample_rate: The rate in Hz.
        capacity: Most bytes kept in memory.
        decoded: Where decoded audio is on disk; it is then left to the system what is in memory.
    """

    def __init__(self, sample_rate: int, capacity: int = CACHE_BYTES, decoded: Decoded | None = None) -> None:
        self.sample_rate, self.capacity, self.held = sample_rate, 0 if decoded else capacity, 0
        self.decoded = decoded
        self._waves: OrderedDict[str, Wave] = OrderedDict()

    def read(self, clip: Clip) -> Wave:
        """Samples of `clip`, (samples,).

        Raises:
            DamagedAudioError: The clip cannot be used, or is silent.
        """
        key = f"{clip.id}\0{clip.audio!r}"
        if key in self._waves:
            self._waves.move_to_end(key)
            return self._waves[key]
        rate = self.sample_rate
        wave = self.decoded.read(clip.audio, rate) if self.decoded else clip.audio.read(rate)
        if is_silent(wave):
            raise DamagedAudioError(f"{clip.id}: silent (every sample is zero)")
        wave.setflags(write=False)
        self._waves[key] = wave
        self.held += wave.nbytes
        while self.held > self.capacity:
            self.held -= self._waves.popitem(last=False)[1].nbytes
        return wave
