"""Observation adding: a share of the noisy input goes back into what a frontend makes of it.

    x' = (1 - m) x_hat + m y,   0 <= m <= 1

Artefacts hurt recognisers more than the noise that is left, and the input has none. m is fixed, or follows what was
heard of the clip (`sefront.core.gate`). Source: Iwamoto et al. 2022, doi:10.21437/Interspeech.2022-318, where the
scaled input is added to the whole of x_hat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from sefront.core.chain import differentiable, enhance, least_loss
from sefront.core.checkpoint import Weights
from sefront.core.errors import SefrontError
from sefront.core.gate import Gate, Shares
from sefront.core.losses import LEAST, wsdr
from sefront.core.masking import masked
from sefront.core.modes import trainable
from sefront.core.parameters import Parameter, build, filled, parameters
from sefront.core.protocols import Frontend
from sefront.core.recipe import Recipe
from sefront.core.signal import full_precision
from sefront.core.streaming import Stream, Streaming, latency
from sefront.core.types import Batch, Enhanced

GATE_LR = 2e-3  # two numbers of size 0.1, which have a few hundred steps to get there
UNMIXED, GATE = "unmixed.", "mix_gate."  # what the weights of a `Mixed` are called
MIX = Parameter(
    "mix", float | Literal["learnt"] | None, None,
    "Share of the noisy input that is added back, from 0 to 1; learnt follows the estimated SNR of the clip.",
)  # fmt: skip
"""The option that every frontend has beside its own."""


class Mixed(nn.Module):
    """A frontend that lets a share of the noisy input through.

    What else the frontend says of itself, such as `pads`, `recipe` or `fit`, holds for this one too. The frontend's
    own loss sees the estimate without the share, or training would undo it. A fixed share has nothing to learn; the
    gate of a learnt one learns from the wSDR of what comes out, which leaves the frontend as it is, and in mode mtl
    from the task too. A frontend that has nothing to train leaves the gate as the only learner; all gradients that it
    needs pass, so the whole is differentiable.

    Args:
        frontend: The frontend.
        mix: The share, from 0 to 1; or learnt.
    """

    def __init__(self, frontend: Frontend, *, mix: float | Literal["learnt"]) -> None:
        super().__init__()
        if mix != "learnt" and not (isinstance(mix, int | float) and 0 <= mix <= 1):
            raise ValueError(f"mix is {mix}; a share between 0 and 1, or 'learnt'")
        self.unmixed, self.mix = frontend, mix
        self.mix_gate = Gate() if mix == "learnt" else None
        self.latency = latency(frontend)
        self.differentiable = differentiable(frontend)
        self.least_loss = least_loss(frontend) + (0.0 if self.mix_gate is None else LEAST["wsdr"])
        if self.mix_gate is not None and not trainable(frontend):
            self.differentiable = True
            self.recipe = getattr(frontend, "recipe", None) or Recipe(lr=GATE_LR)

    def __getattr__(self, name: str) -> Any:
        """Whatever else the frontend says of itself."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "unmixed":
                raise
            return getattr(self.unmixed, name)

    def forward(self, waves: Tensor, lengths: Tensor) -> Enhanced:
        """Enhance `waves` (batch, time), of which `lengths` (batch,) samples are valid.

        ``extras`` are the frontend's own and "unmixed", its waves, and "mix", the share of every sample, (batch, time).
        """
        enhanced = enhance(self.unmixed, waves, lengths)
        mixed, shares = self.added(enhanced.waves, masked(waves, lengths))
        return Enhanced(mixed, {**enhanced.extras, "unmixed": enhanced.waves, "mix": shares})

    def added(self, estimate: Tensor, noisy: Tensor) -> tuple[Tensor, Tensor]:
        """`estimate` with its share of `noisy`, and the share of every sample, all (batch, time)."""
        with full_precision(noisy):
            estimate, noisy = estimate.float(), noisy.float()
            shares = self.shares()(estimate, noisy)
            return torch.lerp(estimate, noisy, shares), shares

    def shares(self) -> Callable[[Tensor, Tensor], Tensor]:
        """What says the shares of a recording: from the next of its estimate and input to those of every sample."""
        if self.mix_gate is not None:
            return Shares(self.mix_gate)
        return lambda estimate, noisy: estimate.new_tensor(self.mix).expand_as(estimate)

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The frontend's own loss of its estimate, (batch,), and the wSDR that teaches the gate, and it alone."""
        estimate = enhanced.extras["unmixed"]
        own = self.unmixed.loss(replace(enhanced, waves=estimate), batch)
        if self.mix_gate is None:
            return own
        mixed, _ = self.added(estimate.detach(), masked(batch.noisy, batch.lengths))
        return own + wsdr(mixed, batch)

    def stream(self) -> Stream:
        """A stream at the beginning of a recording, where the frontend has one."""
        return self.around(cast(Streaming, self.unmixed).stream())

    def around(self, stream: Stream) -> Stream:
        """`stream`, which makes what the frontend itself would, with the share of its input added back."""
        return MixedStream(stream, self.shares())


class MixedStream:
    """A stream and its input, aligned and mixed.

    Args:
        inner: The stream.
        shares: What says the shares.
    """

    def __init__(self, inner: Stream, shares: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.inner, self.shares = inner, shares
        self.heard: Tensor | None = None  # what has come in and not yet out

    def push(self, waves: Tensor) -> Tensor:
        """Take the next `waves` (batch, time); returns what is finished by now, (batch, time)."""
        self.heard = waves if self.heard is None else torch.cat([self.heard, waves], 1)
        return self._mixed(self.inner.push(waves))

    def finish(self) -> Tensor:
        """The rest, (batch, time)."""
        return self._mixed(self.inner.finish())

    def _mixed(self, estimate: Tensor) -> Tensor:
        """The next `estimate` (batch, time) with its share of what was heard."""
        size = estimate.shape[1]
        if self.heard is None or not size:
            return estimate
        noisy, self.heard = self.heard[:, :size], self.heard[:, size:]
        return torch.lerp(estimate, noisy, self.shares(estimate, noisy))


def options_of(family: str, component: type) -> dict[str, Parameter]:
    """The options of a component of `family`: its own, and `mix` for every frontend."""
    table = parameters(component)
    return {**table, "mix": table.get("mix", MIX)} if family == "frontend" else table


def frontend_of(component: type, sample_rate: int, options: Mapping[str, Any], owner: str) -> Frontend:
    """A frontend from its class and options, mixed where `mix` says so; a component's own `mix` is left to it.

    Raises:
        SefrontError: An unknown option, or a value of the wrong type or out of range.
    """
    own, mix = parameters(component), filled(options_of("frontend", component), options, owner)["mix"]
    given = {name: value for name, value in options.items() if name in own}
    frontend: Frontend = build(component, sample_rate, options=given, owner=owner)
    return frontend if mix is None or "mix" in own else build(Mixed, frontend, options={"mix": mix}, owner=owner)


def lacks_gate(weights: Mapping[str, Tensor], module: nn.Module) -> bool:
    """Whether `module` has a gate of which `weights` know nothing."""
    gated = isinstance(module, Mixed) and module.mix_gate is not None
    return gated and not any(name.startswith(GATE) for name in weights)


def fitting(weights: Mapping[str, Tensor], module: nn.Module) -> Weights:
    """`weights` of `module`, or of the same frontend with another `mix`, by the names that `module` has for them.

    A gate that `weights` know nothing of is left as it is; one that `module` lacks is left out.
    """
    mixed = all(name.startswith((UNMIXED, GATE)) for name in weights)
    inner = {n.removeprefix(UNMIXED): w for n, w in weights.items() if not (mixed and n.startswith(GATE))}
    if not isinstance(module, Mixed):
        return inner if mixed else dict(weights)
    gate = {name: weights.get(name, own) for name, own in module.state_dict().items() if name.startswith(GATE)}
    return {**{f"{UNMIXED}{name}": weight for name, weight in inner.items()}, **gate}


def opened(weights: Mapping[str, Tensor], module: nn.Module, run: Path) -> Weights:
    """`weights` that `run` has for `module`, by the names that `module` has for them.

    Raises:
        SefrontError: The module wants a learnt share, and the run has learnt none.
    """
    if lacks_gate(weights, module):
        raise SefrontError(
            f"{run}: has no learnt share, which only training gives: sefront couple --from "
            f"{quote(str(run / 'experiment.toml'))} -o frontend.mix=learnt --init-frontend {quote(str(run))}; "
            "or open it with a fixed one, such as frontend.mix=0.2"
        )
    return fitting(weights, module)
