"""What frontends and backends promise alike: they are torch modules, deterministic, saved whole, and they learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sefront.core.checkpoint import put_weights, weights_of
from sefront.core.errors import SefrontError
from sefront.core.modes import trainable
from sefront.core.parameters import parameters
from sefront.core.recipe import Recipe
from sefront.core.types import Batch
from sefront.core.update import Update
from sefront.testing.material import only
from sefront.testing.verdict import ConformanceError, require

CLOSE = 1e-4  # what padding and batch mates may change, beside rounding
STEPS = 10

Behaviour = Callable[[nn.Module], Tensor]


def close(a: Tensor, b: Tensor) -> bool:
    """Whether two results are the same but for rounding."""
    return a.shape == b.shape and torch.allclose(a, b, rtol=CLOSE, atol=CLOSE)


def apart(a: Tensor, b: Tensor) -> str:
    """How far two results are from each other."""
    return f"{float((a - b).abs().max()):.2g}" if a.shape == b.shape else f"{tuple(a.shape)} against {tuple(b.shape)}"


def check_module(module: object, component: type, protocol: type) -> None:
    """It is a torch module with its family's methods."""
    require(isinstance(module, nn.Module), component, "is no torch.nn.Module, so it can neither be moved nor saved")
    require(isinstance(module, protocol), component, f"lacks methods of {protocol.__name__}: forward and loss")
    strangers = [name for name in getattr(module, "adjustable", ()) if name not in parameters(component)]
    require(not strangers, component, f"says that '{[*strangers, ''][0]}' is adjustable, which is none of its options")


def check_determinism(module: nn.Module, component: type, behaviour: Behaviour) -> None:
    """In eval mode the same waves give the same result, whatever the generators say."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        first = behaviour(module)
        torch.manual_seed(2)
        second = behaviour(module)
    require(torch.equal(first, second), component, "gives two results for the same waves in eval mode")


def check_state(module: nn.Module, fresh: nn.Module, component: type, behaviour: Behaviour) -> None:
    """What `module` has become is wholly in its ``state_dict``: `fresh` takes it up and does the same."""
    try:
        put_weights(fresh, weights_of(module), "its own state_dict")
    except SefrontError as error:
        raise ConformanceError(f"{component.__name__}: {error}") from error
    require(
        torch.equal(behaviour(module), behaviour(fresh)), component,
        "behaves differently after its state_dict was loaded into a new instance; register what it keeps as parameters "
        "or buffers",
    )  # fmt: skip


def check_statistics(module: nn.Module, single: nn.Module, component: type, batch: Batch) -> None:
    """What it gathers before training moves no weight, and does not depend on how clips are put into batches.

    Args:
        module: Shown the whole batch.
        single: An instance like it, shown one clip after the other.
        component: Their class.
        batch: The clips.
    """
    if not hasattr(module, "fit"):
        return
    weights = [p.detach().clone() for p in module.parameters()]
    gathering: Any = (module, single)
    with torch.no_grad():
        gathering[0].fit(batch.noisy, batch.lengths)
        for row in range(len(batch.ids)):
            clip = only(batch, row)
            gathering[1].fit(clip.noisy, clip.lengths)
    kept = all(torch.equal(a, b) for a, b in zip(weights, module.parameters(), strict=True))
    require(kept, component, "moves weights in `fit`; that is for statistics in buffers")
    whole, apart_from_others = weights_of(module), weights_of(single)
    differing = [name for name, value in whole.items() if not close(value.double(), apart_from_others[name].double())]
    require(
        not differing, component,
        f"gathers another '{[*differing, ''][0]}' in `fit` from clips one by one than from a padded batch; count valid "
        "samples, and all clips so far",
    )  # fmt: skip


def check_losses(losses: Tensor, component: type, count: int) -> None:
    """A loss is per sample and finite."""
    require(
        losses.shape == (count,), component,
        f"its loss has the shape {tuple(losses.shape)} for {count} clips; it is per sample, (batch,), without any mean",
    )  # fmt: skip
    require(bool(losses.isfinite().all()), component, f"its loss is not finite: {losses.tolist()}")


def gradient(values: Tensor, waves: Tensor) -> Tensor:
    """The gradient of the sum of `values` on `waves`; zeros where there is none."""
    if not values.requires_grad:
        return torch.zeros_like(waves)
    return torch.autograd.grad(values.sum(), waves, allow_unused=True, materialize_grads=True)[0]


def check_gradient(arrived: Tensor, component: type, what: str) -> None:
    """A gradient `arrived` at the waves."""
    require(
        bool(arrived.any()), component,
        f"no gradient of its {what} reaches the waves; if that is meant, say `differentiable = False`",
    )  # fmt: skip
    require(bool(arrived.isfinite().all()), component, f"the gradient of its {what} is not finite")


def check_learning(module: nn.Module, component: type, part: str, losses: Callable[[], Tensor]) -> None:
    """Ten steps on one batch lower the loss, with its own recipe."""
    if not trainable(module):
        return
    update = Update({part: module}, {part: Recipe.of(module, {}, part)})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        curve = [float(update(losses(), part)) for _ in range(STEPS + 1)]
    require(
        min(curve[-3:]) < curve[0], component,
        f"{STEPS} steps on one batch leave the loss at {curve[-1]:.4g}, from {curve[0]:.4g}; is its loss connected to "
        "its parameters, and does its recipe's learning rate suit it?",
    )  # fmt: skip
