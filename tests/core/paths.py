"""What a recogniser's probabilities say, by counting every path: for a few symbols and frames."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import groupby, product

from torch import Tensor


def spelt_by(path: tuple[int, ...], alphabet: tuple[str, ...]) -> str:
    """The text of a path: repeats joined, blanks dropped."""
    return "".join(alphabet[i] for i, _ in groupby(path) if i)


def probabilities(scores: Tensor, alphabet: tuple[str, ...]) -> dict[str, float]:
    """The probability of every text, summed over its paths, from log-probabilities (frames, symbols)."""
    rows = scores.double().tolist()
    found: dict[str, float] = defaultdict(float)
    for path in product(range(len(alphabet)), repeat=len(rows)):
        found[spelt_by(path, alphabet)] += math.exp(sum(row[i] for row, i in zip(rows, path, strict=True)))
    return found
