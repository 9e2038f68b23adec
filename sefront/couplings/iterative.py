"""Iterative optimisation with sample importance: the recogniser's difficulty steers the enhancer.

For each batch of mixtures y with clean parts x and targets t:

    1. the backend g learns from the enhanced waves:  phi <- step on mean_i l_CA(g(sg[f(y_i)]), t_i)
    2. the updated backend says how hard each sample is:  c_i = l_CA(g(sg[f(y_i)]), t_i),  w = weights(c),  sum w = 1
    3. the frontend f learns, hard samples first:  theta <- step on sum_i sg[w_i] l_AE(x_i, f(y_i))

No gradient passes between the parts: the frontend feels the task through the weights alone. Source: Milling et al.
2024, doi:10.1007/s11390-024-2934-x, equations 2 and 3; there the weights are linear and divided by their sum. The
factor 1/N that equation 3 adds on top would only scale the learning rate, and is left out unless it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from sefront.core.chain import enhance, predict
from sefront.core.conflict import conflict
from sefront.core.importance import Importance, Normalise
from sefront.core.modes import judging, learning
from sefront.core.phases import judged, learn_backend, learn_frontend, needs_learner
from sefront.core.protocols import Backend, Frontend
from sefront.core.types import Batch, Enhanced, Phase
from sefront.core.update import Update
from sefront.core.weighting import Weighting, Weights, weighting

ALONE = "-o coupling.normalise=running or -o coupling.group=8, since a clip alone would always weigh 1"


class Iterative:
    """Backend and frontend take turns on every batch; the task loss of a sample is its weight for the frontend.

    Args:
        weights: linear (the paper's), softmax, rank, power, clipped, or uniform, which is plain alternate training. Two
            controls have the distribution of linear weights: shuffled without their meaning, inverse with the opposite.
        temperature: Divides the task losses before the softmax.
        alpha: Exponent of power: 0 is uniform, 1 linear, more dwells on the hardest.
        w_max: The largest weight that clipped leaves to a sample.
        normalise: sum lets the weights of a batch sum to one; literal_eq3 divides by its size as well; running compares
            with the task losses of the last 64 samples too, which makes sense of batches of one.
        group: Batches that are weighed together, for one step of the frontend.
        warmup: Epochs over which weights go from uniform to full.
        backend_steps: Steps of the backend for each turn of the frontend.
        frontend_steps: Steps of the frontend in its turn.
        alternate: within lets both learn from every batch; batch gives each step a batch of its own.
        stale: Weigh by the losses of the backend's own step, before it and with its dropout, and save a judging pass.
        share_forward: One forward pass of the frontend in train mode serves both steps, instead of one in eval mode for
            the backend and another for the frontend: faster, and the same where the frontend has neither BatchNorm nor
            dropout.
        init: warm trains both parts apart first; scratch does not.
    """

    def __init__(
        self,
        *,
        weights: Weights = "linear",
        temperature: float = 1.0,
        alpha: float = 2.0,
        w_max: float = 0.25,
        normalise: Normalise = "sum",
        group: int = 1,
        warmup: int = 0,
        backend_steps: int = 1,
        frontend_steps: int = 1,
        alternate: Literal["within", "batch"] = "within",
        stale: bool = False,
        share_forward: bool = False,
        init: Literal["warm", "scratch"] = "warm",
    ) -> None:
        for name, count in (
            ("group", group), ("backend_steps", backend_steps), ("frontend_steps", frontend_steps),
        ):  # fmt: skip
            if count < 1:
                raise ValueError(f"{name} must be at least 1, but is {count}")
        apart = "group above 1" if group > 1 else "alternate 'batch'" if alternate == "batch" else ""
        if share_forward and apart:
            raise ValueError(f"share_forward needs both steps on one batch, one after the other; not with {apart}")
        if alternate == "batch" and (stale or group > 1):
            other = "stale" if stale else "group above 1"
            raise ValueError(f"alternate 'batch' gives the backend other batches than the frontend; not with {other}")
        self.weights: Weighting = weighting(weights, temperature=temperature, alpha=alpha, w_max=w_max)
        self.importance = Importance(normalise, warmup)
        self.group, self.backend_steps, self.frontend_steps = group, backend_steps, frontend_steps
        self.alternate, self.stale, self.share_forward, self.init = alternate, stale, share_forward, init
        self.smallest_batch = 1 if weights == "uniform" or normalise == "running" or group > 1 else 2
        self.turn = 0  # of the batches, where each has one learner

    def phases(self, frontend: Frontend, backend: Backend) -> Sequence[Phase]:
        """Warm start, then one phase in which both take turns."""
        needs_learner("iterative", frontend)
        turns = Turns(self, frontend, backend)
        warm = [learn_frontend(frontend), learn_backend(backend, "clean")] if self.init == "warm" else []
        judges = "has stale weights, the losses of the backend's own step" if self.stale else ""
        joint = Phase(
            "joint", ("frontend", "backend"), "enhanced", turns.step,
            smallest_batch=self.smallest_batch, instead=ALONE, close=turns.close, probe=conflict(frontend, backend),
            single=judges,
        )  # fmt: skip
        return [*warm, joint]

    def state_dict(self) -> dict[str, Any]:
        """The losses that weights are compared with, and whose turn it is."""
        return {"turn": self.turn, **self.importance.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved `state`."""
        self.turn = int(state["turn"])
        self.importance.load_state_dict({"remembered": state["remembered"]})


Judged = dict[str, Tensor]


@dataclass
class Heard:
    """A batch that waits for the frontend's step, with what the backend's step knew of it.

    Args:
        batch: The clips.
        enhanced: The pass that both steps share, with its graph.
        waves: What the frontend makes of the mixtures in eval mode, (batch, time).
        judged: The task losses that the backend learnt from, and what it answered, (batch,) each.
    """

    batch: Batch
    enhanced: Enhanced | None = None
    waves: Tensor | None = None
    judged: Judged | None = None


@dataclass
class Turns:
    """The joint phase: who learns from a batch, and the batches that wait for the frontend's step.

    Args:
        options: The coupling.
        frontend: The enhancer.
        backend: The recogniser.
    """

    options: Iterative
    frontend: Frontend
    backend: Backend

    def __post_init__(self) -> None:
        """Nothing waits."""
        self.waiting: list[Heard] = []

    def step(self, batch: Batch, update: Update) -> Mapping[str, Tensor]:
        """One batch of the algorithm above; a clip left alone in its batch weighs 1, which is the plain loss."""
        options, heard = self.options, Heard(batch)
        if options.alternate == "batch":
            place = options.turn % (options.backend_steps + options.frontend_steps)
            options.turn += 1
            if place < options.backend_steps:
                return {"loss_backend": self.teach(heard, update)}
            return self.enhancers_step([heard], update)
        for _ in range(options.backend_steps):
            loss = self.teach(heard, update)
        self.waiting.append(heard)
        full = len(self.waiting) == options.group
        return {"loss_backend": loss, **(self.close(update) if full else {})}

    def close(self, update: Update) -> Mapping[str, Tensor]:
        """The frontend's turn on the batches that wait: a full group, or what the end of an epoch has cut off."""
        logged: Mapping[str, Tensor] = {}
        if self.waiting:
            group, self.waiting = self.waiting, []
            for _ in range(self.options.frontend_steps):
                logged = self.enhancers_step(group, update)
        return logged

    def teach(self, heard: Heard, update: Update) -> Tensor:
        """The backend learns from what the frontend makes of the mixtures, the frontend looking on."""
        batch = heard.batch
        if heard.enhanced is None and self.options.share_forward:
            heard.enhanced = self.enhanced(batch)
            heard.waves = heard.enhanced.waves.detach()
        waves = self.waves(heard)
        with learning(self.backend):
            prediction = predict(self.backend, waves, batch.lengths)
            losses = self.backend.loss(prediction, batch)
        if self.options.stale:
            heard.judged = judged(losses, prediction)
        return update(losses, "backend")

    def enhancers_step(self, group: Sequence[Heard], update: Update) -> Mapping[str, Tensor]:
        """The backend judges every sample of the group; then the frontend learns by its own loss, weighted."""
        if self.options.group == 1 and group[0].enhanced is None:
            group[0].enhanced = self.enhanced(group[0].batch)
        facts = [self.judged(heard) for heard in group]
        difficulty = [known["task_loss"] for known in facts]
        weights, logged = self.options.importance.weigh(difficulty, self.options.weights, update)
        own, weighted = [], []
        for heard, weight in zip(group, weights, strict=True):
            enhanced = heard.enhanced or self.enhanced(heard.batch)
            with learning(self.frontend):
                losses = self.frontend.loss(enhanced, heard.batch)
            weighted.append(update(losses, "frontend", weights=weight, more=heard is not group[-1]))
            own.append(losses.detach())
            heard.enhanced, heard.waves = None, None  # of the frontend as it was
        return {
            "loss_frontend": update.average(torch.cat(own)),
            "loss_weighted": torch.stack(weighted).sum(),
            "weight": torch.cat(weights),
            **{name: torch.cat([known[name] for known in facts]) for name in facts[0]},
            **logged,
        }

    def judged(self, heard: Heard) -> Judged:
        """What the backend says of the waves that the frontend's step is about to improve.

        A group is judged on waves in eval mode: those of train mode would have to be kept with their graphs.
        """
        if heard.judged is not None:
            return heard.judged
        waves = self.waves(heard) if heard.enhanced is None else heard.enhanced.waves.detach()
        with judging(self.backend):
            prediction = predict(self.backend, waves, heard.batch.lengths)
            return judged(self.backend.loss(prediction, heard.batch), prediction)

    def waves(self, heard: Heard) -> Tensor:
        """What the frontend makes of the mixtures for somebody else, (batch, time)."""
        if heard.waves is None:
            with judging(self.frontend):
                heard.waves = enhance(self.frontend, heard.batch.noisy, heard.batch.lengths).waves
        return heard.waves

    def enhanced(self, batch: Batch) -> Enhanced:
        """What the frontend makes of the mixtures to learn from."""
        with learning(self.frontend):
            return enhance(self.frontend, batch.noisy, batch.lengths)
