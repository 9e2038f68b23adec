"""Decoded recordings on disk, as they are used: mono float32 at one rate, mapped into memory instead of decoded again.

A recording that can tell its `version` is kept; for a file that is its absolute path, its time and size and the part of
it, so a file that has changed is decoded again. What is kept is raw samples behind a header with their number and
checksum; a file that is cut short or does not fit its checksum is made anew. Files are written under names of their own
and renamed, so several processes and runs can share a folder.
"""

from __future__ import annotations

import mmap
import os
import struct
import warnings
import zlib
from hashlib import blake2b
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from sefront.core.clips import Recording
from sefront.core.errors import BadOptionError
from sefront.core.files import clear_failures

HEADER = struct.Struct("<8sII")  # what it is, samples, and their CRC-32
MARK = b"sefront1"
DECODERS = f"{soundfile.__libsndfile_version__} {soxr.__version__}"
GIGABYTES = 20.0  # by default
SCANS = 64  # of the folder, while it fills


class Decoded:
    """A folder of decoded recordings, of bounded size; when it is full, nothing is added.

    With several processes it may grow over its bound by a sixty-fourth part for each.

    Args:
        folder: Where they are.
        capacity: Most bytes of it.
    """

    def __init__(self, folder: Path, capacity: int) -> None:
        self.folder, self.capacity = folder, capacity
        self.held: int | None = None  # bytes, as far as is known
        self.added = 0  # since they were counted
        self.full = False

    def read(self, audio: Recording, sample_rate: int) -> NDArray[np.float32]:
        """Samples of `audio`, (samples,), kept from an earlier time or for a later one; read-only if kept.

        Raises:
            DamagedAudioError: The recording cannot be used.
            SefrontError: The folder cannot be written.
        """
        version = version_of(audio)
        if version is None:
            return audio.read(sample_rate)
        name = blake2b(f"{version}\0{sample_rate}\0{DECODERS}".encode(errors="surrogateescape"), digest_size=16)
        place = self.folder / name.hexdigest()[:2] / name.hexdigest()[2:]
        wave = mapped(place)
        if wave is None:
            wave = np.ascontiguousarray(audio.read(sample_rate), dtype="<f4")
            self.keep(place, wave)
        return wave

    def keep(self, place: Path, wave: NDArray[np.float32]) -> None:
        """Write `wave` (samples,) to `place`, if there is room."""
        size = HEADER.size + wave.nbytes
        if self.held is None or self.added > self.capacity // SCANS:
            self.held, self.added = bytes_in(self.folder), 0
        if self.held + self.added + size > self.capacity:
            self.tell()
            return
        with clear_failures(self.folder, "go on", "--cache"):
            place.parent.mkdir(parents=True, exist_ok=True)
            draft = place.with_name(uuid4().hex)
            try:
                with draft.open("xb") as file:
                    file.write(HEADER.pack(MARK, len(wave), zlib.crc32(wave.data)))
                    file.write(wave.data)
                draft.replace(place)
            finally:
                draft.unlink(missing_ok=True)
        self.added += size

    def tell(self) -> None:
        """Warn, once, that nothing is added any more."""
        if not self.full:
            self.full = True
            warnings.warn(
                f"{self.folder}: full ({self.capacity / 1e9:g} GB), so further audio is decoded each time; "
                "give it more with --cache-gb, or delete what is in it",
                stacklevel=2,
            )


def decoded(folder: str | os.PathLike[str] | None, gigabytes: float | None = None) -> Decoded | None:
    """What keeps decoded audio in `folder`, at most so many `gigabytes` of it; None without a folder.

    Raises:
        BadOptionError: The bound is not above zero, or there is nothing to bound.
    """
    if gigabytes is not None and not gigabytes > 0:
        raise BadOptionError(f"--cache-gb must be above 0, but is {gigabytes:g}")
    if folder is None:
        if gigabytes is not None:
            raise BadOptionError(f"--cache-gb {gigabytes:g}: there is no --cache FOLDER that it could bound")
        return None
    return Decoded(Path(folder).expanduser().resolve(), round(1e9 * (GIGABYTES if gigabytes is None else gigabytes)))


def version_of(audio: Any) -> str | None:
    """What names the samples of a recording, and changes when they do; None for one that cannot tell."""
    version = getattr(audio, "version", None)
    return None if version is None else version()


def mapped(place: Path) -> NDArray[np.float32] | None:
    """The samples in a file, mapped into memory; None where there is none, or not a whole one."""
    try:
        with place.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last where it is empty
        return None
    if len(data) < HEADER.size:
        return None
    mark, count, checksum = HEADER.unpack_from(data)
    if mark != MARK or len(data) != HEADER.size + 4 * count:
        return None
    wave = np.frombuffer(data, dtype="<f4", offset=HEADER.size)
    return wave if zlib.crc32(wave.data) == checksum else None


def bytes_in(folder: Path) -> int:
    """Bytes of all files below `folder`; those that vanish meanwhile count for nothing."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(root) / name).stat().st_size
            except FileNotFoundError:
                continue
    return total
