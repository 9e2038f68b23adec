from __future__ import annotations

from pathlib import Path

import pytest

from sefront.core.audio import AudioFile
from sefront.core.clips import SPLITS, Clip, Split
from sefront.core.corpora import Splits
from sefront.core.errors import BadOptionError
from sefront.core.speakers import Stated, drawn_held_out, last_held_out

NONE: Stated = {"train": (), "valid": (), "test": ()}


def said(speaker: str, session: str | None = None, target: str = "yes") -> Clip:
    return Clip(f"{speaker}{target}", AudioFile(Path(f"{speaker}{target}.wav")), target, speaker, session)


def homes(splits: Splits) -> list[str]:
    """The speakers of each split."""
    return ["".join(sorted({str(clip.speaker) for clip in splits[split]})) for split in SPLITS]


PAIRS = [said(name, session) for name, session in (("a", "1"), ("b", "1"), ("c", "2"), ("d", "2"), ("e", None))]


@pytest.mark.parametrize(("stated", "expected"), [
    ({}, ["abc", "d", "e"]),  # who is tested has no session
    ({"test": ("b",)}, ["cde", "a", "b"]),
    ({"test": ("1",)}, ["cd", "e", "ab"]),
    ({"test": ("a", "c")}, ["e", "bd", "ac"]),
    ({"test": ("a",), "valid": ("2",)}, ["be", "cd", "a"]),
    ({"test": ("a",), "train": ("b",)}, ["b", "e", "a"]),
    ({"train": ("a", "b", "c", "d", "e")}, ["abcde", "", ""]),
])  # fmt: skip
def test_partners_validate(stated: dict[Split, tuple[str, ...]], expected: list[str]) -> None:
    assert homes(last_held_out(PAIRS, {**NONE, **stated}, "it")) == expected


def test_a_session_and_its_speaker_in_two_splits() -> None:
    with pytest.raises(BadOptionError, match="it: speaker 'a' is in both train and test"):
        last_held_out(PAIRS, {"train": ("a",), "valid": (), "test": ("1",)}, "it")


def test_each_gender_is_drawn_by_itself() -> None:
    genders = {name: "f" if name in "abcd" else "m" for name in "abcdefghijkl"}
    found = homes(drawn_held_out([said(name) for name in genders], NONE, "it", genders, valid=0.25, test=0.25))
    assert [(sum(name in "abcd" for name in names), len(names)) for names in found] == [(2, 6), (1, 3), (1, 3)]


def test_more_draws_are_never_worse() -> None:
    clips = [said(name, target=target) for i, name in enumerate("abcdefghij") for target in ("yes", "no")[: 1 + i % 2]]

    def deviation(draws: int) -> float:
        splits = drawn_held_out(clips, NONE, "it", {}, valid=0.2, test=0.2, draws=draws)
        shares = [sum(clip.target == "yes" for clip in splits[split]) / len(splits[split]) for split in SPLITS]
        return sum(abs(share - 10 / 15) for share in shares)

    assert deviation(1) > 0.1
    assert deviation(100) < 1e-9


def test_stated_speakers_are_not_drawn() -> None:
    clips = [said(name) for name in "abcdef"]
    assert homes(drawn_held_out(clips, {**NONE, "test": ("a",), "valid": ("b", "c")}, "it", {})) == ["def", "bc", "a"]
    train, valid, test = homes(drawn_held_out(clips, {**NONE, "train": ("a",)}, "it", {}))
    assert (train, len(valid), len(test)) == ("a", 1, 1)
    assert homes(drawn_held_out(clips, {**NONE, "train": tuple("abcdef")}, "it", {})) == ["abcdef", "", ""]
