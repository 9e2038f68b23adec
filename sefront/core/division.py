"""How a corpus is divided, as a value: the kind of split, its fold and seed, what it keeps apart, and the clips."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sefront.core.clips import SPLITS, Card, Clip, Split, Task
from sefront.core.errors import BadOptionError, SefrontError, unknown

if TYPE_CHECKING:
    from sefront.core.protocols import Corpus

OWN = "own"
DRAWN = ("k-fold", "random")
"""Kinds that have as many folds as one likes."""
FOLDED = ("leave-one-speaker-out", "leave-one-session-out", *DRAWN)
KINDS = (OWN, "speaker", *FOLDED)
FOLDS = 10
"""Folds of a drawn kind where nothing says how many."""
DEPENDENT = "speaker-dependent"


class Fold(NamedTuple):
    """Fold `number`, from 1, of `total`."""

    number: int
    total: int

    @classmethod
    def read(cls, text: str) -> Fold:
        """The fold that ``K/N`` says.

        Raises:
            BadOptionError: Another form, or there is no such fold.
        """
        match = re.fullmatch(r"(\d+)/(\d+)", text)
        if match is None:
            raise BadOptionError(f"--fold {text}: write K/N, such as 3/10 for the third of ten folds")
        fold = cls(int(match[1]), int(match[2]))
        if not 1 <= fold.number <= fold.total or fold.total < 2:
            raise BadOptionError(f"--fold {text}: folds are counted from 1, such as 1/{max(2, fold.total)}")
        return fold

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


@dataclass(frozen=True)
class Division:
    """The clips of a corpus by split.

    Args:
        kind: As in `KINDS`, or the file that lists it.
        clips: The clips of each split.
        apart: What is promised to be in one split only: ``speaker``, ``recording``.
        fold: Which fold, where the kind has several.
        seed: Seed of the draw, where it is drawn.
    """

    kind: str
    clips: Mapping[Split, Sequence[Clip]]
    apart: tuple[str, ...]
    fold: Fold | None = None
    seed: int | None = None

    @property
    def dependent(self) -> bool | None:
        """Whether a speaker is in two splits; None where no speaker is known."""
        found = [{clip.speaker for clip in self.clips[split]} - {None} for split in SPLITS]
        every = set().union(*found)
        return len(every) < sum(map(len, found)) if every else None

    def facts(self) -> dict[str, Any]:
        """Everything but the clips, ready for JSON; noise is kept apart whatever the split."""
        return {
            "kind": self.kind,
            "fold": None if self.fold is None else str(self.fold),
            "seed": self.seed,
            "apart": [*dict.fromkeys([*self.apart, "recording", "noise"])],
            "speaker_dependent": self.dependent,
        }


class Divided:
    """A corpus that is divided otherwise than by itself; all else is as it says.

    Args:
        corpus: The corpus.
        division: How it is divided.
    """

    def __init__(self, corpus: Corpus, division: Division) -> None:
        self._corpus, self.division = corpus, division

    def __getattr__(self, name: str) -> Any:
        return getattr(self._corpus, name)

    def role(self) -> Literal["speech", "scene", "noise"]:
        """What its recordings are."""
        return self._corpus.role()

    def task(self) -> Task | None:
        """What is labelled."""
        return self._corpus.task()

    def clips(self, split: Split) -> Sequence[Clip]:
        """The clips of one split of the division."""
        return self.division.clips[split]

    def problems(self) -> list[str]:
        """What the corpus itself finds."""
        return self._corpus.problems()

    def card(self) -> Card:
        """Its card, with what the division keeps apart."""
        return replace(self._corpus.card(), apart=self.division.apart)


def division_of(corpus: Corpus) -> Division:
    """How `corpus` is divided."""
    if isinstance(corpus, Divided):
        return corpus.division
    return Division(OWN, {split: corpus.clips(split) for split in SPLITS}, corpus.card().apart)


def warning(facts: Mapping[str, Any] | None) -> str:
    """What a table has to say about the split with these `facts`, or nothing."""
    if not facts or not facts["speaker_dependent"]:
        return ""
    fold = f", fold {facts['fold']}" if facts.get("fold") else ""
    return f"{DEPENDENT}: splits '{facts['kind']}'{fold} do not keep speakers apart"


def named(splits: str) -> str:
    """A kind of split as it is, a file as its absolute path.

    Raises:
        SefrontError: Neither a kind nor a file.
    """
    place = Path(splits).expanduser()
    if splits in KINDS:
        return splits
    if place.is_file():
        return str(place.resolve())
    if place.suffix or "/" in splits:
        raise SefrontError(f"--splits {splits}: no such file; expected a list (.csv, .jsonl) with columns id and split")
    raise unknown("kind of splits", splits, KINDS)
