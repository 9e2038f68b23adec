"""Splits by speaker: as stated, else the last speakers are held out, or speakers drawn for like classes and genders.

Speakers that a stated train leaves over are in no split. A stated session stands for its speakers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sefront.core.clips import SPLITS, Clip, Split
from sefront.core.corpora import DRAWS, TEST, VALID, Splits, check_stated, fairest

Stated = Mapping[Split, Sequence[str]]


def last_held_out(clips: Sequence[Clip], stated: Stated, owner: str) -> Splits:
    """Splits where the last speaker is for test and one is for validation, unless others are stated.

    Validation is for those who shared a session with who is tested; where there is none left, for the last one left.

    Args:
        clips: All clips, each with its speaker.
        stated: Speakers or sessions of each split; empty means that the rule above chooses.
        owner: The corpus as errors name it.

    Raises:
        UnknownNameError: A stated speaker is not there.
        BadOptionError: One is stated for two splits.
    """
    sessions = {str(clip.speaker): clip.session for clip in clips}
    homes = stated_homes(sessions, stated, owner)
    left = [name for name in sorted(sessions) if name not in homes]
    if left and not stated["test"]:
        homes[left.pop()] = "test"
    if left and not stated["valid"]:
        tested = {sessions[name] for name, split in homes.items() if split == "test"} - {None}
        partners = [name for name in left if sessions[name] in tested]
        homes |= dict.fromkeys(partners or left[-1:], "valid")
    return divided_by(clips, homes, stated)


def drawn_held_out(
    clips: Sequence[Clip],
    stated: Stated,
    owner: str,
    genders: Mapping[str, str],
    *,
    valid: float = VALID,
    test: float = TEST,
    draws: int = DRAWS,
) -> Splits:
    """Splits of drawn speakers, as many of each gender, unless others are stated.

    Args:
        clips: All clips, each with its speaker.
        stated: Speakers of each split; empty means drawn ones.
        owner: The corpus as errors name it.
        genders: The gender of each speaker.
        valid: Share of the speakers for validation.
        test: Share of the speakers for test.
        draws: How many draws there are, of which the one with the likest class ratios is taken.

    Raises:
        UnknownNameError: A stated speaker is not there.
        BadOptionError: One is stated for two splits.
    """
    labels: dict[str, Counter[str]] = {}
    for clip in clips:
        labels.setdefault(str(clip.speaker), Counter())[str(clip.target)] += 1
    homes = stated_homes(dict.fromkeys(labels), stated, owner)
    if left := [name for name in sorted(labels) if name not in homes]:
        shares = (0.0 if stated["valid"] else valid, 0.0 if stated["test"] else test)
        drawn = fairest(left, labels, *shares, strata=genders, draws=draws)
        homes |= {name: split for name, split in drawn.items() if split != "train"}
    return divided_by(clips, homes, stated)


def stated_homes(sessions: Mapping[str, str | None], stated: Stated, owner: str) -> dict[str, Split]:
    """The split of each stated speaker; `sessions` are those of all speakers, None where unknown."""
    members: dict[str, list[str]] = {}
    for name in sorted(sessions):
        members.setdefault(sessions[name] or name, []).append(name)
    spread = {split: [one for name in names for one in members.get(name, [name])] for split, names in stated.items()}
    check_stated("speaker", owner, sessions, spread)
    return {name: split for split, names in spread.items() for name in names}


def divided_by(clips: Sequence[Clip], homes: Mapping[str, Split], stated: Stated) -> Splits:
    """The clips by the split of their speaker; who has none trains, unless others are stated to."""
    rest: Split | None = None if stated["train"] else "train"
    places = [homes.get(str(clip.speaker), rest) for clip in clips]
    return {split: tuple(c for c, place in zip(clips, places, strict=True) if place == split) for split in SPLITS}
