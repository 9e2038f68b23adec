"""Does somebody else's denoiser help a recogniser that never heard of it, or does it hurt?

python examples/02_wrap_an_enhancer.py
"""

from __future__ import annotations

import tempfile

import numpy as np
from numpy.typing import NDArray
from scipy.signal import istft, stft

import sefront

RATE = 48000  # Hz that the denoiser works at


def denoiser(wave: NDArray[np.float32]) -> NDArray[np.float64]:
    """A foreign enhancer of one clip (samples,): take the median power of each bin off all of its frames."""
    _, _, spectrum = stft(wave, RATE, nperseg=1536)
    power = np.abs(spectrum) ** 2
    gain = np.maximum(0.0, 1.0 - np.median(power, axis=1, keepdims=True) / np.maximum(power, 1e-12))
    _, enhanced = istft(gain * spectrum, RATE, nperseg=1536)
    return np.asarray(enhanced)


def main() -> None:
    """Train a recogniser of commands on clean speech, put the denoiser before it and compare."""
    tiny = {"corpus.speakers": 6, "corpus.clips": 10, "noise.noises": 1}
    with tempfile.TemporaryDirectory() as folder:
        run = sefront.couple(
            backend="scr_m5", mode="baseline", options=tiny, epochs=20, batch_size=8, test_snr=0, out=folder
        )
        frontend = sefront.wrap_enhancer(denoiser, run.experiment.sample_rate, own_rate=RATE, takes="numpy")
        judged = run.with_frontend(frontend).evaluate(metrics=("accuracy", "si_sdr"))
    print(judged.table())
    noisy = [row for row in judged.rows if row["metric"] == "accuracy" and row["snr"] == 0 and row["noise"] == "all"]
    accuracy = {row["system"]: row["value"] for row in noisy}
    gain = accuracy["coupled"] - accuracy["bypass"]
    verdict = "helps" if gain > 0 else "hurts" if gain < 0 else "changes nothing"
    print(f"at 0 dB the denoiser {verdict}: {gain:+.0f} points of accuracy")


if __name__ == "__main__":
    main()
