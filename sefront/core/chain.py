"""Calling components by what they are, and reading their optional attributes."""

from __future__ import annotations

from typing import Any, cast

from torch import Tensor

from sefront.core.protocols import Backend, Frontend
from sefront.core.types import Enhanced, Prediction


def enhance(frontend: Frontend, waves: Tensor, lengths: Tensor) -> Enhanced:
    """Call a frontend as torch calls modules, hooks included."""
    return cast(Enhanced, cast(Any, frontend)(waves, lengths))


def predict(backend: Backend, waves: Tensor, lengths: Tensor) -> Prediction:
    """Call a backend as torch calls modules, hooks included."""
    return cast(Prediction, cast(Any, backend)(waves, lengths))


def differentiable(component: object) -> bool:
    """Whether gradients reach the waves that `component` was given."""
    return bool(getattr(component, "differentiable", True))


def pads(component: object) -> bool:
    """Whether `component` ignores padding; if not it receives batches of equal length."""
    return bool(getattr(component, "pads", True))
