"""Errors of transcripts: the fewest words or characters to substitute, delete and insert, in percent of the truth's.

    error rate = 100 (S + D + I) / (H + S + D),  H hits, summed over all clips

What was made up counts as well, so a rate can exceed 100. Where nothing was said all of the answer is inserted. Source:
Levenshtein 1966, for the distance; jiwer aligns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sefront.core.pairs import paired

ERRORS = ("substitutions", "deletions", "insertions")


class ErrorRate:
    """A metric on transcripts: errors in percent of what was said, of all clips together; nan where nothing was said.

    Args:
        align: From a true and an estimated text to an object with `hits`, `substitutions`, `deletions`, `insertions`.
    """

    def __init__(self, align: Callable[[str, str], Any]) -> None:
        self.align = align

    def __call__(self, truth: Sequence[str], estimate: Sequence[str], **facts: Any) -> float:
        """The rate of the texts in `estimate` (clips,) against those in `truth`; case and spacing do not count.

        Raises:
            ValueError: They are not lists of one length.
        """
        counts = [self.counts(*pair) for pair in paired(truth, estimate)]
        return self.value(np.sum(counts, axis=0)) if counts else float("nan")

    def counts(self, truth: str, estimate: str) -> list[float]:
        """Hits, substitutions, deletions and insertions of one text."""
        found = self.align(plain(truth), plain(estimate))
        return [float(getattr(found, part)) for part in ("hits", *ERRORS)]

    def value(self, counts: ArrayLike) -> float:
        """The rate that follows from summed `counts`; nan where nothing was said."""
        return float(sum(shares(tally(counts)).values()))

    def details(self, counts: ArrayLike, names: Sequence[str]) -> dict[str, Any]:
        """The errors by kind, from the counts of every clip (clips, 4)."""
        return {"errors": tally(np.sum(counts, axis=0))}


def plain(text: str) -> str:
    """`text` in lower case, its words one space apart."""
    return " ".join(text.lower().split())


def tally(counts: ArrayLike) -> dict[str, int]:
    """Summed counts by name."""
    return dict(zip(("hits", *ERRORS), np.asarray(counts, dtype=np.int64).tolist(), strict=True))


def shares(errors: Mapping[str, int]) -> dict[str, float]:
    """Substitutions, deletions and insertions in percent of what was said; nan where nothing was."""
    said = errors["hits"] + errors["substitutions"] + errors["deletions"]
    return {kind: 100.0 * errors[kind] / said if said else float("nan") for kind in ERRORS}
