"""Perceptual evaluation of speech quality (MOS-LQO), computed by the ITU's reference code through the package pesq.

Wide band (ITU-T P.862.2) lies in 1.04 ... 4.64, narrow band (P.862.1) in 1.02 ... 4.55 for ordinary speech. Where the
code finds no utterance or nothing to compare the value is nan; it is never replaced by a number.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sefront.core.clips import MetricCard
from sefront.core.pairs import audible, waves

RATES = (8000, 16000)  # Hz
SAFE = 20  # seconds; the ITU code holds 50 utterances of at least 0.4 s and writes past its tables beyond
CHILD = """
import sys, numpy, pesq
truth, estimate = numpy.frombuffer(sys.stdin.buffer.read()).reshape(2, -1)
sys.stdout.write(repr(float(pesq.pesq(int(sys.argv[1]), truth, estimate, sys.argv[2]))))
"""


class PESQ:
    """Predicted opinion score; nan where PESQ finds no utterance, under 0.25 s, and for silence or waves not finite.

    Args:
        band: "wb" for wide band at 16 kHz, "nb" for narrow band at 8 or 16 kHz.
    """

    def __init__(self, *, band: Literal["wb", "nb"] = "wb") -> None:
        if band not in ("wb", "nb"):
            raise ValueError(f"band must be 'wb' or 'nb', not {band!r}")
        self.band = band

    def __call__(self, truth: Any, estimate: Any, *, sample_rate: int, **facts: Any) -> float:
        """Score of the wave `estimate` (samples,) of the speech `truth` at `sample_rate` Hz.

        Raises:
            ValueError: PESQ is not defined at this rate, or the waves differ in length.
        """
        if sample_rate not in RATES:
            raise ValueError(f"PESQ is defined at 8000 and 16000 Hz, not at {sample_rate}; resample both waves first")
        if self.band == "wb" and sample_rate != 16000:
            raise ValueError("wide-band PESQ needs 16000 Hz; at 8000 Hz use band='nb'")
        x, y = waves(truth, estimate)
        if not (audible(x) and audible(y)):
            return float("nan")
        score = score_here if len(x) <= SAFE * sample_rate else score_apart
        return score(x, y, int(sample_rate), self.band)

    def card(self) -> MetricCard:
        """What it compares and how to read it."""
        return MetricCard(
            compares="waves", over="clip", unit="MOS", higher_is_better=True, of="speech",
            bounds=(0.999, 4.644) if self.band == "wb" else (0.999, 4.549),
            citation="ITU-T Recommendation P.862.2 (2007) and P.862 (2001), doi:10.1109/ICASSP.2001.941023; the ITU's "
            "code needs a licence when used in products",
        )  # fmt: skip


def score_here(truth: NDArray[np.float64], estimate: NDArray[np.float64], sample_rate: int, band: str) -> float:
    """The score, or nan where the ITU code refuses."""
    import pesq

    try:
        return float(pesq.pesq(sample_rate, truth, estimate, band))
    except (pesq.PesqError, ValueError):  # ValueError: the score itself became NaN
        return float("nan")


def score_apart(truth: NDArray[np.float64], estimate: NDArray[np.float64], sample_rate: int, band: str) -> float:
    """The score from a process of its own, nan where that one dies: too many utterances crash the ITU code."""
    command = [sys.executable, "-c", CHILD, str(sample_rate), band]
    child = subprocess.run(command, input=np.stack([truth, estimate]).tobytes(), capture_output=True, check=False)
    return float(child.stdout) if child.returncode == 0 else float("nan")
