"""Leaks: what two sides of an experiment share though they should not - speakers, recordings, noise recordings.

Recordings are compared by the file that they come from, and by their samples. The latter is done only for those that
last equally long, first by a glimpse of a block in the middle, then by everything, so that most files are never opened.
Of more than `MANY` candidates only those are heard whose files have the same size and the same bytes in the middle:
copies under another name are still found, the same samples in another format are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sefront.core.audio import AudioFile
from sefront.core.clips import Clip
from sefront.core.corpora import origin
from sefront.core.data import Mixtures
from sefront.core.errors import DamagedAudioError, SefrontError
from sefront.core.fingerprints import glimpse, peek, ticks
from sefront.core.listening import hear

MANY = 20_000  # candidates of which no more than a few bytes are read
FEW = 3  # names that a message holds
REMEDIES = {
    "speaker": "give each speaker to one split",
    "recording": "give each recording to one split, and keep one of those with the same samples",
    "noise recording": "name other noise with --test-noise; without it a part is held back for the test",
}

Speaker = tuple[str, str]  # corpus and name
Look = Callable[[AudioFile], bytes]
Files = Sequence[tuple[str, AudioFile]]  # each with the recording that it is of


@dataclass(frozen=True)
class Side:
    """Clips that something learns from or is tested on.

    Args:
        name: What it is called.
        clips: The clips.
        seconds: Their lengths.
        corpus: What their speakers are known by; for noise None, where each clip's type says it.
    """

    name: str
    clips: Sequence[Clip]
    seconds: Sequence[float]
    corpus: str | None = None

    @classmethod
    def of(cls, name: str, mixtures: Mixtures, corpus: str) -> Side:
        """What is mixed with noise."""
        return cls(name, mixtures.clips, mixtures.durations, corpus)

    @classmethod
    def noise(cls, name: str, *mixtures: Mixtures) -> Side:
        """The noise of `mixtures`; that of development is part of the training noise."""
        clips = [clip for each in mixtures for clip in each.noises]
        return cls(name, clips, [clip.audio.duration() for clip in clips])

    def speakers(self) -> dict[Speaker, Clip]:
        """A clip of each known speaker."""
        known = [clip for clip in self.clips if clip.speaker is not None]
        return {(self.corpus or str(clip.target), str(clip.speaker)): clip for clip in known}

    def files(self) -> dict[str, Clip]:
        """A clip of each recording that is a file."""
        return {origin(clip): clip for clip in self.clips if isinstance(clip.audio, AudioFile)}

    def by_length(self) -> dict[int, list[tuple[str, AudioFile]]]:
        """Files, or parts of them, by their length."""
        found: dict[int, list[tuple[str, AudioFile]]] = {}
        for clip, seconds in zip(self.clips, self.seconds, strict=True):
            if isinstance(clip.audio, AudioFile):
                found.setdefault(ticks(seconds), []).append((origin(clip), clip.audio))
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
    lengths = {id(side): side.by_length() for pair in pairs for side in (pair.one, pair.other)}
    both = [(lengths[id(pair.one)], lengths[id(pair.other)]) for pair in pairs]
    candidates = {audio for one, other in both for size in one.keys() & other.keys() for _, audio in other[size]}
    look = cache(peek if len(candidates) > MANY else glimpse)
    whole = cache(samples)
    for pair, (one, other) in zip(pairs, both, strict=True):
        sides = pair.one.name, pair.other.name
        if pair.speakers and (shared := pair.one.speakers().keys() & pair.other.speakers().keys()):
            yield Breach("speaker", sides, tuple(sorted(name for _, name in shared)))
        names = sorted(pair.one.files().keys() & pair.other.files().keys())
        for size in sorted(one.keys() & other.keys()):
            names += [f"{a.path} = {b.path}" for a, b in twins(one[size], other[size], look, whole)]
        if names:
            yield Breach(pair.what, sides, tuple(names))


def twins(ones: Files, others: Files, look: Look, whole: Look) -> Iterator[tuple[AudioFile, AudioFile]]:
    """Files of two sides, all equally long, that hold the same samples but are of different recordings."""
    seen: dict[bytes, list[tuple[str, AudioFile]]] = {}
    for name, audio in ones:
        seen.setdefault(look(audio), []).append((name, audio))
    seen.pop(b"", None)  # damaged or silent
    for name, audio in others:
        alike = [other for own, other in seen.get(look(audio), []) if own != name]
        if same := [other for other in alike if whole(other) and whole(other) == whole(audio)]:
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
