"""The feature set of the Interspeech 2009 emotion challenge, computed by openSMILE itself: 384 numbers a clip.

16 contours in frames of 25 ms every 10 ms (energy, 12 cepstral coefficients, rate of zero crossings, probability of
voicing, F0), each smoothed over 3 frames, then their 16 deltas

    d_t = (x_(t+1) - x_(t-1) + 2 x_(t+2) - 2 x_(t-2)) / 10

and of each contour 12 functionals over all frames but the last two: maximum, minimum, range, frames of maximum and
minimum, mean, slope, offset and squared error of a line, deviation, skewness, kurtosis.

openSMILE takes one clip at a time, some 10 ms for 3 s, so there is a loop over clips here; what was computed is kept.

Source: Schuller et al. 2009, doi:10.21437/Interspeech.2009-103; the toolkit: Eyben et al. 2010,
doi:10.1145/1873951.1874246.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from hashlib import blake2b

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sefront.core.extras import extra

SIZE = 384
KEPT = 1 << 16  # clips, about 120 MB
FRAME = 0.025  # seconds; in less openSMILE finds no frame
FULL = 32768  # openSMILE's samples are 16-bit integers


class IS09:
    """Functionals of waves, as float32; no gradient passes, since openSMILE rounds waves to 16 bits towards zero.

    Samples beyond full scale are clipped here: openSMILE would let them, and +1 itself, wrap round. A clip shorter than
    a frame has zeros behind it. A functional that is not finite becomes 0, but those of a wave that is not finite are
    all nan. The functionals of the last `KEPT` different clips are remembered by content, so that a clean clip costs
    its time once, whatever batch, epoch or phase it comes in; a copy or a pickle begins with nothing remembered.

    Args:
        sample_rate: Rate of the waves in Hz.

    Raises:
        MissingExtraError: openSMILE is not installed.
    """

    def __init__(self, sample_rate: int) -> None:
        opensmile = extra("opensmile", "opensmile", "openSMILE's IS09 feature set")
        self.sample_rate = sample_rate
        self.least = math.ceil(FRAME * sample_rate)  # samples
        self.extract = opensmile.Smile(opensmile.FeatureSet.IS09, opensmile.FeatureLevel.Functionals)
        self.names: tuple[str, ...] = tuple(self.extract.feature_names)
        self.known: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()

    def __reduce__(self) -> tuple[type[IS09], tuple[int]]:
        return IS09, (self.sample_rate,)

    def __call__(self, waves: Tensor, lengths: Tensor) -> Tensor:
        """Functionals (batch, 384) of `waves` (batch, time), of which `lengths` (batch,) are valid, on their device."""
        clips = waves.detach().float().cpu().numpy()
        rows = [self.functionals(clip[:size]) for clip, size in zip(clips, lengths.tolist(), strict=True)]
        return torch.from_numpy(np.stack(rows)).to(waves.device)

    def functionals(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        """Functionals (384,) of one `wave` (samples,); remembered ones must not be changed."""
        if not np.isfinite(wave).all():
            return np.full(SIZE, np.nan, np.float32)
        samples = np.zeros(max(len(wave), self.least), np.int16)
        samples[: len(wave)] = np.clip(wave * np.float32(FULL), -FULL, FULL - 1)
        key = blake2b(samples.tobytes(), digest_size=16).digest()
        found = self.known.pop(key, None)
        if found is None:
            raw = self.extract(samples / np.float32(FULL), self.sample_rate)
            found = np.nan_to_num(raw.reshape(SIZE), nan=0.0, posinf=0.0, neginf=0.0)
        self.known[key] = found  # the newest
        if len(self.known) > KEPT:
            self.known.popitem(last=False)
        return found
