"""Leaks: what two sides of an experiment share though they should not - speakers, recordings, noise recordings.

Recordings are compared by the file that they come from, and by their samples. The latter is done only for those that
last equally long, first by a glimpse of a block in the middle, then by everything. Of more than `MANY` files none is
asked how long it lasts; only those are heard that have the same size in bytes, and the same bytes in the middle: copies
under another name are still found, the same samples in another format are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from sefront.core.audio import AudioFile
from sefront.core.clips import Clip
from sefront.core.corpora import origin
from sefront.core.data import Mixtures
from sefront.core.errors import DamagedAudioError, SefrontError
from sefront.core.fingerprints import glimpse, length, peek, weight
from sefront.core.listening import hear

MANY = 20_000  # files, of which no more than a few bytes are read
FEW = 3  # names that a message holds
REMEDIES = {
    "speaker": "give each speaker to one split",
    "recording": "give each recording to one split, and keep one of those with the same samples",
    "noise recording": "name other noise with --test-noise; without it a part is held back for the test",
}

Speaker = tuple[str, str]  # corpus and name
Look = Callable[[AudioFile], bytes]
Size = Callable[[AudioFile], int | None]


@dataclass(frozen=True)
class Side:
    """Clips that something learns from or is tested on.

    Args:
        name: What it is called.
        clips: The clips.
        corpus: What their speakers are known by; for noise None, where each clip's type says it.
    """

    name: str
    clips: Sequence[Clip]
    corpus: str | None = None

    @classmethod
    def noise(cls, name: str, *mixtures: Mixtures) -> Side:
        """The noise of `mixtures`; that of development is part of the training noise."""
        return cls(name, [clip for each in mixtures for clip in each.noises])

    @cached_property
    def speakers(self) -> set[Speaker]:
        """The known speakers."""
        return {(self.corpus or str(c.target), c.speaker) for c in self.clips if c.speaker is not None}

    @cached_property
    def files(self) -> dict[AudioFile, str]:
        """Files and parts of files, each with the recording that it is of."""
        return {clip.audio: origin(clip) for clip in self.clips if isinstance(clip.audio, AudioFile)}

    def alike(self, size: Size) -> dict[int, list[AudioFile]]:
        """Files by their `size`; those that have none are damaged, of which training will tell."""
        found: dict[int, list[AudioFile]] = {}
        for audio in self.files:
            if (own := size(audio)) is not None:
                found.setdefault(own, []).append(audio)
        return found


@dataclass(frozen=True)
class Breach:
    """Something that is on both sides.

    Args:
        what: speaker, recording or noise recording.
        sides: What the sides are called.
        names: What is on both.
    """

    what: str
    sides: tuple[str, str]
    names: tuple[str, ...]

    def __str__(self) -> str:
        more = ", ..." if len(self.names) > FEW else ""
        named = f"{', '.join(self.names[:FEW])}{more}"
        count = f"{len(self.names)} {self.what}s are" if len(self.names) > 1 else f"{self.what} {named} is"
        return f"{count} in both {' and '.join(self.sides)}" + (f" ({named})" if len(self.names) > 1 else "")

    def as_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {"what": self.what, "sides": list(self.sides), "names": list(self.names)}


@dataclass(frozen=True)
class Pair:
    """Two sides, what of them must not be shared, and whether their speakers must not be either."""

    one: Side
    other: Side
    what: str = "recording"
    speakers: bool = True


def breaches(pairs: Sequence[Pair]) -> Iterator[Breach]:
    """What is shared in spite of the promise, pair by pair."""
    sides = {id(side): side for pair in pairs for side in (pair.one, pair.other)}
    many = sum(len(side.files) for side in sides.values()) > MANY
    size, look, whole = cache(weight if many else length), cache(peek if many else glimpse), cache(samples)
    alike = {key: side.alike(size) for key, side in sides.items()}
    for pair in pairs:
        one, other, where = pair.one, pair.other, (pair.one.name, pair.other.name)
        if pair.speakers and (shared := one.speakers & other.speakers):
            yield Breach("speaker", where, tuple(sorted(name for _, name in shared)))
        names = sorted(set(one.files.values()) & set(other.files.values()))
        ones, others = alike[id(one)], alike[id(other)]
        for same in sorted(ones.keys() & others.keys()):
            for a, b in twins(ones[same], others[same], look, whole):
                if one.files[a] != other.files[b]:
                    names.append(f"{a.path} = {b.path}")
        if names:
            yield Breach(pair.what, where, tuple(names))


def twins(
    ones: Sequence[AudioFile], others: Sequence[AudioFile], look: Look, whole: Look
) -> Iterator[tuple[AudioFile, AudioFile]]:
    """Files of two sides, all of one size, that hold the same samples."""
    seen: dict[bytes, list[AudioFile]] = {}
    for audio in ones:
        seen.setdefault(look(audio), []).append(audio)
    seen.pop(b"", None)  # damaged or silent
    for audio in others:
        if same := [other for other in seen.get(look(audio), []) if whole(other) and whole(other) == whole(audio)]:
            yield same[0], audio


def samples(audio: AudioFile) -> bytes:
    """A hash of all samples; nothing where they are silent or damaged, of which training will tell."""
    try:
        heard = hear(audio)
    except DamagedAudioError:
        return b""
    return b"" if heard.silent else heard.digest


def check(found: Sequence[Breach], allowed: bool, remedies: Mapping[str, str] = REMEDIES) -> str:
    """A line that says what was `found`, where that is `allowed`; nothing where nothing was.

    Raises:
        SefrontError: It is not allowed.
    """
    if not found:
        return ""
    told = "; ".join(map(str, found))
    if allowed:
        return f"leak allowed: {told}"
    what = dict.fromkeys(remedies[breach.what] for breach in found)
    raise SefrontError(f"{told}: {'; '.join(what)}, or go on with --allow-leak")
