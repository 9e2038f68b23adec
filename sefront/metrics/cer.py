"""Character error rate: characters substituted, deleted and inserted, in percent of those that were said.

    CER = 100 (S + D + I) / N,  over all clips together, N the characters that were said

The space between two words is a character, too.

Source: Morris, Maier and Green 2004, doi:10.21437/Interspeech.2004-668.
"""

from __future__ import annotations

import math

from sefront.core.clips import MetricCard
from sefront.core.edits import ErrorRate


class CER(ErrorRate):
    """Characters that are wrong, in percent of those that were said; nan where none was. Case does not count."""

    def __init__(self) -> None:
        from jiwer import process_characters

        super().__init__(process_characters)

    def card(self) -> MetricCard:
        """What it compares and how to read it."""
        return MetricCard(
            compares="transcripts", over="set", unit="%", bounds=(0.0, math.inf), higher_is_better=False,
            citation="Morris, Maier and Green 2004, doi:10.21437/Interspeech.2004-668",
        )  # fmt: skip
