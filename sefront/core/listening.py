"""What can be heard of one recording: its samples are decoded block by block, and only what is counted is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sefront.core.audio import AudioFile, opened, samples_from
from sefront.core.clips import Recording

BLOCK = 1 << 20  # samples per channel that are decoded at a time
RATE = 16000  # Hz, for recordings that are no files
FULL = 32767 / 32768  # the highest value of 16 bits
LARGEST = {"PCM_S8": 127 / 128, "PCM_U8": 127 / 128, "ULAW": 32124 / 32768, "ALAW": 32256 / 32768}
LEAST = 2 / 32768  # between the lowest and the highest sample: what a quiet converter alone gives


@dataclass(frozen=True)
class Heard:
    """What a recording turned out to hold.

    Args:
        digest: Hash of rate and samples; the same samples have the same one, whatever the format.
        rate: Sample rate in Hz.
        frames: Samples per channel.
        full: Samples of all channels that are at full scale.
        share: The same as a share of all samples.
        silent: Whether no channel moves by more than the last bit of 16.
    """

    digest: bytes
    rate: int
    frames: int
    full: int
    share: float
    silent: bool

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.frames / self.rate


def hear(audio: Recording) -> Heard:
    """Decode all of a recording.

    Raises:
        DamagedAudioError: It is missing, unreadable, truncated, empty or holds values that are not finite.
    """
    with blocks(audio) as (rate, limit, found):
        digest = hashlib.blake2b(str(rate).encode(), digest_size=16)
        frames = full = size = 0
        low, high = np.float32(np.inf), np.float32(-np.inf)
        for block in found:
            digest.update(f"{block.shape[1]}".encode())
            digest.update(np.ascontiguousarray(block).data)
            frames, size = frames + len(block), size + block.size
            full += int(np.count_nonzero((block >= limit) | (block <= -limit)))
            low, high = np.minimum(low, block.min(axis=0)), np.maximum(high, block.max(axis=0))
    return Heard(digest.digest(), rate, frames, full, full / size, bool(np.all(high - low <= LEAST)))


def span(audio: AudioFile, rate: int, frames: int) -> tuple[int, int]:
    """The first sample of a part of a file, and the one after its last."""
    last = frames if audio.end is None else min(frames, round(audio.end * rate))
    return min(round(audio.start * rate), frames), last


@contextmanager
def blocks(audio: Recording) -> Iterator[tuple[int, float, Iterator[NDArray[np.float32]]]]:
    """A block with the rate in Hz, the value of full scale, and the samples (samples, channels) of a recording.

    Raises:
        DamagedAudioError: As `hear`, when the samples are reached that are damaged.
    """
    if not isinstance(audio, AudioFile):
        yield RATE, FULL, iter([audio.read(RATE)[:, None]])
        return
    with opened(audio.place()) as file:
        rate = int(file.samplerate)
        first, last = span(audio, rate, file.frames)
        file.seek(first)
        sizes = (min(BLOCK, last - start) for start in range(first, max(last, first + 1), BLOCK))
        yield rate, LARGEST.get(str(file.subtype), FULL), (samples_from(file, audio.path, max(0, n)) for n in sizes)
