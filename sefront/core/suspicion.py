"""Which labels are probably wrong, by what a network in training answered.

A network learns wrong labels by heart in the end, but late: before that it takes such clips for what they are. So what
counts is what was answered in epochs in which at most a third of the answers were wrong, but at least a twentieth. A
label is suspect where confident answers named one other class, and clearly outweigh those that named the label:

    1/n (sum of the confidence of answers j - sum of that of answers label) >= 0.2,  n answers in all.

That networks learn clean labels first: Arpit et al. 2017, arXiv:1706.05394. The numbers are this project's.
"""

from __future__ import annotations

from collections.abc import Mapping

LEAST = 2  # answers before a label is suspected
TELLING = (1 / 20, 1 / 3)  # share of wrong answers in an epoch that says something of labels
SURER = 0.2  # how much more confidence another class must have had than the label


def telling(wrong: float) -> bool:
    """Whether an epoch in which this share of the answers was `wrong` says something of labels."""
    return TELLING[0] <= wrong <= TELLING[1]


def suspected(label: str | None, votes: Mapping[str, float], voted: int) -> str | None:
    """The class that a clip was surely taken for, where its label is probably wrong.

    Args:
        label: Its label.
        votes: The confidence of its answers by class, summed over epochs that are `telling`.
        voted: How many answers these were.
    """
    other = max((name for name in votes if name != label), key=votes.__getitem__, default=None)
    if other is None or voted < LEAST:
        return None
    return other if votes[other] - votes.get(label or "", 0.0) >= SURER * voted else None
