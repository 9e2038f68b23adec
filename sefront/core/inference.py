"""Using a trained chain on audio of any rate and channel count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sefront.core.audio import SUFFIXES, audio_files, read_channels, resample, subtype_like, write
from sefront.core.chain import enhance, predict
from sefront.core.clips import Task
from sefront.core.damages import Damages
from sefront.core.data import Damaged
from sefront.core.errors import DamagedAudioError, SefrontError
from sefront.core.files import clear_failures
from sefront.core.modes import judging, trainable
from sefront.core.parameters import build
from sefront.core.protocols import Backend, Frontend

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
        if self.frontend is None:
            raise SefrontError("there is no frontend to enhance with; couple one, in a mode that uses it")
        waves = checked(waves)
        channels = resample(waves.reshape(len(waves), -1), sample_rate, self.sample_rate)
        batch = torch.from_numpy(np.ascontiguousarray(channels.T))
        lengths = torch.full((batch.shape[0],), batch.shape[1])
        with judging(self.frontend):
            result = enhance(self.frontend, batch, lengths).waves.float().numpy().T
        back = resample(np.ascontiguousarray(result), self.sample_rate, sample_rate)[: len(waves)]
        back = np.pad(back, ((0, len(waves) - len(back)), (0, 0)))
        return back.reshape(waves.shape).astype(np.float32)

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


def enhance_files(plan: Iterable[Job], enhancer: Callable[[Waves, int], Waves], damages: Damages) -> Iterator[Job]:
    """Enhance every file, keeping rate, channels and format; yields each job that was done."""
    for job in plan:
        try:
            samples, rate = read_channels(job.source)
        except DamagedAudioError as error:
            damages(Damaged(str(job.source), str(error)))
            continue
        enhanced = np.clip(enhancer(samples, rate), -1.0, 1.0)
        with clear_failures(job.target, "repeat the command", "-o"):
            write(job.target, enhanced, rate, subtype_like(job.source, job.target))
        yield job


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
    frontend = build(component, sample_rate, options=options, owner=f"frontend '{name}'")
    if trainable(frontend):
        raise SefrontError(
            f"frontend '{name}' has to be trained first: sefront couple --frontend {name} --mode frontend_only, "
            "then --run RUN"
        )
    return Listener(frontend, None, None, sample_rate)
