"""The only place that knows optimisers, schedules, clipping, precision and processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sefront.core.errors import SefrontError
from sefront.core.modes import trainable
from sefront.core.precision import autocast
from sefront.core.processes import Processes
from sefront.core.recipe import Recipe

ALGORITHMS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


class Learner:
    """One part with its optimiser and schedule."""

    def __init__(self, module: nn.Module, recipe: Recipe, epochs: int) -> None:
        self.parameters = trainable(module)
        self.recipe, self.epochs = recipe, epochs
        settings: dict[str, Any] = {"lr": recipe.lr, "weight_decay": recipe.weight_decay, "fused": True}
        if recipe.algorithm == "sgd":
            settings["momentum"] = recipe.momentum
        self.optimiser: torch.optim.Optimizer = ALGORITHMS[recipe.algorithm](self.parameters, **settings)
        self.plateau: torch.optim.lr_scheduler.ReduceLROnPlateau | None = None
        if recipe.schedule == "plateau":
            self.plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
                self.optimiser, mode="max", factor=recipe.factor, patience=recipe.step - 1
            )

    @property
    def lr(self) -> float:
        """The learning rate in force."""
        return float(self.optimiser.param_groups[0]["lr"])

    def begin(self, epoch: int) -> None:
        """Set the learning rate of `epoch`."""
        if self.recipe.schedule != "plateau":
            for group in self.optimiser.param_groups:
                group["lr"] = self.recipe.lr * self.recipe.factor_at(epoch, self.epochs)

    def end(self, score: float) -> None:
        """Tell the schedule how good the epoch was, higher being better."""
        if self.plateau is not None:
            self.plateau.step(score)

    def state(self) -> dict[str, Any]:
        """Everything that a resumed run needs; holds nothing but tensors, numbers, lists and dicts."""
        known = self.plateau.state_dict() if self.plateau is not None else {}
        plateau = {name: value for name, value in known.items() if isinstance(value, int | float | list)}
        return {"optimiser": self.optimiser.state_dict(), "plateau": plateau}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up a saved `state`."""
        self.optimiser.load_state_dict(state["optimiser"])
        if self.plateau is not None:
            self.plateau.load_state_dict(dict(state["plateau"]))


class Update:
    """Moves learners along the gradient of their losses.

    Args:
        modules: The learners of a phase by name.
        recipes: A recipe for each.
        epochs: Epochs the phase may last, for schedules that need to know.
        bf16: Whether models run under bfloat16 autocast.
        processes: Who trains together.
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        recipes: Mapping[str, Recipe],
        *,
        epochs: int = 1,
        bf16: bool = False,
        processes: Processes | None = None,
    ) -> None:
        self.learners = {name: Learner(module, recipes[name], epochs) for name, module in modules.items()}
        self.bf16, self.processes = bf16, processes or Processes()
        self.norms: dict[str, list[Tensor]] = {name: [] for name in modules}

    def __call__(self, losses: Tensor, *learners: str, weights: Tensor | None = None) -> Tensor:
        """One step of `learners` on the mean of `losses` (batch,), or on their sum times `weights` (batch,).

        Only the named learners receive gradients, and none is left afterwards.

        Returns:
            The loss that was minimised, detached.
        """
        if losses.dim() != 1:
            raise SefrontError(f"a loss is per sample, (batch,), but has the shape {tuple(losses.shape)}")
        parameters = [p for name in learners for p in self.learners[name].parameters]
        with torch.autocast(losses.device.type, enabled=False):
            total = self.mean(losses) if weights is None else (weights * losses).sum()
            torch.autograd.backward(total, inputs=parameters)
            self.processes.sum_gradients(parameters)
            for name in learners:
                self._move(name)
        return self.total(total.detach())

    def mean(self, losses: Tensor) -> Tensor:
        """This process' share of the mean over the global batch."""
        if self.processes.world == 1:
            return losses.mean()
        return losses.sum() / self.total(torch.tensor(float(len(losses)), device=losses.device))

    def total(self, value: Tensor) -> Tensor:
        """`value` summed over all processes: what normalises sample weights."""
        return self.processes.total(value)

    def largest(self, value: Tensor) -> Tensor:
        """The largest `value` of all processes."""
        return self.processes.largest(value)

    def _move(self, name: str) -> None:
        learner = self.learners[name]
        if learner.recipe.clip is not None:
            norm = nn.utils.clip_grad_norm_(learner.parameters, learner.recipe.clip)
        else:
            norm = nn.utils.get_total_norm([p.grad for p in learner.parameters if p.grad is not None])
        self.norms[name].append(norm)
        learner.optimiser.step()
        learner.optimiser.zero_grad(set_to_none=True)

    @contextmanager
    def precision(self, device: torch.device) -> Iterator[None]:
        """The block in which a step runs."""
        with autocast(self.bf16, device):
            yield

    def begin(self, epoch: int) -> None:
        """Start `epoch` (from 0)."""
        for name, learner in self.learners.items():
            learner.begin(epoch)
            self.norms[name].clear()

    def end(self, score: float) -> None:
        """End an epoch that scored `score` on development data, higher being better."""
        for learner in self.learners.values():
            learner.end(score)

    def log(self) -> dict[str, float]:
        """Learning rate and mean gradient norm of every learner in this epoch."""
        rates = {f"lr_{name}": learner.lr for name, learner in self.learners.items()}
        return rates | {f"norm_{n}": float(torch.stack(v).mean()) for n, v in self.norms.items() if v}

    def state(self) -> dict[str, Any]:
        """Optimiser and schedule states by learner."""
        return {name: learner.state() for name, learner in self.learners.items()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up a saved `state`."""
        for name, learner in self.learners.items():
            learner.load(state[name])
