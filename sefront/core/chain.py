"""Calling components by what they are, and reading their optional attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from torch import Tensor, nn

from sefront.core.protocols import Backend, Frontend
from sefront.core.types import Enhanced, Prediction


def enhance(frontend: Frontend, waves: Tensor, lengths: Tensor) -> Enhanced:
    """Call a frontend as torch calls modules, hooks included."""
    return cast(Enhanced, cast(Any, frontend)(waves, lengths))


def predict(backend: Backend, waves: Tensor, lengths: Tensor) -> Prediction:
    """Call a backend as torch calls modules, hooks included."""
    return cast(Prediction, cast(Any, backend)(waves, lengths))


def root_of(name: str) -> str:
    """The part that a learner belongs to: the backend of ``backend.acln``."""
    return name.partition(".")[0]


def part_of(parts: Mapping[str, nn.Module], name: str) -> nn.Module | None:
    """A part by name, or a branch of one: "frontend", "backend", "backend.acln"; None where there is none."""
    root, _, branch = name.partition(".")
    part: Any = parts.get(root)
    if not branch or part is None:
        return cast(nn.Module | None, part)
    return cast(nn.Module, part.branches[branch])


def involved(parts: Mapping[str, nn.Module], learners: Sequence[str]) -> list[nn.Module]:
    """All `parts`, but of those with a branch among the `learners` only that branch."""
    roots = [root_of(name) for name in learners]
    branches = [part_of(parts, name) for name in learners]
    return [part for name, part in parts.items() if name not in roots] + [b for b in branches if b is not None]


def differentiable(component: object) -> bool:
    """Whether gradients reach the waves that `component` was given."""
    return bool(getattr(component, "differentiable", True))


def least_loss(frontend: object) -> float:
    """The least value that the loss of `frontend` can take: 0 unless it says otherwise, minus infinity for no bound."""
    return float(getattr(frontend, "least_loss", 0.0))


def pads(component: object) -> bool:
    """Whether `component` ignores padding; if not it receives batches of equal length."""
    return bool(getattr(component, "pads", True))
