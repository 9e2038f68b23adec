"""Word error rate: words substituted, deleted and inserted, in percent of those that were said.

    WER = 100 (S + D + I) / N,  over all clips together, N the words that were said

A word is what stands between spaces; for scripts without spaces see `cer`.

Source: Morris, Maier and Green 2004, doi:10.21437/Interspeech.2004-668.
"""

from __future__ import annotations

import math

from sefront.core.clips import MetricCard
from sefront.core.edits import ErrorRate


class WER(ErrorRate):
    """Words that are wrong, in percent of those that were said; nan where none was. Case and spacing do not count."""

    def __init__(self) -> None:
        from jiwer import process_words

        super().__init__(process_words)

    def card(self) -> MetricCard:
        """What it compares and how to read it."""
        return MetricCard(
            compares="transcripts", over="set", unit="%", bounds=(0.0, math.inf), higher_is_better=False,
            citation="Morris, Maier and Green 2004, doi:10.21437/Interspeech.2004-668",
        )  # fmt: skip
