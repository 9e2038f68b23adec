"""Kinds of splits for any corpus: whom or what each keeps apart, and which clips that comes to.

speaker                  speakers drawn for like classes, as `sefront.core.corpora.fairest`
leave-one-speaker-out    fold k tests the k-th speaker; the others of the session validate, else the next speaker
leave-one-session-out    fold k tests the k-th session; a speaker of the next one validates
k-fold                   speakers (recordings, where none are known) dealt for like classes; the next fold validates
random                   fold k is a stratified draw of recordings by seed k-1: a fifth tests, others validate

Leaving one speaker out: Latif et al. 2020, doi:10.21437/Interspeech.2020-3190. Random draws, and leaving one session
out: Zhong et al. 2020, doi:10.1109/ACCESS.2020.3043894.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from sefront.core.clips import SPLITS, Clip, Split
from sefront.core.corpora import DRAWS, VALID, Splits, apart, divided, labels_of, origin, with_valid
from sefront.core.division import DRAWN, FOLDED, FOLDS, KINDS, OWN, Divided, Division, Fold
from sefront.core.errors import BadOptionError, SefrontError
from sefront.core.protocols import Corpus
from sefront.core.randomness import derive
from sefront.core.split_list import listed

TESTED = 0.2  # of the recordings of a random draw: Zhong et al. train on 80 %


@dataclass(frozen=True)
class Pool:
    """All clips of a corpus, to be divided.

    Args:
        clips: The clips.
        labelled: Whether targets are classes, to be spread evenly.
        owner: The corpus as errors name it.
    """

    clips: Sequence[Clip]
    labelled: bool
    owner: str

    def stratum(self, clip: Clip) -> str:
        """What is spread evenly."""
        return str(clip.target) if self.labelled else ""

    @cached_property
    def firsts(self) -> dict[str, str]:
        """The first clip of every recording: its name, unlike that of a file, is the same on every machine."""
        names: dict[str, str] = {}
        for clip in self.clips:
            names.setdefault(origin(clip), clip.id)
        return names

    def recording(self, clip: Clip) -> str:
        """The recording that a clip was cut from."""
        return self.firsts[origin(clip)]

    def person(self, clip: Clip) -> str:
        """The speaker where known, else the recording."""
        return self.recording(clip) if clip.speaker is None else f"speaker {clip.speaker}"

    def placed(self, home: Callable[[Clip], Split]) -> Splits:
        """The clips by the split that `home` says."""
        places = [home(clip) for clip in self.clips]
        return {
            split: tuple(c for c, place in zip(self.clips, places, strict=True) if place == split) for split in SPLITS
        }

    def names(self, what: str) -> list[str]:
        """Speakers or sessions, sorted.

        Raises:
            SefrontError: Those of a clip are not known, or there are fewer than three.
        """
        found = [getattr(clip, what) for clip in self.clips]
        unknown = [clip.id for clip, name in zip(self.clips, found, strict=True) if name is None]
        if unknown:
            raise SefrontError(
                f"{self.owner}: does not say the {what} of {len(unknown)} of {len(found)} clips (first: {unknown[0]}); "
                "use --splits k-fold, which does not need it"
            )
        if len(set(found)) < 3:
            raise SefrontError(f"{self.owner}: has {len(set(found))} {what}s, too few to train, validate and test")
        return sorted(set(found))


def divide(corpus: Corpus, kind: str, fold: str | None, seed: int, owner: str) -> Corpus:
    """`corpus`, divided as `kind` (or the file that it names), `fold` and `seed` say.

    Raises:
        SefrontError: There is no such fold, the corpus does not say what the kind needs, or a class is never trained.
    """
    if fold is not None and kind not in FOLDED:
        raise BadOptionError(f"--fold {fold}: --splits {kind} has no folds; name one that has ({', '.join(FOLDED)})")
    if kind == OWN:
        return corpus
    pool = pooled(corpus, owner)
    division = made(pool, kind, fold, seed)
    if pool.labelled:
        labels_of(division.clips, f"{owner}, --splits {kind}")
    return Divided(corpus, division)


def pooled(corpus: Corpus, owner: str) -> Pool:
    """All clips of `corpus`."""
    task = corpus.task()
    labelled = task is not None and task.kind == "classification"
    return Pool([clip for split in SPLITS for clip in corpus.clips(split)], labelled, owner)


def made(pool: Pool, kind: str, fold: str | None, seed: int) -> Division:
    """The division of `pool`."""
    if kind not in KINDS:
        clips = listed(Path(kind), pool.clips, pool.owner)
        clips = clips if clips["valid"] else with_valid(clips, pool.person, pool.stratum, VALID, not pool.labelled)
        return Division(kind, clips, apart(clips))
    if kind == "speaker":
        pool.names("speaker")
        clips = divided(pool.clips, pool.person, pool.stratum, pooled=not pool.labelled, seed=seed)
        return Division(kind, clips, ("speaker", "recording"), seed=seed)
    count = folds_of(pool, kind)
    if fold is None:
        raise BadOptionError(
            f"--splits {kind}: say which fold, such as --fold 1/{count or FOLDS}, or run them all with --folds all"
        )
    chosen = Fold.read(fold)
    if count not in (None, chosen.total):
        raise BadOptionError(f"--fold {fold}: {pool.owner} has {count} folds; name one of them, such as 1/{count}")
    if kind == "random":
        return Division(kind, at_random(pool, chosen.number - 1), ("recording",), chosen, chosen.number - 1)
    clips = dealt(pool, chosen, seed) if kind == "k-fold" else left_out(pool, kind, chosen)
    known = any(clip.speaker is not None for clip in pool.clips)
    division = Division(kind, clips, ("recording",), chosen, seed if kind in DRAWN else None)
    disjoint = known and not division.dependent
    return Division(kind, clips, ("speaker", "recording"), chosen, division.seed) if disjoint else division


def folds_of(pool: Pool, kind: str) -> int | None:
    """How many folds the `kind` has; None for any number."""
    return None if kind in DRAWN else len(pool.names("speaker" if kind == "leave-one-speaker-out" else "session"))


def left_out(pool: Pool, kind: str, fold: Fold) -> Splits:
    """One speaker or session for test, and who validates."""
    if kind == "leave-one-speaker-out":
        names = pool.names("speaker")
        tested = names[fold.number - 1]
        sessions = {str(clip.speaker): clip.session for clip in pool.clips}
        partners = {n for n in names if n != tested and sessions[n] is not None and sessions[n] == sessions[tested]}
        valid = partners or {names[fold.number % fold.total]}
        return pool.placed(lambda c: "test" if c.speaker == tested else "valid" if c.speaker in valid else "train")
    names = pool.names("session")
    tested, following = names[fold.number - 1], names[fold.number % fold.total]
    first = min((clip.speaker for clip in pool.clips if clip.session == following and clip.speaker), default=None)

    def home(clip: Clip) -> Split:
        if clip.session == tested:
            return "test"
        return "valid" if clip.session == following and (first is None or clip.speaker == first) else "train"

    return pool.placed(home)


def at_random(pool: Pool, seed: int) -> Splits:
    """A stratified draw of recordings."""
    valid = VALID * (1 - TESTED)
    return divided(
        pool.clips, pool.recording, pool.stratum, valid=valid, test=TESTED, pooled=not pool.labelled, seed=seed
    )


def dealt(pool: Pool, fold: Fold, seed: int) -> Splits:
    """The fold for test, the next one for validation.

    Raises:
        SefrontError: There are fewer than three folds, or more than there is to deal.
    """
    labels: dict[str, Counter[str]] = {}
    for clip in pool.clips:
        labels.setdefault(pool.person(clip), Counter())[pool.stratum(clip)] += 1
    if not 3 <= fold.total <= len(labels):
        raise BadOptionError(
            f"--fold {fold}: {pool.owner} can be dealt into 3 to {len(labels)} folds, as many as it has speakers, or "
            "recordings where none are known"
        )
    homes = evenly(labels, fold.total, seed)
    tested, following = fold.number - 1, fold.number % fold.total
    places: dict[int, Split] = {tested: "test", following: "valid"}
    return pool.placed(lambda clip: places.get(homes[pool.person(clip)], "train"))


def evenly(labels: Mapping[str, Counter[str]], count: int, seed: int) -> dict[str, int]:
    """A fold, from 0, for every group: strata of one label dealt in turn; of groups with several, the fairest deal."""
    classes = sorted({label for counts in labels.values() for label in counts})
    names = sorted(labels)
    counts = np.array([[labels[name][label] for label in classes] for name in names], dtype=float)
    several = any(len(own) > 1 for own in labels.values())

    def deal(number: int) -> dict[str, int]:
        key = {name: "" if several else next(iter(labels[name])) for name in names}
        ordered = sorted(names, key=lambda name: (key[name], derive(number, "fold", name), name))
        return {name: place % count for place, name in enumerate(ordered)}

    def deviation(homes: Mapping[str, int]) -> float:
        place = np.array([homes[name] for name in names])
        sums = np.stack([counts[place == home].sum(axis=0) for home in range(count)])
        return float(np.abs(sums - sums.mean(axis=0)).sum())

    draws = DRAWS if several else 1
    return min(map(deal, range(seed * draws, (seed + 1) * draws)), key=deviation)


def count_of(corpus: Corpus, kind: str, asked: Literal["all"] | int, seed: int, owner: str) -> int:
    """How many folds there are to run, each of which can be made.

    Raises:
        SefrontError: The kind has no folds, another number of them, or one that cannot be made.
    """
    if kind not in FOLDED:
        raise BadOptionError(f"--folds {asked}: --splits {kind} has none; name one that has ({', '.join(FOLDED)})")
    count = folds_of(pooled(corpus, owner), kind) or (FOLDS if asked == "all" else asked)
    if asked not in ("all", count):
        raise BadOptionError(f"--folds {asked}: {owner} has {count} folds; leave it at all")
    for number in range(1, count + 1):
        divide(corpus, kind, str(Fold(number, count)), seed, owner)
    return count
