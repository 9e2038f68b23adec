"""Short-time objective intelligibility of speech, and its extended form for modulated noise.

The mean correlation between the one-third octave band envelopes of truth and estimate, in segments of 384 ms at 10 kHz
from which the silent frames of the truth (40 dB below its loudest) have been taken out. Computed by pystoi.
Sources: Taal et al. 2011, doi:10.1109/TASL.2011.2114881; Jensen and Taal 2016, doi:10.1109/TASLP.2016.2585878.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sefront.core.clips import MetricCard
from sefront.core.pairs import audible, waves

RATE = 10_000  # Hz, the metric's own
FRAME, HOP = 256, 128  # samples at that rate
SEGMENT = 30  # frames that one segment needs
RANGE = 40.0  # dB below the loudest frame at which silence begins


class STOI:
    """Correlation of band envelopes; nan for waves not finite, a silent truth or less than 0.4 s of speech.

    A silent estimate of audible speech has 0: nothing of it can be understood.

    Args:
        extended: Compute ESTOI, which also holds for noise that fluctuates like speech.
    """

    def __init__(self, *, extended: bool = False) -> None:
        self.extended = extended

    def __call__(self, truth: Any, estimate: Any, *, sample_rate: int, **facts: Any) -> float:
        """Intelligibility of the wave `estimate` (samples,) of the speech `truth` at `sample_rate` Hz."""
        from pystoi import stoi
        from pystoi.utils import resample_oct

        x, y = waves(truth, estimate)
        if not audible(x) or not np.isfinite(y).all():
            return float("nan")
        if sample_rate != RATE:
            x, y = resample_oct(x, RATE, sample_rate), resample_oct(y, RATE, sample_rate)
        if spoken_frames(x) <= SEGMENT:  # pystoi would warn and answer 1e-5
            return float("nan")
        if not y.any():
            return 0.0
        with seeded_noise():
            return float(stoi(x, y, RATE, extended=self.extended))

    def card(self) -> MetricCard:
        """What it compares and how to read it."""
        plain, extended = "Taal et al. 2011, doi:10.1109/TASL.2011.2114881", "doi:10.1109/TASLP.2016.2585878"
        return MetricCard(
            compares="waves", over="clip", unit="", bounds=(-1.0, 1.0), higher_is_better=True,
            citation=f"Jensen and Taal 2016, {extended}" if self.extended else plain, of="speech",
        )  # fmt: skip


def spoken_frames(wave: NDArray[np.float64]) -> int:
    """Frames of `wave` (samples,) at 10 kHz that pystoi does not take for silence."""
    if len(wave) <= FRAME:
        return 0
    frames = np.lib.stride_tricks.sliding_window_view(wave[:-1], FRAME)[::HOP]  # pystoi, too, leaves the last out
    energy = np.linalg.norm(frames * np.hanning(FRAME + 2)[1:-1], axis=1)
    levels = 20 * np.log10(energy + np.finfo(float).eps)
    return int(np.count_nonzero(levels > levels.max() - RANGE))


@contextmanager
def seeded_noise() -> Iterator[None]:
    """A block in which numpy's shared generator is seeded, its state restored afterwards.

    pystoi breaks ties in ESTOI with noise from it; with masked, exactly silent bands that would move the value.
    """
    state = np.random.get_state()
    np.random.seed(0)
    try:
        yield
    finally:
        np.random.set_state(state)
