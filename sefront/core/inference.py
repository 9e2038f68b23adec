"""Using a trained chain on audio of any rate and channel count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sefront.core.audio import resample
from sefront.core.chain import enhance, predict
from sefront.core.errors import SefrontError
from sefront.core.kinds import Kind
from sefront.core.mixed import frontend_of
from sefront.core.modes import judging, trainable
from sefront.core.protocols import Backend, Frontend
from sefront.core.windows import BLOCK, Passage

Waves = NDArray[np.float32]


@dataclass(frozen=True)
class Listener:
    """A trained chain that takes waves as they come.

    Args:
        frontend: The frontend, or None.
        backend: The backend, or None.
        kind: How the backend's numbers become answers; None without one.
        sample_rate: Rate in Hz that the models work at.
    """

    frontend: Frontend | None
    backend: Backend | None
    kind: Kind | None
    sample_rate: int

    def enhance(self, waves: Waves, sample_rate: int) -> Waves:
        """`waves` (samples,) or (samples, channels) at `sample_rate` Hz, enhanced; the same shape and rate.

        Each channel is enhanced by itself at the models' rate, so nothing above half that rate survives.

        Raises:
            SefrontError: There is no frontend, or the waves are empty, not finite, or of another shape.
        """
        waves = checked(waves, sample_rate)
        channels = waves.reshape(len(waves), -1)
        blocks = (channels[start : start + BLOCK] for start in range(0, len(channels), BLOCK))
        enhanced = list(self.passage(sample_rate, channels.shape[1]).through(blocks))
        return np.concatenate(enhanced).reshape(waves.shape)

    def passage(self, rate: int, channels: int) -> Passage:
        """The way through the frontend for a recording of `channels` at `rate` Hz that comes block by block.

        Raises:
            SefrontError: There is no frontend.
        """
        return Passage(self.enhancer, self.sample_rate, rate, channels)

    @property
    def enhancer(self) -> Frontend:
        """The frontend.

        Raises:
            SefrontError: There is none.
        """
        if self.frontend is None:
            raise SefrontError("there is no frontend to enhance with; couple one, in a mode that uses it")
        return self.frontend

    def predict(self, waves: Waves, sample_rate: int) -> dict[str, Any]:
        """What is heard in `waves` (samples,) or (samples, channels): see `sefront.core.kinds` for each kind of task.

        A label and the posterior of every class; a text; or a frame rate in Hz and a trace for every dimension.

        Raises:
            SefrontError: There is no backend, or the waves are empty, not finite, or of another shape.
        """
        if self.backend is None or self.kind is None:
            raise SefrontError("there is no backend to predict with; couple one, in a mode that uses it")
        waves = checked(waves, sample_rate)
        mono = resample(waves.reshape(len(waves), -1).mean(axis=1, dtype=np.float32), sample_rate, self.sample_rate)
        batch, lengths = torch.from_numpy(mono)[None], torch.tensor([len(mono)])
        with judging(self.frontend, self.backend):
            heard = batch if self.frontend is None else enhance(self.frontend, batch, lengths).waves
            return self.kind.heard(predict(self.backend, heard, lengths))[0]


def checked(waves: Waves, sample_rate: int) -> Waves:
    """`waves` at `sample_rate` Hz as float32.

    Raises:
        SefrontError: The rate is not a positive whole number; they are integers, empty, not finite, or misshapen.
    """
    if sample_rate != int(sample_rate) or sample_rate < 1:
        raise SefrontError(f"sample_rate must be a whole number of Hz of at least 1, but is {sample_rate}")
    if np.asarray(waves).dtype.kind in "iub":
        raise SefrontError("waves are integers; give floats in [-1, 1], such as waves / 32768 for 16 bits")
    waves = np.asarray(waves, dtype=np.float32)
    if waves.ndim not in (1, 2) or waves.size == 0:
        raise SefrontError(f"waves must be (samples,) or (samples, channels) and not empty, but are {waves.shape}")
    if not np.isfinite(waves).all():
        raise SefrontError("waves hold values that are not finite (NaN or infinity)")
    return waves


def untrained(component: type, name: str, options: Mapping[str, Any], sample_rate: int = 16000) -> Listener:
    """A frontend that works without training.

    Raises:
        SefrontError: It has weights, which a run would have to train.
    """
    frontend = frontend_of(component, sample_rate, options, f"frontend '{name}'")
    if trainable(frontend):
        asked = "".join(f" -o frontend.{option}={value}" for option, value in options.items())
        raise SefrontError(
            f"frontend '{name}' has to be trained first: sefront couple --frontend {name} --mode frontend_only{asked}, "
            "then --run RUN"
        )
    return Listener(frontend, None, None, sample_rate)
