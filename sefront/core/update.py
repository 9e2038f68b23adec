"""The only place that knows optimisers, schedules, clipping, precision and processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from sefront.core.balance import Factors, products
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

    def go_on(self, state: Mapping[str, Any]) -> None:
        """Take up the moments of a saved `state` under settings of its own; nothing from another algorithm."""
        own, theirs = self.optimiser.state_dict(), state["optimiser"]
        if own["param_groups"][0].keys() == theirs["param_groups"][0].keys():
            self.optimiser.load_state_dict({**own, "state": deepcopy(theirs["state"])})


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
        self.epoch = 0
        self.norms: dict[str, list[Tensor]] = {name: [] for name in modules}

    def __call__(self, losses: Tensor, *learners: str, weights: Tensor | None = None, more: bool = False) -> Tensor:
        """One step of `learners` on the mean of `losses` (batch,), or on their sum times `weights` (batch,).

        Only the named learners receive gradients, and none is left afterwards. With `more`, further losses of the same
        step follow: gradients are kept, and nobody moves yet.

        Returns:
            The loss that was minimised, detached.
        """
        check_per_sample(losses)
        parameters = [p for name in learners for p in self.learners[name].parameters]
        with torch.autocast(losses.device.type, enabled=False):
            total = self.mean(losses) if weights is None else (weights * losses).sum()
            torch.autograd.backward(total, inputs=parameters)
            if not more:
                self.processes.sum_gradients(parameters)
                for name in learners:
                    self._move(name)
        return self.total(total.detach())

    def balanced(
        self, enhancement: Tensor, task: Tensor, *learners: str, shared: str, factors: Factors
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One step of the learner `shared` on the means of two losses (batch,), and of `learners` on that of `task`.

        The gradients of both on `shared`, summed over all processes, are multiplied by what `factors` says of their
        products, and added. They take two passes back through `shared` instead of one.

        Returns:
            The sum of both losses, and both factors, detached.
        """
        check_per_sample(enhancement, task)
        common = self.learners[shared].parameters
        others = [p for name in learners for p in self.learners[name].parameters]
        with torch.autocast(task.device.type, enabled=False):
            first, second = self.mean(enhancement), self.mean(task)
            torch.autograd.backward(first, inputs=common, retain_graph=True)
            self.processes.sum_gradients(common)
            one = taken(common)
            torch.autograd.backward(second, inputs=[*common, *others])
            self.processes.sum_gradients([*common, *others])
            other = taken(common)
            weights = factors(*products(one, other))
            for parameter, a, b in zip(common, one, other, strict=True):
                parameter.grad = (weights[0] * a + weights[1] * b).to(a.dtype)
            for name in (shared, *learners):
                self._move(name)
        return self.total(first.detach() + second.detach()), weights

    def mean(self, losses: Tensor) -> Tensor:
        """This process' share of the mean over the global batch."""
        if self.processes.world == 1:
            return losses.mean()
        return losses.sum() / self.total(torch.tensor(float(len(losses)), device=losses.device))

    def average(self, values: Tensor) -> Tensor:
        """The mean of `values` (batch,) over the global batch, detached: what a step logs."""
        return self.total(self.mean(values.detach().float()))

    def total(self, value: Tensor) -> Tensor:
        """`value` summed over all processes."""
        return self.processes.total(value)

    def gathered(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """The `values` (batch,) of all processes in the order of the global batch, and where those of this one are."""
        return self.processes.gathered(values)

    def same(self, value: float) -> float:
        """The first process' `value`, on all of them: how random numbers agree."""
        return self.processes.same(value)

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
        self.epoch = epoch
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


def check_per_sample(*losses: Tensor) -> None:
    """Refuse losses that are not (batch,).

    Raises:
        SefrontError: Saying which shape one has.
    """
    for loss in losses:
        if loss.dim() != 1:
            raise SefrontError(f"a loss is per sample, (batch,), but has the shape {tuple(loss.shape)}")


def taken(parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    """The gradients of `parameters`, which keep none; zeros where there is none."""
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    for parameter in parameters:
        parameter.grad = None
    return gradients
