"""Reading audio files: any rate, channel count and format that soundfile knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from sefront.core.errors import DamagedAudioError
from sefront.core.rooted import real

SUFFIXES = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64", ".rf64"}
)

# libsndfile shortens a truncated file in silence and only its log tells: the size that the header states, then the true
# one. Sizes near 2 GiB and above are how programs that write into a pipe say "unknown".
CUT = re.compile(r"^\s*(?:data|SSND|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
UNKNOWN_SIZE = 2**31 - 2**16
UNSTATED = frozenset({"FLAC", "OGG", "MPEG", "MP3"})  # formats whose headers state no bytes


@dataclass(frozen=True)
class AudioFile:
    """A recording on disk, or the part of it between `start` and `end`.

    Args:
        path: The file.
        start: Beginning in seconds.
        end: End in seconds; None means the end of the file.
        within: Folder that links may not lead out of; None means that they may.
    """

    path: Path
    start: float = 0.0
    end: float | None = None
    within: Path | None = field(default=None, compare=False, repr=False)

    def place(self) -> Path:
        """The file, which lies where it may.

        Raises:
            SefrontError: A link leads out of `within`.
        """
        return real(self.path, self.within)

    def duration(self) -> float:
        """Length in seconds, from the header."""
        known = header(self.place())
        whole = float(known.frames / known.sample_rate)
        return max(0.0, min(whole, whole if self.end is None else self.end) - self.start)

    def version(self) -> str:
        """What names these samples: the place, time and size of the file, and the part."""
        try:
            found = self.place().stat()
        except OSError as error:
            raise unreadable(self.path, error) from error
        return f"{self.path.absolute()}\0{found.st_mtime_ns}\0{found.st_size}\0{self.start}\0{self.end}"

    def read(self, sample_rate: int) -> NDArray[np.float32]:
        """Mono samples at `sample_rate` Hz: the mean of the channels, resampled by soxr."""
        samples, rate = read_channels(self.place(), self.start, self.end)
        mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)
        return resample(mono, rate, sample_rate)


@dataclass(frozen=True)
class Header:
    """What a file says about itself: samples per channel, rate in Hz, channels and encoding, such as PCM_16."""

    frames: int
    sample_rate: int
    channels: int
    subtype: str


def header(path: Path) -> Header:
    """What the file at `path` says about itself.

    Raises:
        DamagedAudioError: The file is missing, not audio, or truncated.
    """
    with opened(path) as file:
        return Header(int(file.frames), int(file.samplerate), int(file.channels), str(file.subtype))


@contextmanager
def opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """A block that reads from the file at `path`.

    Raises:
        DamagedAudioError: The file is missing, not audio, or truncated.
    """
    try:
        with soundfile.SoundFile(str(path)) as file:
            file.seekable = lambda: False  # else each read would be followed by a search for its end
            if file.format not in UNSTATED:
                check_whole(path, file.extra_info)
            yield file
    except UnicodeEncodeError as error:  # soundfile's, of names that came from another system as mere bytes
        raise DamagedAudioError(f"{path}: its name is no text in {error.encoding}; rename it") from error
    except (soundfile.LibsndfileError, OSError) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> DamagedAudioError:
    """The error for a file that soundfile refuses, or that is missing."""
    if not path.exists():
        return DamagedAudioError(f"{path}: no such file")
    if path.stat().st_size == 0:
        return DamagedAudioError(f"{path}: the file is empty (0 bytes)")
    reason = str(error).rsplit(": ", 1)[-1].strip().rstrip(".")
    return DamagedAudioError(f"{path}: not readable as audio ({reason})")


def check_whole(path: Path, log: str) -> None:
    """Refuse a file that is shorter than its header states; `log` is what libsndfile wrote while it opened it."""
    for stated, there in CUT.findall(log):
        if int(there) + 8 < int(stated) < UNKNOWN_SIZE:  # chunks are padded to up to 8 bytes
            raise DamagedAudioError(f"{path}: truncated ({there} of {stated} bytes are there)")


def read_channels(path: Path, start: float = 0.0, end: float | None = None) -> tuple[NDArray[np.float32], int]:
    """Samples (samples, channels) between `start` and `end` seconds, and the file's own rate in Hz.

    Raises:
        DamagedAudioError: The file is missing, not audio, truncated, empty or holds values that are not finite.
    """
    with opened(path) as file:
        rate = int(file.samplerate)
        first = round(start * rate)
        last = file.frames if end is None else min(file.frames, round(end * rate))
        if first:  # else it is there, and saying so would decode the first block of a FLAC file twice
            file.seek(min(first, file.frames))
        return samples_from(file, path, max(0, last - first)), rate


def read_blocks(path: Path, size: int) -> Iterator[NDArray[np.float32]]:
    """All samples of a file in blocks (samples, channels) of `size`, the last of which may be shorter.

    Raises:
        DamagedAudioError: As `read_channels`, when the block is reached that is damaged.
    """
    with opened(path) as file:
        for start in range(0, max(1, file.frames), size):
            yield samples_from(file, path, min(size, file.frames - start))


def samples_from(file: soundfile.SoundFile, path: Path, count: int) -> NDArray[np.float32]:
    """The next `count` samples (samples, channels).

    Raises:
        DamagedAudioError: There are none, or fewer, or they hold values that are not finite.
    """
    samples: NDArray[np.float32] = file.read(count, dtype="float32", always_2d=True)
    if count == 0:
        raise DamagedAudioError(f"{path}: holds no samples")
    if len(samples) < count:
        raise DamagedAudioError(f"{path}: truncated ({len(samples)} of {count} samples could be read)")
    if not file.subtype.startswith("PCM") and not np.isfinite(samples).all():  # integers always are
        raise DamagedAudioError(f"{path}: holds values that are not finite (NaN or infinity)")
    return samples


def resample(samples: NDArray[np.float32], rate: int, sample_rate: int) -> NDArray[np.float32]:
    """`samples` (samples,) or (samples, channels) from `rate` to `sample_rate` Hz."""
    if rate == sample_rate:
        return samples
    return np.asarray(soxr.resample(samples, rate, sample_rate), dtype=np.float32)


def resampler(rate: int, sample_rate: int, channels: int) -> Callable[[NDArray[np.float32], bool], NDArray[np.float32]]:
    """What `resample` does, for blocks (samples, channels) of a recording; it is told which block is the last."""
    if rate == sample_rate:
        return lambda block, last: block
    stream = soxr.ResampleStream(rate, sample_rate, channels)
    return lambda block, last: np.asarray(stream.resample_chunk(np.ascontiguousarray(block), last), dtype=np.float32)


def audio_files(folder: Path) -> list[Path]:
    """Every audio file below `folder`, sorted, hidden files and folders left out."""
    found = (p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts))
