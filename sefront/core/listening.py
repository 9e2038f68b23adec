"""What can be heard of one recording: its samples are decoded block by block, and only what is counted is kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sefront.core.audio import AudioFile, opened, samples_from
from sefront.core.clips import Recording
from sefront.core.errors import DamagedAudioError

BLOCK = 1 << 20  # samples per channel that are decoded at a time
DIGEST = 8  # bytes of the hash of a glimpse
RATE = 16000  # Hz, for recordings that are no files
FULL = 32767 / 32768  # the highest value of 16 bits
LARGEST = {"PCM_S8": 127 / 128, "PCM_U8": 127 / 128, "ULAW": 32124 / 32768, "ALAW": 32256 / 32768}
GLIMPSE = 4096  # samples per channel, or bytes, in the middle of a recording
TICKS = 48000  # a second; lengths at any usual rate are told apart, and rounded alike from whatever they were computed
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


def ticks(seconds: float) -> int:
    """A length in seconds as a whole number that is the same for the same number of samples."""
    return round(seconds * TICKS)


def glimpse(audio: AudioFile) -> bytes:
    """A hash of the samples in the middle of a file or a part of one; of all, where those in the middle are silent.

    Nothing where it is damaged, of which training or a check of the corpus will tell, or all silent.
    """
    try:
        with opened(audio.path) as file:
            first, last = span(audio, file.samplerate, file.frames)
            start = max(first, (first + last - GLIMPSE) // 2)
            file.seek(start)
            block = samples_from(file, audio.path, min(GLIMPSE, last - start))
        if np.ptp(block) > LEAST:
            return hashlib.blake2b(np.ascontiguousarray(block).data, digest_size=DIGEST).digest()
        heard = hear(audio)
    except DamagedAudioError:
        return b""
    return b"" if heard.silent else heard.digest[:DIGEST]


def peek(audio: AudioFile) -> bytes:
    """Size, place and the bytes in the middle of a file, without decoding it; nothing where it cannot be read."""
    try:
        with audio.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, (size - GLIMPSE) // 2))
            return f"{size} {audio.start} {audio.end} ".encode() + file.read(GLIMPSE)
    except OSError:
        return b""


def fingerprint(audio: AudioFile) -> bytes:
    """Eight bytes that the same samples have under any name: a hash of length and `glimpse`; nothing without one."""
    seen = glimpse(audio)
    length = ticks(audio.duration()) if seen else 0
    return hashlib.blake2b(f"{length} ".encode() + seen, digest_size=DIGEST).digest() if seen else b""


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
