"""Using a trained chain on audio of any rate and channel count."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sefront.core.audio import SUFFIXES, audio_files, header, read_blocks, read_channels, resample
from sefront.core.audio_writing import subtype_like, writing
from sefront.core.chain import enhance, predict
from sefront.core.clips import Task
from sefront.core.damages import Damages
from sefront.core.data import Damaged
from sefront.core.errors import DamagedAudioError, SefrontError
from sefront.core.files import clear_failures
from sefront.core.mixed import frontend_of
from sefront.core.modes import judging, trainable
from sefront.core.progress import Progress
from sefront.core.protocols import Backend, Frontend
from sefront.core.windows import BLOCK, Passage

Waves = NDArray[np.float32]


@dataclass(frozen=True)
class Listener:
    """A trained chain that takes waves as they come.

    Args:
        frontend: The frontend, or None.
        backend: The backend, or None.
        task: What the backend predicts.
        sample_rate: Rate in Hz that the models work at.
    """

    frontend: Frontend | None
    backend: Backend | None
    task: Task | None
    sample_rate: int

    def enhance(self, waves: Waves, sample_rate: int) -> Waves:
        """`waves` (samples,) or (samples, channels) at `sample_rate` Hz, enhanced; the same shape and rate.

        Each channel is enhanced by itself at the models' rate, so nothing above half that rate survives.

        Raises:
            SefrontError: There is no frontend, or the waves are empty, not finite, or of another shape.
        """
        waves = checked(waves)
        channels = waves.reshape(len(waves), -1)
        blocks = (channels[start : start + BLOCK] for start in range(0, len(channels), BLOCK))
        enhanced = list(self.passage(sample_rate, channels.shape[1]).through(blocks))
        return np.concatenate(enhanced).reshape(waves.shape)

    def passage(self, rate: int, channels: int) -> Passage:
        """The way through the frontend for a recording of `channels` at `rate` Hz that comes block by block.

        Raises:
            SefrontError: There is no frontend.
        """
        return Passage(self.enhancer, self.sample_rate, rate, channels)

    @property
    def enhancer(self) -> Frontend:
        """The frontend.

        Raises:
            SefrontError: There is none.
        """
        if self.frontend is None:
            raise SefrontError("there is no frontend to enhance with; couple one, in a mode that uses it")
        return self.frontend

    def predict(self, waves: Waves, sample_rate: int) -> dict[str, Any]:
        """The label of `waves` (samples,) or (samples, channels) and the posterior of every class.

        Raises:
            SefrontError: There is no backend, or the waves are empty, not finite, or of another shape.
        """
        if self.backend is None or self.task is None:
            raise SefrontError("there is no backend to predict with; couple one, in a mode that uses it")
        waves = checked(waves)
        mono = resample(waves.reshape(len(waves), -1).mean(axis=1, dtype=np.float32), sample_rate, self.sample_rate)
        batch, lengths = torch.from_numpy(mono)[None], torch.tensor([len(mono)])
        with judging(self.frontend, self.backend):
            heard = batch if self.frontend is None else enhance(self.frontend, batch, lengths).waves
            posterior = predict(self.backend, heard, lengths).scores[0].float().softmax(-1)
        scores = dict(zip(self.task.labels, posterior.tolist(), strict=True))
        return {"label": self.task.labels[int(posterior.argmax())], "scores": scores}


def checked(waves: Waves) -> Waves:
    """`waves` as float32.

    Raises:
        SefrontError: They are empty, not finite, or neither (samples,) nor (samples, channels).
    """
    waves = np.asarray(waves, dtype=np.float32)
    if waves.ndim not in (1, 2) or waves.size == 0:
        raise SefrontError(f"waves must be (samples,) or (samples, channels) and not empty, but are {waves.shape}")
    if not np.isfinite(waves).all():
        raise SefrontError("waves hold values that are not finite (NaN or infinity)")
    return waves


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
    steps = [steps_for(job.source) for job in plan]
    progress.start("enhancing", sum(steps))
    done = 0
    for job, count in zip(plan, steps, strict=True):
        left = count
        try:
            with closing(enhance_file(job, listener)) as taken:
                for _ in taken:
                    progress.advance()
                    left -= 1
            done += 1
        except DamagedAudioError as error:
            damages(Damaged(str(job.source), str(error)))
        for _ in range(left):
            progress.advance()
    return done


def steps_for(path: Path) -> int:
    """In how many steps a file is enhanced: one for each block that its header promises, and one to finish."""
    try:
        return 1 + -(-header(path).frames // BLOCK)
    except DamagedAudioError:
        return 1


def enhance_file(job: Job, listener: Listener) -> Generator[None, None, None]:
    """Enhance one file; yields after every step.

    Raises:
        DamagedAudioError: The file cannot be read to its end; then nothing is written.
        SefrontError: The result cannot be written.
    """
    form = header(job.source)
    passage = listener.passage(form.sample_rate, form.channels)
    enhanced = passage.through(read_blocks(job.source, BLOCK))
    first = next(enhanced)  # what is damaged from the beginning makes no folder
    subtype = subtype_like(form.subtype, job.source, job.target)
    with (
        clear_failures(job.target, "repeat the command", "-o"),
        writing(job.target, form.sample_rate, form.channels, subtype) as put,
    ):
        for samples in chain([first], enhanced):
            put(np.clip(samples, -1.0, 1.0))
            yield


def predict_files(files: Iterable[Path], listener: Listener, damages: Damages) -> Iterator[tuple[Path, dict[str, Any]]]:
    """What `listener` hears in each file; damaged ones are reported and left out."""
    for path in files:
        try:
            samples, rate = read_channels(path)
        except DamagedAudioError as error:
            damages(Damaged(str(path), str(error)))
            continue
        yield path, listener.predict(samples, rate)


def untrained(component: type, name: str, options: Mapping[str, Any], sample_rate: int = 16000) -> Listener:
    """A frontend that works without training.

    Raises:
        SefrontError: It has weights, which a run would have to train.
    """
    frontend = frontend_of(component, sample_rate, options, f"frontend '{name}'")
    if trainable(frontend):
        asked = "".join(f" -o frontend.{option}={value}" for option, value in options.items())
        raise SefrontError(
            f"frontend '{name}' has to be trained first: sefront couple --frontend {name} --mode frontend_only{asked}, "
            "then --run RUN"
        )
    return Listener(frontend, None, None, sample_rate)
