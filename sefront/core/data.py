"""Mixtures on the fly: every draw follows from a seed, a clip's name and the epoch, never from the order of reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from sefront.core.clips import Clip, Task, Wanted
from sefront.core.durations import Durations
from sefront.core.errors import DamagedAudioError, SefrontError
from sefront.core.kinds import Kind, Target, kind_of
from sefront.core.mixing import Wave, fitted, is_silent, mix, offset_for, sounding_offset
from sefront.core.randomness import stream
from sefront.core.reader import Reader
from sefront.core.recorded import LEVEL, are_recorded, parts

DRAWS = 20  # noises drawn before all that are left are tried in turn


@dataclass(frozen=True)
class Draw:
    """Which mixture to make.

    Args:
        index: The clip.
        epoch: Epoch of random draws.
        snr: Fixed SNR in dB; None draws one.
        seconds: Longest part of the clip to take, from a random place; None takes all of it.
    """

    index: int
    epoch: int = 0
    snr: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Damaged:
    """A clip that was left out, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class Example:
    """One mixture before it is put into a batch; waves are (samples,), `left_out` are damaged noises drawn for it.

    The target is a class id (), symbol ids (symbols,) or a trace (frames, dims). A recording may have no clean part.
    """

    id: str
    noisy: Wave
    clean: Wave | None
    target: Target
    snr: float
    left_out: tuple[Damaged, ...] = ()


@dataclass
class Mixtures:
    """The clips of one split under the noises of one split.

    Args:
        clips: What must survive.
        noises: What is added; their targets name their type. Types are drawn equally often.
        task: What is predicted; None for unlabelled clips.
        reader: Where samples come from.
        seed: Seed of every draw.
        snr: Range in dB that training draws from, uniformly.
        durations: Seconds of each clip, for batches of similar length; by default asked for when they are needed.
        wanted: What of the clips must survive; by default as the task says.
        what: What errors call the clips.
    """

    clips: Sequence[Clip]
    noises: Sequence[Clip]
    task: Task | None
    reader: Reader
    seed: int
    snr: tuple[float, float] = (0.0, 25.0)
    durations: Sequence[float] = field(default_factory=list)
    wanted: Wanted | None = None
    what: str = "these clips"

    def __post_init__(self) -> None:
        """Ask clips whether they are noisy already and how long they are, and the task for what is wanted."""
        self.recorded = are_recorded(self.clips, self.what)
        self.durations = self.durations or Durations(self.clips)
        self.wanted = self.wanted or (self.task.wanted if self.task else "speech")

    def __len__(self) -> int:
        return len(self.clips)

    @cached_property
    def by_type(self) -> dict[str, list[Clip]]:
        """The noises by type, sorted."""
        types: dict[str, list[Clip]] = {}
        for clip in self.noises:
            types.setdefault(str(clip.target or "noise"), []).append(clip)
        return dict(sorted(types.items()))

    @cached_property
    def unusable(self) -> dict[str, list[Damaged]]:
        """The types of which every noise is damaged; fixed mixtures do without them."""
        types: dict[str, list[Damaged]] = {}
        for kind, noises in self.by_type.items():
            damaged: list[Damaged] = []
            if all(self.heard(noise, damaged) is None for noise in noises):
                types[kind] = damaged
        return types

    @cached_property
    def fixed_types(self) -> list[str]:
        """The noise type of each clip's fixed mixtures: every usable type falls on equally many clips."""
        order = stream(self.seed, "types").permutation(len(self.clips))
        types = [kind for kind in self.by_type if kind not in self.unusable]
        return [types[rank % len(types)] for rank in np.argsort(order)] if types else []

    @cached_property
    def kind(self) -> Kind:
        """What is particular to the kind of the task."""
        return kind_of(self.task)

    def __getitem__(self, draw: Draw) -> Example | Damaged:
        """The mixture `draw` describes; a damaged clip comes back as such."""
        clip = self.clips[draw.index]
        try:
            target = self.kind.encoded(clip)
            if self.recorded:
                noisy, clean = parts(clip, self.reader.read)
                cut = None if clean is None else self.part(clean, draw)
                return Example(clip.id, self.part(noisy, draw), cut, target, LEVEL)
            wave = self.part(self.reader.read(clip), draw)
        except DamagedAudioError as error:
            return Damaged(clip.id, str(error))
        if draw.snr == np.inf:
            mixture = mix(wave, wave, np.inf)
            return Example(clip.id, mixture.noisy, mixture.clean, target, np.inf)
        left_out: list[Damaged] = []
        snr, noise = self.interference(draw, len(wave), left_out)
        mixture = mix(wave, noise, -snr if self.wanted == "scene" else snr)
        return Example(clip.id, mixture.noisy, mixture.clean, target, snr, tuple(left_out))

    def part(self, wave: Wave, draw: Draw) -> Wave:
        """What `draw` takes of a clip."""
        size = len(wave) if draw.seconds is None else round(draw.seconds * self.reader.sample_rate)
        if len(wave) <= size:
            return wave
        start = int(stream(self.seed, self.clips[draw.index].id, "part", draw.epoch).integers(len(wave) - size + 1))
        return wave[start : start + size]

    def interference(self, draw: Draw, size: int, left_out: list[Damaged]) -> tuple[float, Wave]:
        """SNR in dB and `size` samples of noise for `draw`. A fixed draw has the same noise at every SNR.

        Args:
            draw: Which mixture.
            size: Samples of it.
            left_out: Damaged noises are added here, and others drawn instead.

        Raises:
            SefrontError: No noise can be used.
        """
        if not self.noises:
            raise SefrontError("there are no noises to mix with; name some with --noise")
        clip = self.clips[draw.index]
        rng = stream(self.seed, clip.id, "fixed" if draw.snr is not None else draw.epoch)
        snr = float(rng.uniform(*self.snr)) if draw.snr is None else draw.snr
        silent: Wave | None = None
        for number, noise in enumerate(self.candidates(draw, rng, left_out)):
            if number >= DRAWS and silent is not None:
                break
            wave = self.heard(noise, left_out)
            if wave is None:
                continue
            silent, part = wave, fitted(wave, size, offset_for(len(wave), size, rng))
            if not is_silent(part):
                return snr, part
        if silent is not None:  # noises that are hardly ever heard: take one where it is
            return snr, fitted(silent, size, sounding_offset(silent, size, rng))
        raise SefrontError(f"none of the {len(self.noises)} noises can be used; the last one: {left_out[-1].reason}")

    def candidates(self, draw: Draw, rng: np.random.Generator, left_out: list[Damaged]) -> Iterator[Clip]:
        """Noises to try in turn: some drawn ones, then, as these may all be damaged, every other of the same types."""
        types, fixed = list(self.by_type), draw.snr is not None
        if fixed:
            left_out += [damaged for kind in self.unusable.values() for damaged in kind]
            types = self.fixed_types[draw.index : draw.index + 1]
        for _ in range(DRAWS if types else 0):
            kind = types[0] if fixed else types[rng.integers(len(types))]
            yield self.by_type[kind][rng.integers(len(self.by_type[kind]))]
        every = [noise for kind in types for noise in self.by_type[kind]]
        yield from (every[i] for i in rng.permutation(len(every)))

    def heard(self, noise: Clip, left_out: list[Damaged]) -> Wave | None:
        """The samples of `noise`; where it is damaged, None, and it is named once in `left_out`."""
        try:
            return self.reader.read(noise)
        except DamagedAudioError as error:
            damaged = Damaged(noise.id, str(error))
            if damaged not in left_out:
                left_out.append(damaged)
            return None


@dataclass(frozen=True)
class Material:
    """What a phase learns from and what it is judged on."""

    train: Mixtures
    valid: Mixtures
