"""What file-based corpora share: finding their files, keeping speakers and recordings apart, looking for faults.

A drawn split is a function of names alone: the groups of a stratum are ordered by a hash and cut into shares, so the
same files give the same split on every machine. Groups whose clips share one label form a stratum of their own; for
groups with several labels (speakers) the draw with the smallest deviation of class ratios among `DRAWS` is taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from sefront.core.audio import SUFFIXES, AudioFile, audio_files
from sefront.core.clips import SPLITS, Clip, Split
from sefront.core.errors import BadOptionError, SefrontError, unknown
from sefront.core.randomness import derive

Splits = dict[Split, tuple[Clip, ...]]
Divided = Mapping[Split, Sequence[Clip]]  # the same, where clips may be made when they are asked for
Item = TypeVar("Item")

SPLIT_NAMES: Mapping[str, Split] = {
    **dict.fromkeys(["train", "training"], "train"),
    **dict.fromkeys(["valid", "validation", "val", "dev", "development"], "valid"),
    **dict.fromkeys(["test", "testing"], "test"),
}
VALID, TEST = 0.15, 0.15  # shares of a drawn split
DRAWS = 100


def folder_at(root: Path, layout: str) -> Path:
    """`root` itself if it is a folder; `layout` says in the error what is expected there."""
    if root.is_dir():
        return root
    found = "is a file, not a folder" if root.exists() else "no such folder"
    raise SefrontError(f"{root}: {found}; expected {layout}")


def audio_below(root: Path, layout: str) -> list[Path]:
    """The audio files below the folder `root`, at least one."""
    found = audio_files(folder_at(root, layout))
    if not found:
        raise SefrontError(f"{root}: no audio files there ({' '.join(sorted(SUFFIXES))}); expected {layout}")
    return found


def by_stem(paths: Iterable[Path]) -> dict[str, Path]:
    """One path per file name without its suffix, so that lists that say .wav find .flac."""
    return {path.stem: path for path in paths}


def check_shares(valid: float, test: float) -> None:
    """Refuse shares of a drawn split that leave nothing to train on."""
    if not (0 <= valid < 1 and 0 <= test < 1 and valid + test < 1):
        raise ValueError(f"valid ({valid:g}) and test ({test:g}) must be shares in [0, 1) that leave some for train")


def check_stated(what: str, owner: str, known: Collection[str], stated: Mapping[Split, Sequence[str]]) -> None:
    """Refuse stated splits that name an unknown speaker or fold, or one in two splits."""
    home: dict[str, Split] = {}
    for split, names in stated.items():
        for name in names:
            if name not in known:
                raise unknown(what, name, known, owner)
            if home.setdefault(name, split) != split:
                raise BadOptionError(f"{owner}: {what} '{name}' is in both {home[name]} and {split}; give it to one")


def divided(
    clips: Sequence[Item],
    group: Callable[[Item], str],
    stratum: Callable[[Item], str],
    *,
    valid: float = VALID,
    test: float = TEST,
    pooled: bool = False,
    seed: int = 0,
) -> dict[Split, tuple[Item, ...]]:
    """Split clips so that no group spans two splits and every stratum is spread over all of them.

    Args:
        clips: All clips, or what stands for them.
        group: What must stay together, such as a speaker or a recording.
        stratum: What is spread evenly, such as a label.
        valid: Share of the groups for validation.
        test: Share of the groups for test.
        pooled: Whether strata of one or two groups are drawn as one (noise) or each trains first (classes).
        seed: Seed of the draw.
    """
    labels: dict[str, Counter[str]] = {}
    for clip in clips:
        labels.setdefault(group(clip), Counter())[stratum(clip)] += 1
    strata: dict[tuple[str, ...], list[str]] = {}
    for name, counts in labels.items():
        strata.setdefault(tuple(counts) if len(counts) == 1 else (), []).append(name)
    if pooled:
        rare = [key for key, names in strata.items() if len(names) < 3]
        strata["rare", ""] = [name for key in rare for name in strata.pop(key)]
    home: dict[str, Split] = {}
    for key, names in strata.items():
        drawn = draw(names, valid, test, seed) if key else fairest(names, labels, valid, test, seed=seed)
        home.update(drawn)
    places = [home[group(clip)] for clip in clips]
    return {split: tuple(c for c, place in zip(clips, places, strict=True) if place == split) for split in SPLITS}


def draw(names: Sequence[str], valid: float, test: float, seed: int = 0) -> dict[str, Split]:
    """A split for every group: shares rounded, at least one group each; one alone trains, a second validates."""
    ordered = sorted(names, key=lambda name: (derive(seed, "split", name), name))
    shares: dict[Split, float] = {"valid": valid, "test": test}
    held: list[Split] = []
    for split, share in shares.items():
        spare = max(0, len(ordered) - 1 - len(held))
        held += [split] * (min(spare, max(1, round(len(ordered) * share))) if share > 0 else 0)
    return {name: held[i] if i < len(held) else "train" for i, name in enumerate(ordered)}


def fairest(
    names: Sequence[str],
    labels: Mapping[str, Counter[str]],
    valid: float,
    test: float,
    *,
    strata: Mapping[str, str] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Split]:
    """Of `draws` draws the one whose splits have the class ratios of the whole, unseen classes counting most.

    `names` of different `strata`, such as genders, are drawn apart, so that each split has its share of them.
    """
    classes = sorted({label for name in names for label in labels[name]})
    counts = np.array([[labels[name][label] for label in classes] for name in names], dtype=float)
    whole = counts.sum(axis=0) / counts.sum()
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault((strata or {}).get(name, ""), []).append(name)

    def deviation(homes: Mapping[str, Split]) -> float:
        place = np.array([homes[name] for name in names])
        total = 0.0
        for split in SPLITS:
            seen = counts[place == split].sum(axis=0)
            if seen.sum() > 0:
                total += float(np.abs(seen / seen.sum() - whole).sum())
            total += (len(classes) if split == "train" else 1) * float((seen == 0).sum())
        return total

    return min(
        (
            {n: split for g in groups.values() for n, split in draw(g, valid, test, number).items()}
            for number in range(seed * draws, (seed + 1) * draws)
        ),
        key=deviation,
    )


def with_valid(
    splits: Splits, group: Callable[[Clip], str], stratum: Callable[[Clip], str], share: float, pooled: bool = False
) -> Splits:
    """`splits` with validation clips drawn out of the training ones, group by group."""
    drawn = divided(splits["train"], group, stratum, valid=share, test=0.0, pooled=pooled)
    return {"train": drawn["train"], "valid": drawn["valid"], "test": splits["test"]}


def labels_of(splits: Divided, owner: str) -> tuple[str, ...]:
    """The sorted class names of the training split; of all clips where nothing trains.

    Raises:
        SefrontError: A class appears only where it cannot be learnt.
    """
    return labels_among({s: Counter(str(clip.target or "") for clip in clips) for s, clips in splits.items()}, owner)


def labels_among(counts: Mapping[Split, Counter[str]], owner: str) -> tuple[str, ...]:
    """The sorted class names where each split has so many clips of each; raises as `labels_of` does."""
    if not counts["train"]:
        return tuple(sorted(counts["valid"] | counts["test"]))
    for split in SPLITS:
        for label in sorted(set(counts[split]) - set(counts["train"])):
            n = counts[split][label]
            raise SefrontError(f"{owner}: label '{label}' appears in {split} ({n} clips) but never in train")
    return tuple(sorted(counts["train"]))


def source(clip: Clip) -> str:
    """The recording a clip was cut from."""
    return str(clip.audio.path) if isinstance(clip.audio, AudioFile) else clip.id


def origin(clip: Clip) -> str:
    """The recording a clip was cut from, even where it is a file of its own."""
    return source(clip) if clip.recording is None else clip.recording


def leaks(splits: Divided, key: Callable[[Clip], str | None], what: str) -> list[str]:
    """A line for every speaker or recording that two splits share."""
    home: dict[str, set[Split]] = {}
    for split in SPLITS:
        for clip in splits[split]:
            if (name := key(clip)) is not None:
                home.setdefault(name, set()).add(split)
    return [
        f"{what} {name} is in {' and '.join(split for split in SPLITS if split in where)}"
        for name, where in sorted(home.items())
        if len(where) > 1
    ]


def apart(splits: Divided) -> tuple[str, ...]:
    """What the splits keep apart, of what is known."""
    known = any(clip.speaker for split in SPLITS for clip in splits[split])
    speakers = ("speaker",) if known and not leaks(splits, lambda clip: clip.speaker, "") else ()
    return speakers if leaks(splits, source, "") else (*speakers, "recording")


def faults(splits: Divided) -> Iterator[str]:
    """A line for each missing, unreadable or empty file and each speaker or recording shared between splits."""
    for clip in (clip for split in SPLITS for clip in splits[split]):
        try:
            length = clip.audio.duration()
        except SefrontError as error:  # damaged, or outside the folder of the list that names it
            yield str(error)
            continue
        wanted = length if not isinstance(part := clip.audio, AudioFile) or part.end is None else part.end - part.start
        if length <= 0:
            yield f"{source(clip)}: clip {clip.id} has zero length"
        elif wanted - length > 1e-3:
            yield f"{source(clip)}: clip {clip.id} ends {wanted - length:.3f} s after the file"
    yield from leaks(splits, lambda clip: clip.speaker, "speaker")
    yield from leaks(splits, origin, "recording")
