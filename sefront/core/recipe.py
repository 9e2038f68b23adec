"""How a component likes to be trained, and the learning-rate schedules of the papers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from torch import nn

from sefront.core.chain import part_of, root_of
from sefront.core.errors import BadOptionError
from sefront.core.parameters import resolved

Schedule = Literal["constant", "step", "stages", "plateau", "cosine"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Optimiser settings: a component's attribute `recipe` holds its paper's, ``-o optimiser.PART.NAME=`` changes them.

    Args:
        algorithm: Optimiser.
        lr: Learning rate.
        weight_decay: L2 penalty.
        momentum: Momentum, for sgd only.
        batch_size: Clips a step.
        schedule: constant; step (times `factor` once, after `step` epochs); stages (times `factor` every `step`
            epochs); plateau (times `factor` after `step` epochs without a better score); cosine (to zero).
        step: Epochs that `step`, `stages` and `plateau` wait.
        factor: What they multiply the learning rate by, between 0 and 1.
        clip: Largest gradient norm; none for no clipping.
    """

    algorithm: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = 1e-3
    weight_decay: float = 0.0
    momentum: float = 0.0
    batch_size: int = 16
    schedule: Schedule = "constant"
    step: int = 20
    factor: float = 0.1
    clip: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            BadOptionError: A number out of its range.
        """
        for name, low in (("lr", 0.0), ("weight_decay", 0.0), ("momentum", 0.0), ("batch_size", 1), ("step", 1)):
            if not low <= getattr(self, name) < math.inf:
                raise BadOptionError(f"optimiser: {name} must be at least {low}, but is {getattr(self, name)}")
        if not 0 < self.factor < 1:
            raise BadOptionError(f"optimiser: factor must be above 0 and below 1, but is {self.factor}")
        if self.clip is not None and not self.clip > 0:
            raise BadOptionError(f"optimiser: clip must be above 0, or none, but is {self.clip}")

    @classmethod
    def of(cls, component: object, options: Mapping[str, Any], part: str) -> Recipe:
        """The recipe of `component` with `options` in place of its own settings."""
        own = getattr(component, "recipe", None) or cls()
        settings = dict(own) if isinstance(own, Mapping) else asdict(own)
        return cls(**resolved(cls, {**settings, **options}, f"optimiser.{part}"))

    def factor_at(self, epoch: int, epochs: int) -> float:
        """What the learning rate of `epoch` (from 0) of `epochs` is multiplied by; one for plateau."""
        if self.schedule == "step":
            return self.factor if epoch >= self.step else 1.0
        if self.schedule == "stages":
            return float(self.factor ** (epoch // self.step))
        if self.schedule == "cosine":
            return 0.5 * (1.0 + math.cos(math.pi * epoch / max(1, epochs)))
        return 1.0


def recipe_of(parts: Mapping[str, nn.Module], learner: str, settings: Mapping[str, Mapping[str, Any]]) -> Recipe:
    """The recipe of a part, or of a branch of one such as "backend.acln".

    Args:
        parts: All parts by name.
        learner: Who learns.
        settings: What was asked for by part, in place of a recipe's own. A branch takes what it shares with the others,
            such as ``lr``, and what is its own, such as ``acln.lr``.
    """
    root, branch = root_of(learner), learner.partition(".")[2]
    options: Mapping[str, Any] = settings.get(root, {})
    if branch:
        known: Any = getattr(parts[root], "branches", {})
        shared = {name: value for name, value in options.items() if name.partition(".")[0] not in known}
        own = {n.removeprefix(f"{branch}."): v for n, v in options.items() if n.startswith(f"{branch}.")}
        options = {**shared, **own}
    return Recipe.of(part_of(parts, learner), options, learner)
