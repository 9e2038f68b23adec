"""Reading and writing audio files: any rate, channel count and format that soundfile knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from sefront.core.errors import DamagedAudioError, SefrontError

SUFFIXES = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64", ".rf64"}
)

# suffixes that are no name of a format
KINDS = {".aif": ("AIFF", None), ".oga": ("OGG", None), ".opus": ("OGG", "OPUS")}

# libsndfile shortens a truncated file in silence and only its log tells: the size that the header states, then the true
# one. Sizes near 2 GiB and above are how programs that write into a pipe say "unknown".
CUT = re.compile(r"^\s*(?:data|SSND|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
UNKNOWN_SIZE = 2**31 - 2**16


@dataclass(frozen=True)
class AudioFile:
    """A recording on disk, or the part of it between `start` and `end`.

    Args:
        path: The file.
        start: Beginning in seconds.
        end: End in seconds; None means the end of the file.
    """

    path: Path
    start: float = 0.0
    end: float | None = None

    def duration(self) -> float:
        """Length in seconds, from the header."""
        try:
            info = soundfile.info(str(self.path))
        except (soundfile.LibsndfileError, OSError) as error:
            raise unreadable(self.path, error) from error
        check_whole(self.path, info.extra_info)
        whole = float(info.frames / info.samplerate)
        return max(0.0, min(whole, whole if self.end is None else self.end) - self.start)

    def read(self, sample_rate: int) -> NDArray[np.float32]:
        """Mono samples at `sample_rate` Hz: the mean of the channels, resampled by soxr."""
        samples, rate = read_channels(self.path, self.start, self.end)
        return resample(samples.mean(axis=1, dtype=np.float32), rate, sample_rate)


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
    try:
        with soundfile.SoundFile(str(path)) as file:
            check_whole(path, file.extra_info)
            rate = int(file.samplerate)
            first = round(start * rate)
            last = file.frames if end is None else min(file.frames, round(end * rate))
            file.seek(min(first, file.frames))
            samples = file.read(max(0, last - first), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise unreadable(path, error) from error
    if len(samples) == 0:
        raise DamagedAudioError(f"{path}: holds no samples")
    if len(samples) < last - first:
        raise DamagedAudioError(f"{path}: truncated ({len(samples)} of {last - first} samples could be read)")
    if not np.isfinite(samples).all():
        raise DamagedAudioError(f"{path}: holds values that are not finite (NaN or infinity)")
    return samples, rate


def resample(samples: NDArray[np.float32], rate: int, sample_rate: int) -> NDArray[np.float32]:
    """`samples` (samples,) or (samples, channels) from `rate` to `sample_rate` Hz."""
    if rate == sample_rate:
        return samples
    return np.asarray(soxr.resample(samples, rate, sample_rate), dtype=np.float32)


def write(path: Path, samples: NDArray[np.float32], sample_rate: int, subtype: str | None = None) -> None:
    """Write samples (samples,) or (samples, channels) atomically, in the format that the suffix names.

    Raises:
        SefrontError: The format has no such rate or so many channels.
        OSError: What the disk says; soundfile itself would not say what is wrong.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    form, own = container(path)
    encoded = BytesIO()
    try:
        soundfile.write(encoded, samples, sample_rate, subtype=subtype or own, format=form)
    except soundfile.LibsndfileError as error:
        what = f"{1 if samples.ndim == 1 else samples.shape[1]} channels at {sample_rate} Hz"
        raise SefrontError(f"{path}: {form} cannot hold {what}; choose another format, such as .wav") from error
    try:
        part.write_bytes(encoded.getbuffer())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def container(path: Path) -> tuple[str, str | None]:
    """What soundfile calls the format that the suffix of `path` names, and the subtype that goes with it, if any.

    Raises:
        SefrontError: No format is called so.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise SefrontError(f"{path}: the suffix names no format to write; choose one of {' '.join(sorted(SUFFIXES))}")
    return KINDS.get(suffix, (suffix[1:].upper(), None))


def subtype_like(source: Path, target: Path) -> str | None:
    """The encoding of `source`, such as 24 bits a sample, for a `target` of the same format; None for another one."""
    if source.suffix.lower() != target.suffix.lower():
        return None
    kept = str(soundfile.info(str(source)).subtype)
    return kept if soundfile.check_format(container(target)[0], kept) else None


def audio_files(folder: Path) -> list[Path]:
    """Every audio file below `folder`, sorted, hidden files and folders left out."""
    found = (p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts))
