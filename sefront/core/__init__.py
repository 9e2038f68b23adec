"""Vocabulary and algorithm. Names are resolved when first used, so that importing `sefront.core` imports no torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sefront.core.clips import Card as Card
    from sefront.core.clips import Clip as Clip
    from sefront.core.clips import MetricCard as MetricCard
    from sefront.core.clips import Recording as Recording
    from sefront.core.clips import Split as Split
    from sefront.core.clips import Task as Task
    from sefront.core.clips import Tracing as Tracing
    from sefront.core.coupler import Coupler as Coupler
    from sefront.core.data import Material as Material
    from sefront.core.data import Mixtures as Mixtures
    from sefront.core.errors import SefrontError as SefrontError
    from sefront.core.protocols import Backend as Backend
    from sefront.core.protocols import Corpus as Corpus
    from sefront.core.protocols import Coupling as Coupling
    from sefront.core.protocols import Frontend as Frontend
    from sefront.core.protocols import Metric as Metric
    from sefront.core.reader import Reader as Reader
    from sefront.core.recipe import Recipe as Recipe
    from sefront.core.types import Batch as Batch
    from sefront.core.types import Enhanced as Enhanced
    from sefront.core.types import Phase as Phase
    from sefront.core.types import Prediction as Prediction
    from sefront.core.update import Update as Update

_HOME = {
    **dict.fromkeys(["Card", "Clip", "MetricCard", "Recording", "Split", "Task", "Tracing"], "clips"),
    **dict.fromkeys(["Backend", "Corpus", "Coupling", "Frontend", "Metric"], "protocols"),
    **dict.fromkeys(["Batch", "Enhanced", "Phase", "Prediction"], "types"),
    **dict.fromkeys(["Material", "Mixtures"], "data"),
    "Reader": "reader",
    "Coupler": "coupler",
    "Recipe": "recipe",
    "SefrontError": "errors",
    "Update": "update",
}
__all__ = sorted(_HOME)  # noqa: PLE0605  one list serves both the lookup and star imports


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sefront.core' has no attribute '{name}'")
    return getattr(import_module(f"sefront.core.{_HOME[name]}"), name)
