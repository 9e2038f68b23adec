"""Real codecs in memory: those that libsndfile writes, their delay measured and taken back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

import numpy as np
import soundfile
from scipy.signal import correlate

from sefront.core.audio import resample
from sefront.core.mixing import Wave

TAIL = 0.1  # seconds of silence behind a clip, so that no delay costs its end and none is too short for a codec


@dataclass(frozen=True)
class Codec:
    """A codec as soundfile knows it.

    Args:
        form: Container.
        subtype: Encoding.
        sample_rate: Rate in Hz that it works at.
        quality: Range that its compression level is drawn from; none where it has no choice.
    """

    form: str
    subtype: str
    sample_rate: int
    quality: tuple[float, float] | None = None


CODECS = (
    Codec("OGG", "OPUS", 16000, (0.8, 1.0)),  # about 60 to 12 kbit/s
    Codec("MP3", "MPEG_LAYER_III", 16000, (0.5, 0.95)),  # about 34 to 30 kbit/s
    Codec("WAV", "GSM610", 8000),
    Codec("WAV", "ULAW", 8000),
)


def codec(wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
    """`wave` (samples,) encoded, decoded and shifted back by the codec's delay."""
    chosen, share = CODECS[rng.integers(len(CODECS))], float(rng.random())
    behind = np.zeros(round(TAIL * chosen.sample_rate), np.float32)
    decoded = coded(np.concatenate([resample(wave, sample_rate, chosen.sample_rate), behind]), chosen, share)
    back = resample(decoded[delay(chosen, share) :], chosen.sample_rate, sample_rate)[: len(wave)]
    return np.pad(back, (0, len(wave) - len(back)))


def coded(wave: Wave, chosen: Codec, share: float) -> Wave:
    """`wave` (samples,) at the rate of the codec, encoded at a `share` of its range of qualities and decoded again."""
    quality = None if chosen.quality is None else float(np.interp(share, (0, 1), chosen.quality))
    memory = BytesIO()
    soundfile.write(
        memory, np.clip(wave, -1.0, 1.0), chosen.sample_rate, chosen.subtype, format=chosen.form,
        compression_level=quality,
    )  # fmt: skip
    memory.seek(0)
    decoded: Wave = soundfile.read(memory, dtype="float32")[0]
    return decoded


@lru_cache(maxsize=256)
def delay(chosen: Codec, share: float) -> int:
    """Samples at its own rate by which a codec lags, measured with a second of noise."""
    probe = np.random.default_rng(0).normal(0.0, 0.1, chosen.sample_rate).astype(np.float32)
    lags = correlate(coded(probe, chosen, share), probe, method="fft")
    return max(0, int(np.argmax(lags)) - (len(probe) - 1))
