"""Mixtures on the fly: every draw follows from a seed, a clip's name and the epoch, never from the order of reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from sefront.core.clips import Clip, Task, Wanted
from sefront.core.conditions import Conditions
from sefront.core.damages import Damaged
from sefront.core.durations import Durations
from sefront.core.errors import DamagedAudioError, SefrontError
from sefront.core.kinds import Kind, Target, kind_of
from sefront.core.mixing import EXACT, Mixture, Wave, mix
from sefront.core.mixture_entry import Entry
from sefront.core.noises import Noises, Piece
from sefront.core.randomness import stream
from sefront.core.reader import Reader
from sefront.core.recorded import LEVEL, are_recorded, parts
from sefront.core.studio import Studio

SEVERAL = "several"  # what the noise of a mixture is called that is of more than one


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
class Example:
    """One mixture before it is put into a batch; waves are (samples,), `left_out` are damaged noises drawn for it.

    A fixed one has an `entry` in a list of mixtures. A recording may have no clean part.
    The target is a class id (), symbol ids (symbols,) or a trace (frames, dims).
    """

    id: str
    noisy: Wave
    clean: Wave | None
    target: Target
    snr: float
    left_out: tuple[Damaged, ...] = ()
    entry: Entry | None = None


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
        conditions: How mixtures are made.
        listed: Mixtures of a list, by clip and SNR; they take the place of fixed draws.
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
    conditions: Conditions = field(default_factory=Conditions)
    listed: Mapping[tuple[str, float], Entry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Ask clips whether they are noisy already and how long they are, and the task for what is wanted."""
        self.recorded = are_recorded(self.clips, self.what)
        self.durations = self.durations or Durations(self.clips)
        self.wanted = self.wanted or (self.task.wanted if self.task else "speech")

    def __len__(self) -> int:
        return len(self.clips)

    @cached_property
    def pool(self) -> Noises:
        """What draws of the noises."""
        return Noises(self.noises, self.reader)

    @cached_property
    def studio(self) -> Studio:
        """What puts clips and noises together."""
        return Studio(self.conditions, self.reader, self.wanted or "speech")

    @cached_property
    def fixed_types(self) -> list[str]:
        """The noise type of each clip's fixed mixtures: every usable type falls on equally many clips."""
        order = stream(self.seed, "types").permutation(len(self.clips))
        types = self.pool.usable
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
        mixture, snr, entry = self.mixture(draw, wave, left_out)
        return Example(clip.id, mixture.noisy, mixture.clean, target, snr, tuple(left_out), entry)

    def mixture(self, draw: Draw, wave: Wave, left_out: list[Damaged]) -> tuple[Mixture, float, Entry | None]:
        """The mixture of `wave` (samples,), its SNR in dB, and for a fixed draw of a whole clip its entry in a list.

        Args:
            draw: Which mixture.
            wave: What `draw` takes of the clip.
            left_out: Damaged noises are added here, and others drawn instead.

        Raises:
            SefrontError: No noise can be used, or the mixture has not the SNR of a fixed draw.
        """
        clip = self.clips[draw.index]
        listed = self.listed.get((clip.id, draw.snr)) if draw.snr is not None else None
        if listed is not None:
            snr, pieces = listed.snr, self.pool.listed(listed, len(wave))
        else:
            snr, pieces = self.interference(draw, len(wave), left_out)
        drawn_for = self.seed if listed is None else listed.seed, clip.id, where(draw)
        mixture = self.studio.mixed(wave, [piece.wave for piece in pieces], snr, *drawn_for)
        whole = draw.snr is not None and draw.seconds is None
        entry = self.entry(clip.id, pieces, snr, self.studio.measured(mixture), drawn_for[0]) if whole else None
        return self.studio.degraded(mixture, *drawn_for), snr, entry

    def entry(self, name: str, pieces: Sequence[Piece], snr: float, measured: float, seed: int) -> Entry:
        """The line of a list that describes a mixture of the clip called `name`.

        Raises:
            SefrontError: It has not the SNR that was asked for.
        """
        noises = tuple(piece.noise.id for piece in pieces)
        if not abs(measured - snr) <= EXACT:
            raise SefrontError(
                f"{name}: asked for {snr:g} dB with noise {' and '.join(noises)}, but the samples have "
                f"{measured:.4f} dB; ask for another SNR, or leave the clip out"
            )
        offsets = tuple(piece.offset / self.reader.sample_rate for piece in pieces)
        kind = pieces[0].kind if len(pieces) == 1 else SEVERAL
        return Entry(name, name, noises, offsets, snr, measured, seed, kind, self.conditions.stated())

    def part(self, wave: Wave, draw: Draw) -> Wave:
        """What `draw` takes of a clip."""
        size = len(wave) if draw.seconds is None else round(draw.seconds * self.reader.sample_rate)
        if len(wave) <= size:
            return wave
        start = int(stream(self.seed, self.clips[draw.index].id, "part", draw.epoch).integers(len(wave) - size + 1))
        return wave[start : start + size]

    def interference(self, draw: Draw, size: int, left_out: list[Damaged]) -> tuple[float, list[Piece]]:
        """SNR in dB and pieces of noise of `size` samples. A fixed draw has the same noise at every SNR.

        Args:
            draw: Which mixture.
            size: Samples of it.
            left_out: Damaged noises are added here, and others drawn instead.

        Raises:
            SefrontError: No noise can be used.
        """
        clip = self.clips[draw.index]
        rng = stream(self.seed, clip.id, where(draw))
        if draw.snr is None:
            snr, kinds = float(rng.uniform(*self.snr)), list(self.pool.by_type)
        else:
            snr, kinds = draw.snr, self.fixed_types[draw.index : draw.index + 1]
            left_out += [damaged for kind in self.pool.unusable.values() for damaged in kind]
        pieces = [self.pool.drawn(kinds, size, rng, left_out)]
        low, high = map(int, self.conditions.noise_range)
        count = low if low == high else int(stream(self.seed, clip.id, where(draw), "noises").integers(low, high + 1))
        for number in range(1, count):
            heard = {piece.kind for piece in pieces}
            others = [kind for kind in self.pool.usable if kind not in heard] or self.pool.usable
            more = stream(self.seed, clip.id, where(draw), "noise", number)
            pieces.append(self.pool.drawn(others, size, more, left_out))
        return snr, pieces


def where(draw: Draw) -> object:
    """What random numbers are drawn for, beside a clip: an epoch, or all fixed mixtures."""
    return "fixed" if draw.snr is not None else draw.epoch


@dataclass(frozen=True)
class Material:
    """What a phase learns from and what it is judged on."""

    train: Mixtures
    valid: Mixtures
