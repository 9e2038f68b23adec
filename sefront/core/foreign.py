"""Somebody else's function or torch module within the chain: called at a rate of its own, and named where it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from sefront.core.errors import SefrontError
from sefront.core.features import torchaudio
from sefront.core.masking import masked
from sefront.core.signal import full_precision

SINC = {"lowpass_filter_width": 256, "rolloff": 1.0}  # 16 to 48 kHz and back leave speech 42 to 75 dB of SI-SDR

Given = Tensor | np.ndarray[Any, np.dtype[np.float32]]


def check_callable(foreign: object, role: str, purpose: str) -> None:
    """Refuse what cannot be called with waves.

    Args:
        foreign: What should be a torch module or a function.
        role: What it is in the chain, such as "enhancer".
        purpose: What it does, such as "from waves to waves".

    Raises:
        ValueError: It is no callable, or a class in place of its instance.
    """
    if isinstance(foreign, type) or not callable(foreign):
        what = f"the class {foreign.__name__}" if isinstance(foreign, type) else f"a {type(foreign).__name__}"
        raise ValueError(f"{role} must be a torch module or a function {purpose}, but is {what}")


@contextmanager
def own_terms(waves: Tensor, differentiable: bool) -> Iterator[None]:
    """A block in float32, as the foreign need not know of autocast, and without gradients where none pass."""
    with full_precision(waves), torch.set_grad_enabled(differentiable and torch.is_grad_enabled()):
        yield


def resampled(waves: Tensor, rate: int, other: int) -> Tensor:
    """`waves` (batch, time) brought from `rate` to `other` Hz: (batch, ceil(time other / rate))."""
    return waves if rate == other else cast(Tensor, torchaudio().functional.resample(waves, rate, other, **SINC))


def heard(waves: Tensor, lengths: Tensor, rate: int, other: int) -> tuple[Tensor, Tensor]:
    """The valid samples of `waves` (batch, time) at `other` Hz in place of `rate`, in float32, and their lengths."""
    own = torch.div(lengths * other + rate - 1, rate, rounding_mode="floor")
    return masked(resampled(masked(waves.float(), lengths), rate, other), own), own


def called(foreign: Callable[..., Any], given: Given, role: str, rate: int, hint: str = "") -> Any:
    """What `foreign`, whose `role` and `rate` in Hz are told, returns for the `given` waves.

    Raises:
        SefrontError: It fails; `hint` ends the message.
    """
    try:
        return foreign(given)
    except SefrontError:
        raise
    except Exception as error:
        raised = " ".join(f"raised {type(error).__name__}: {error}".split())
        raise SefrontError(f"{told(foreign, raised, given, role, rate)}{hint}") from error


def told(foreign: Callable[..., Any], fault: str, given: Given, role: str, rate: int) -> str:
    """The `foreign`, its `fault` and what it was `given`."""
    name = getattr(foreign, "__name__", type(foreign).__name__)
    kind = "a float32 tensor" if isinstance(given, Tensor) else "a float32 array"
    return f"{role} '{name}' {fault}; it is given {kind} of shape {tuple(given.shape)} at {rate} Hz"
