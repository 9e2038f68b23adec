"""Somebody else's enhancer as a frontend: any ``waves -> waves`` module or callable, with a rate and delay of its own.

    x_hat = B(shift_d(f(A(y)))),   shift_d(z)(t) = z(t + d)

A resamples from the chain's rate to the enhancer's and B back, each by a sinc over 256 zero crossings to either side
under a Hann window; f is the enhancer and d the samples by which it lags. Its input is d zeros longer than the clip, so
that the clip's end comes out, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sefront.core.errors import SefrontError
from sefront.core.foreign import Given, called, check_callable, heard, own_terms, resampled, told
from sefront.core.losses import LEAST, WAVE_LOSSES, WaveLoss
from sefront.core.masking import masked
from sefront.core.types import Batch, Enhanced

SLACK = 0.1  # seconds of its output by which an enhancer's frames may miss the length of its input

UPRIGHT = "torch.nn.Sequential(torch.nn.Unflatten(1, (1, -1)), model, torch.nn.Flatten(1))"


class Wrapped(nn.Module):
    """A frontend around any enhancer; `sefront.wrap_enhancer` builds it, a plugin may derive from it.

    The enhancer always runs in float32, as it need not know of autocast. Where it is a torch module, it is part of
    this one: it moves, trains and is saved with it.

    Args:
        enhancer: A torch module or callable, as `takes` says.
        sample_rate: Rate of the chain's waves in Hz.
        own_rate: Rate in Hz that the enhancer works at; None means the chain's.
        delay: Samples at its own rate by which its output lags behind its input.
        takes: torch: float32 tensors (batch, time). numpy: one clip after the other, float32 arrays (time,).
        differentiable: Whether gradients pass; None means that they pass through torch modules only. The parameters of
            a module through which none pass are frozen.
        pads: Whether the enhancer ignores padding; otherwise batches hold clips of one length. Arrays have none.
        loss: Loss of the frontend: wSDR or negative SI-SDR.
    """

    def __init__(
        self,
        enhancer: Callable[..., Any],
        sample_rate: int,
        *,
        own_rate: int | None = None,
        delay: int = 0,
        takes: Literal["torch", "numpy"] = "torch",
        differentiable: bool | None = None,
        pads: bool = False,
        loss: WaveLoss = "wsdr",
    ) -> None:
        super().__init__()
        check_callable(enhancer, "enhancer", "from waves to waves")
        own_rate = sample_rate if own_rate is None else own_rate
        if min(sample_rate, own_rate) < 1 or delay < 0:
            raise ValueError(
                "sample_rate and own_rate must be at least 1 Hz and delay at least 0 samples, but they are "
                f"{sample_rate}, {own_rate} and {delay}"
            )
        if differentiable and takes == "numpy":
            raise ValueError("no gradient passes through numpy arrays; leave differentiable out, or say takes='torch'")
        self.enhancer, self.takes, self.loss_name = enhancer, takes, loss
        self.least_loss = LEAST[loss]
        self.sample_rate, self.own_rate, self.delay = sample_rate, own_rate, delay
        passes = isinstance(enhancer, nn.Module) and takes == "torch"
        self.differentiable = passes if differentiable is None else differentiable
        self.pads = pads or takes == "numpy"
        if not self.differentiable:
            self.requires_grad_(False)

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        """Enhance `waves` (batch, time), of which `lengths` (batch,) samples are valid.

        Raises:
            SefrontError: The enhancer failed, or returned something else than finite waves of about the length that
                it was given.
        """
        with own_terms(waves, self.differentiable):
            given, own = heard(waves, lengths, self.sample_rate, self.own_rate)
            given = F.pad(given, (0, self.delay)).clone()  # the enhancer may write on what it is given
            enhanced = self.clips(given, own) if self.takes == "numpy" else self.called(given)
            back = resampled(masked(enhanced[:, self.delay :], own), self.own_rate, self.sample_rate)
            return Enhanced(masked(back[:, : waves.shape[1]], lengths))

    def clips(self, given: Tensor, own: Tensor) -> Tensor:
        """What the enhancer makes of `given` (batch, time), each clip by itself and without its padding."""
        rows = []
        for row, size in zip(given.cpu(), (own + self.delay).tolist(), strict=True):
            clip = row[:size]
            rows.append(F.pad(self.called(clip), (0, len(row) - size)))
        return torch.stack(rows).to(given.device)

    def called(self, given: Tensor) -> Tensor:
        """What the enhancer makes of `given` waves, as `accepted` says.

        Raises:
            SefrontError: It fails, or returns nothing that could be taken for the enhanced waves.
        """
        hint = f"; one that wants (batch, 1, time) is wrapped as {UPRIGHT}" if self.takes == "torch" else ""
        found = called(self.enhancer, self.handed(given), "enhancer", self.own_rate, hint)
        return self.accepted(found, given)

    def accepted(self, found: Any, given: Tensor) -> Tensor:
        """`found` as float32 waves of the shape and on the device of what was `given`, cut or padded at the end.

        Raises:
            SefrontError: It is nothing that could be taken for the enhanced waves.
        """
        fault = self.fault(found, tuple(given.shape))
        if not fault:
            waves = torch.from_numpy(np.array(found, np.float32)) if self.takes == "numpy" else cast(Tensor, found)
            if waves.isfinite().all():
                return F.pad(waves.to(given), (0, given.shape[-1] - waves.shape[-1]))
            fault = "returned values that are not finite (NaN or infinity)"
        known = told(self.enhancer, fault, self.handed(given), "enhancer", self.own_rate)
        raise SefrontError(f"{known} and returns real waves of that shape, up to {SLACK:g} s longer or shorter")

    def handed(self, given: Tensor) -> Given:
        """`given` as the enhancer takes it."""
        return given if self.takes == "torch" else given.numpy()

    def fault(self, found: Any, shape: tuple[int, ...]) -> str:
        """What is wrong with `found` in place of waves of `shape`, or nothing."""
        if not isinstance(found, Tensor if self.takes == "torch" else np.ndarray):
            other = {np.ndarray: " (takes='numpy' would suit it)", Tensor: " (takes='torch' would suit it)"}
            return f"returned a {type(found).__name__}" + other.get(type(found), "")
        if not (found.is_floating_point() if isinstance(found, Tensor) else found.dtype.kind == "f"):
            return f"returned values of type {found.dtype}"
        like = len(found.shape) == len(shape) and found.shape[:-1] == shape[:-1]
        if not like or abs(found.shape[-1] - shape[-1]) > SLACK * self.own_rate:
            return f"returned the shape {tuple(found.shape)}"
        return ""

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The chosen loss per sample, (batch,)."""
        return WAVE_LOSSES[self.loss_name](enhanced.waves, batch)
