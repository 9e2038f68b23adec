"""Mixtures of a list in place of those that would be drawn, so that two runs are judged on the same ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, replace
from typing import Any

from sefront.core.damages import Damaged
from sefront.core.data import Mixtures
from sefront.core.errors import DamagedAudioError, SefrontError
from sefront.core.mixture_entry import Entry
from sefront.core.mixture_list import MixtureList

NAMED = 3  # names that an error gives before it only counts


class Entries(dict[tuple[str, float], Entry]):
    """The entries of mixtures as they were seen, by clip and SNR."""

    def __call__(self, entry: Entry) -> None:
        """Note an entry."""
        self[entry.id, entry.snr] = entry

    def ordered(self, levels: Sequence[float]) -> list[Entry]:
        """The entries in the order of the `levels` (SNRs in dB), then of their names."""
        return [self[key] for key in sorted(self, key=lambda key: (levels.index(key[1]), key[0]))]


def asked_by(listed: MixtureList) -> dict[str, Any]:
    """What of an experiment a list settles: the conditions of the test, and its SNRs."""
    mixing = {f"test_mixing.{name}": value for name, value in asdict(listed.conditions).items()}
    return {"test_snr": listed.levels, "options": mixing}


def frozen(
    mixtures: Mixtures, listed: MixtureList, levels: Sequence[float], report: Callable[[Damaged], None]
) -> Mixtures:
    """`mixtures` whose fixed ones at the `levels` (SNRs in dB) are those of a list.

    Args:
        mixtures: The clips and noises that the list is about.
        listed: The list.
        levels: SNRs in dB that are wanted.
        report: Called with each clip that the list lacks since it is damaged.

    Raises:
        SefrontError: The list lacks a clip or an SNR of it, names a clip or noise that is not there, or holds a mixture
            twice.
    """
    entries: dict[tuple[str, float], Entry] = {}
    for entry in listed.entries:
        if entries.setdefault((entry.clean, entry.snr), entry) is not entry:
            raise SefrontError(f"{listed.path}: holds {entry.clean} at {entry.snr:g} dB twice; leave one of them out")
    check_known(listed, mixtures)
    damaged = [each for row in range(len(mixtures)) if (each := damage(mixtures, row, listed)) is not None]
    for each in damaged:
        report(each)
    left_out = {each.id for each in damaged}
    for level in levels:
        lacking = [clip.id for clip in mixtures.clips if (clip.id, level) not in entries and clip.id not in left_out]
        if lacking:
            raise SefrontError(
                f"{listed.path}: has no mixture at {level:g} dB of clips that are to be judged: {some(lacking)}; name "
                "a list of them all, or with --test-snr the SNRs at which it has them all"
            )
    return replace(mixtures, listed=entries)


def check_known(listed: MixtureList, mixtures: Mixtures) -> None:
    """Refuse a list that names clips or noises which are not there.

    Raises:
        SefrontError: Naming them.
    """
    clips = {clip.id for clip in mixtures.clips}
    unknown = [entry.clean for entry in listed.entries if entry.clean not in clips]
    if unknown:
        raise SefrontError(
            f"{listed.path}: mixes clips that are not among those to be judged: {some(unknown)}; name the corpus and "
            "split that it was made of"
        )
    unknown = [name for entry in listed.entries for name in entry.noise if name not in mixtures.pool.by_name]
    if unknown:
        raise SefrontError(
            f"{listed.path}: mixes with noises that are not there: {some(unknown)}; name the noise that it was made of "
            "with --noise"
        )


def damage(mixtures: Mixtures, row: int, listed: MixtureList) -> Damaged | None:
    """The clip of a `row` as damaged, where the list lacks it since it cannot be read."""
    clip = mixtures.clips[row]
    if clip.id in listed.names:
        return None
    try:
        mixtures.reader.read(clip)
    except DamagedAudioError as error:
        return Damaged(clip.id, str(error))
    return None


def some(names: Collection[str]) -> str:
    """The first names, each once, and how many more there are."""
    each = list(dict.fromkeys(names))
    more = len(each) - NAMED
    return ", ".join(each[:NAMED]) + (f" and {more} more" if more > 0 else "")
