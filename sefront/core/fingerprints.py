"""Telling quickly whether two files hold the same samples, whatever they are called."""

from __future__ import annotations

import hashlib
import os

import numpy as np

from sefront.core.audio import AudioFile, opened, samples_from
from sefront.core.errors import DamagedAudioError
from sefront.core.listening import LEAST, hear, span

DIGEST = 8  # bytes of a hash
GLIMPSE = 4096  # samples per channel, or bytes, in the middle of a recording
TICKS = 48000  # a second; lengths at any usual rate are told apart, and rounded alike from whatever they were computed


def ticks(seconds: float) -> int:
    """A length in seconds as a whole number that is the same for the same number of samples."""
    return round(seconds * TICKS)


def glimpse(audio: AudioFile) -> bytes:
    """A hash of the samples in the middle of a file or a part of one; of all, where those in the middle are silent.

    Nothing where it is damaged, of which training or a check of the corpus will tell, or all silent.
    """
    try:
        with opened(audio.place()) as file:
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
        with audio.place().open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, (size - GLIMPSE) // 2))
            return f"{size} {audio.start} {audio.end} ".encode() + file.read(GLIMPSE)
    except OSError:
        return b""


def length(audio: AudioFile) -> int | None:
    """How long a file or a part of one lasts; None where it is damaged."""
    try:
        return ticks(audio.duration())
    except DamagedAudioError:
        return None


def weight(audio: AudioFile) -> int | None:
    """How many bytes a file has, which takes no look into it; None where it is missing."""
    try:
        return audio.place().stat().st_size
    except OSError:
        return None


def fingerprint(audio: AudioFile) -> bytes:
    """Eight bytes that the same samples have under any name: a hash of length and `glimpse`; nothing without one."""
    seen = glimpse(audio)
    length = ticks(audio.duration()) if seen else 0
    return hashlib.blake2b(f"{length} ".encode() + seen, digest_size=DIGEST).digest() if seen else b""
