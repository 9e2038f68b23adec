"""Writing audio files block by block: what is there in the end is either the old file or the whole new one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from sefront.core.audio import SUFFIXES
from sefront.core.errors import SefrontError

# suffixes that are no name of a format
KINDS = {".aif": ("AIFF", None), ".oga": ("OGG", None), ".opus": ("OGG", "OPUS")}

# samples that libsndfile is given at a time: its Vorbis encoder puts them on the stack, which ends
SOME = 2**16


@contextmanager
def writing(
    path: Path, sample_rate: int, channels: int, subtype: str | None = None
) -> Iterator[Callable[[NDArray[np.float32]], None]]:
    """A block that writes samples piece by piece, in the format that the suffix names; `path` appears at its end.

    Raises:
        SefrontError: The format has no such rate or so many channels.
        OSError: What the disk says.
    """
    form, own = container(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        with Part(part, "w") as raw, raw.reasons():
            try:
                file = soundfile.SoundFile(raw, "w", sample_rate, channels, subtype or own, format=form)
            except soundfile.LibsndfileError as error:
                raise SefrontError(
                    f"{path}: {form} cannot hold {channels} channels at {sample_rate} Hz; "
                    "choose another format, such as .wav"
                ) from error
            with file:
                yield lambda samples: put(file, samples)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def put(file: soundfile.SoundFile, samples: NDArray[Any]) -> None:
    """Write `samples` to an open file, some at a time.

    Those of 16 bits are rounded here: 1 stands for 2^15 as it does in reading, where libsndfile would write 2^15 - 1.
    """
    if file.subtype == "PCM_16":
        samples = np.rint(samples * 2**15).clip(-(2**15), 2**15 - 1).astype(np.int16)
    for start in range(0, len(samples), SOME):
        file.write(samples[start : start + SOME])


class Part(FileIO):
    """A file that remembers why it could not be written, since libsndfile does not pass it on."""

    failure: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of `data`; returns how many bytes were written, 0 where the disk refused."""
        left = memoryview(data)
        try:
            while left:
                left = left[super().write(left) :]
        except OSError as error:
            self.failure = error
            return 0
        return len(data)

    @contextmanager
    def reasons(self) -> Iterator[None]:
        """A block at whose end the disk's refusal comes to light, in place of the error that followed from it."""
        try:
            yield
        except Exception:
            if self.failure is None:
                raise
        if self.failure is not None:
            raise self.failure


def container(path: Path) -> tuple[str, str | None]:
    """What soundfile calls the format that the suffix of `path` names, and the subtype that goes with it, if any.

    Raises:
        SefrontError: No format is called so.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise SefrontError(f"{path}: the suffix names no format to write; choose one of {' '.join(sorted(SUFFIXES))}")
    return KINDS.get(suffix, (suffix[1:].upper(), None))


def subtype_like(subtype: str, source: Path, target: Path) -> str | None:
    """The encoding of `source`, such as PCM_24, for a `target` of the same format; None for another one."""
    if source.suffix.lower() != target.suffix.lower():
        return None
    return subtype if soundfile.check_format(container(target)[0], subtype) else None
