"""A small grammar: requests of three to six words out of thirty, such as "please follow the yellow tiger"."""

from __future__ import annotations

import numpy as np

SLOTS: dict[str, tuple[str, ...]] = {
    "please": ("please",),
    "we": ("we",),
    "can": ("can", "must"),
    "do": ("bring", "find", "follow", "leave", "paint", "watch"),
    "the": ("a", "my", "the"),
    "such": ("little", "simple", "woolly", "yellow"),
    "thing": ("bottle", "lady", "lemon", "paper", "soldier", "tiger"),
    "near": ("by", "in", "near"),
    "place": ("garden", "house", "kitchen", "river"),
}
PATTERNS: tuple[tuple[str, ...], ...] = (
    ("do", "the", "thing"),
    ("do", "the", "such", "thing"),
    ("please", "do", "the", "thing"),
    ("please", "do", "the", "such", "thing"),
    ("we", "can", "do", "the", "thing"),
    ("we", "can", "do", "the", "such", "thing"),
    ("do", "the", "thing", "near", "the", "place"),
)


def sentence(rng: np.random.Generator) -> tuple[str, ...]:
    """The words of a sentence."""
    pattern = PATTERNS[rng.integers(len(PATTERNS))]
    return tuple(SLOTS[slot][rng.integers(len(SLOTS[slot]))] for slot in pattern)
