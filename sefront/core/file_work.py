"""Files through a trained chain: which ones, where the results go, and the work itself, block by block."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from sefront.core.audio import SUFFIXES, Header, audio_files, header, read_blocks, read_channels
from sefront.core.audio_writing import subtype_like, writing
from sefront.core.damages import Damaged, Damages
from sefront.core.errors import DamagedAudioError, SefrontError
from sefront.core.files import clear_failures
from sefront.core.inference import Listener
from sefront.core.progress import Progress
from sefront.core.windows import BLOCK

UNBOUNDED = ("FLOAT", "DOUBLE")  # encodings that hold more than full scale


@dataclass(frozen=True)
class Job:
    """A file to read and, for enhancement, where the result goes."""

    source: Path
    target: Path


def inputs(sources: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Every audio file named or found below a folder, with its path relative to what was named.

    Raises:
        SefrontError: A path does not exist, or a folder holds no audio.
    """
    found: list[tuple[Path, Path]] = []
    for source in sources:
        if source.is_dir():
            files = audio_files(source)
            if not files:
                raise SefrontError(f"{source}: no audio files there ({' '.join(sorted(SUFFIXES))})")
            found += [(file, file.relative_to(source)) for file in files]
        elif source.exists():
            found.append((source, Path(source.name)))
        else:
            raise SefrontError(f"{source}: no such file or folder")
    return found


def jobs(sources: Sequence[Path], target: Path) -> list[Job]:
    """What to enhance and where to: one file to a file or into a folder, several into a folder as they lay.

    Raises:
        SefrontError: Two results, or a result and a source, would be the same file.
    """
    files = inputs(sources)
    single = len(sources) == 1 and not sources[0].is_dir() and target.suffix.lower() in SUFFIXES and not target.is_dir()
    plan = [Job(file, target if single else target / relative) for file, relative in files]
    taken: dict[Path, Path] = {}
    for job in plan:
        place = job.target.resolve()
        if place in taken:
            raise SefrontError(f"{job.source} and {taken[place]} would both become {job.target}; enhance them apart")
        taken[place] = job.source
    for job in plan:
        if job.source.resolve() in taken:
            raise SefrontError(f"{job.source} would be overwritten; name another place with -o")
    return plan


def enhance_files(plan: Sequence[Job], listener: Listener, damages: Damages, progress: Progress) -> int:
    """Enhance every file block by block, keeping rate, channels and format.

    Returns:
        How many files were enhanced; damaged ones are reported and left out.
    """
    forms = [form_of(job.source) for job in plan]
    steps = [steps_for(form) for form in forms]
    progress.start("enhancing", sum(steps))
    done = 0
    for job, form, count in zip(plan, forms, steps, strict=True):
        left = count
        try:
            with closing(enhance_file(job, form, listener, progress)) as taken:
                for _ in taken:
                    progress.advance()
                    left -= 1
            done += 1
        except DamagedAudioError as error:
            damages(Damaged(str(job.source), str(error)))
        for _ in range(left):
            progress.advance()
    return done


def form_of(path: Path) -> Header | DamagedAudioError:
    """What a file says about itself, or why it cannot be read."""
    try:
        return header(path)
    except DamagedAudioError as error:
        return error


def steps_for(form: Header | DamagedAudioError) -> int:
    """In how many steps a file is enhanced: one for each block that its header promises, and one to finish."""
    return 1 + (-(-form.frames // BLOCK) if isinstance(form, Header) else 0)


def enhance_file(
    job: Job, form: Header | DamagedAudioError, listener: Listener, progress: Progress
) -> Generator[None, None, None]:
    """Enhance one file; yields after every step. Where the encoding ends at full scale, who watches is told of it.

    Raises:
        DamagedAudioError: The file cannot be read to its end; then nothing is written.
        SefrontError: The result cannot be written.
    """
    if isinstance(form, DamagedAudioError):
        raise form
    passage = listener.passage(form.sample_rate, form.channels)
    enhanced = passage.through(read_blocks(job.source, BLOCK))
    first = next(enhanced)  # what is damaged from the beginning makes no folder
    subtype = subtype_like(form.subtype, job.source, job.target)
    with (
        clear_failures(job.target, "repeat the command", "-o"),
        writing(job.target, form.sample_rate, form.channels, subtype) as put,
    ):
        clipped = 0
        for samples in chain([first], enhanced):
            fits = subtype in UNBOUNDED or not samples.size or -1 <= samples.min() <= samples.max() <= 1
            exceeding = 0 if fits else int((np.abs(samples) > 1).sum())
            put(np.clip(samples, -1.0, 1.0) if exceeding else samples)
            clipped += exceeding
            yield
    if clipped:
        progress.note(f"{job.target}: {clipped} samples exceeded full scale and were clipped")


def predict_files(files: Iterable[Path], listener: Listener, damages: Damages) -> Iterator[tuple[Path, dict[str, Any]]]:
    """What `listener` hears in each file; damaged ones are reported and left out."""
    for path in files:
        try:
            samples, rate = read_channels(path)
        except DamagedAudioError as error:
            damages(Damaged(str(path), str(error)))
            continue
        yield path, listener.predict(samples, rate)
