"""The alphabet of transcripts: what is said, in the letters that a recogniser spells with."""

from __future__ import annotations

import re

from sefront.core.clips import Task

ALPHABET = ("", " ", *"abcdefghijklmnopqrstuvwxyz", "'")  # index 0 is the CTC blank
STRANGE = re.compile(r"[^a-z'\s]")


def transcription() -> Task:
    """Speech to be written down in `ALPHABET`, judged by word error rate."""
    return Task("transcription", ALPHABET, "wer")


def spelt(text: str) -> str:
    """`text` in lower case with single spaces and nothing outside the alphabet; digits and punctuation drop out.

    >>> spelt("  DON'T  go -- 24 TIMES ")
    "don't go times"
    """
    return " ".join(STRANGE.sub("", text.lower()).split())
