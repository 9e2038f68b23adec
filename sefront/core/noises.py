"""Drawing what disturbs a clip: pieces of noises that are heard, whatever is damaged or silent among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sefront.core.clips import Clip
from sefront.core.damages import Damaged
from sefront.core.errors import DamagedAudioError, SefrontError
from sefront.core.mixing import Wave, fitted, is_silent, offset_for, sounding_offset
from sefront.core.mixture_entry import Entry
from sefront.core.reader import Reader

DRAWS = 20  # noises drawn before all that are left are tried in turn


@dataclass(frozen=True)
class Piece:
    """Samples of a noise, (samples,), from `offset` samples after its beginning on."""

    noise: Clip
    offset: int
    wave: Wave

    @property
    def kind(self) -> str:
        """The type of the noise."""
        return type_of(self.noise)


@dataclass
class Noises:
    """The noises of one split.

    Args:
        clips: The noises; their targets name their type.
        reader: Where samples come from.
    """

    clips: Sequence[Clip]
    reader: Reader

    @cached_property
    def by_type(self) -> dict[str, list[Clip]]:
        """The noises by type, sorted."""
        types: dict[str, list[Clip]] = {}
        for clip in self.clips:
            types.setdefault(type_of(clip), []).append(clip)
        return dict(sorted(types.items()))

    @cached_property
    def by_name(self) -> dict[str, Clip]:
        """The noises by name."""
        return {clip.id: clip for clip in self.clips}

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
    def usable(self) -> list[str]:
        """The other types."""
        return [kind for kind in self.by_type if kind not in self.unusable]

    def drawn(self, kinds: Sequence[str], size: int, rng: np.random.Generator, left_out: list[Damaged]) -> Piece:
        """`size` samples of a noise of one of the types.

        Args:
            kinds: The types, each drawn equally often.
            size: Samples of it.
            rng: What draws.
            left_out: Damaged noises are added here, and others drawn instead.

        Raises:
            SefrontError: No noise can be used.
        """
        if not self.clips:
            raise SefrontError("there are no noises to mix with; name some with --noise")
        silent: tuple[Clip, Wave] | None = None
        for number, noise in enumerate(self.candidates(kinds, rng)):
            if number >= DRAWS and silent is not None:
                break
            wave = self.heard(noise, left_out)
            if wave is None:
                continue
            silent, offset = (noise, wave), offset_for(len(wave), size, rng)
            part = fitted(wave, size, offset)
            if not is_silent(part):
                return Piece(noise, offset, part)
        if silent is not None:  # noises that are hardly ever heard: take one where it is
            offset = sounding_offset(silent[1], size, rng)
            return Piece(silent[0], offset, fitted(silent[1], size, offset))
        raise SefrontError(f"none of the {len(self.clips)} noises can be used; the last one: {left_out[-1].reason}")

    def listed(self, entry: Entry, size: int) -> list[Piece]:
        """`size` samples of each noise of a mixture of a list.

        Raises:
            DamagedAudioError: One of them cannot be read.
        """
        pieces = []
        for name, seconds in zip(entry.noise, entry.offset, strict=True):
            noise, offset = self.by_name[name], round(seconds * self.reader.sample_rate)
            pieces.append(Piece(noise, offset, fitted(self.reader.read(noise), size, offset)))
        return pieces

    def candidates(self, kinds: Sequence[str], rng: np.random.Generator) -> Iterator[Clip]:
        """Noises to try in turn: some drawn ones, then, as these may all be damaged, every other of the same types."""
        for _ in range(DRAWS if kinds else 0):
            kind = kinds[int(rng.integers(len(kinds)))]
            yield self.by_type[kind][rng.integers(len(self.by_type[kind]))]
        every = [noise for kind in kinds for noise in self.by_type[kind]]
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


def type_of(noise: Clip) -> str:
    """The type of a noise."""
    return str(noise.target or "noise")
