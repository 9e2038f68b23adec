"""What ``sefront plugins show`` tells about a component: its docstring, options, citation, size and recipe."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from typing import Any

from sefront.core.clips import Task
from sefront.core.mixed import options_of
from sefront.plugins.failures import BrokenError, guarded
from sefront.plugins.offers import Offer
from sefront.plugins.resolution import resolve

RATE = 16000  # Hz, at which frontends and backends are built to be described
EXAMPLE = Task("classification", ("a", "b", "c", "d"), "uar")


def description(offer: Offer) -> dict[str, Any]:
    """Everything known about one component, ready for JSON.

    Raises:
        SefrontError: It cannot be used.
    """
    component = resolve(offer)
    facts: dict[str, Any] = {
        "name": offer.name,
        "family": offer.family,
        "distribution": offer.plugin.distribution,
        "version": offer.plugin.version,
        "summary": summary(component),
        "citation": sources(component),
        "options": [],
    }
    try:
        facts["options"] = guarded(lambda: options(offer.family, component))
        return facts | built(offer.family, component)
    except BrokenError as error:
        return facts | {"unbuilt": str(error)}


def options(family: str, component: type[Any]) -> list[dict[str, Any]]:
    """The hyperparameter table."""
    return [
        {"name": p.name, "type": p.type_name(), "default": plain(p.default), "meaning": p.meaning}
        for p in options_of(family, component).values()
    ]


def built(family: str, component: type[Any]) -> dict[str, Any]:
    """What only an instance knows.

    Raises:
        BrokenError: It cannot be built with its defaults.
    """
    if family in ("frontend", "backend"):
        fixed = (EXAMPLE, RATE) if family == "backend" else (RATE,)
        return model_facts(guarded(lambda: component(*fixed)))
    if family in ("corpus", "metric"):
        return {"card": plain(card(component))}
    return {}


def card(component: type[Any]) -> Any:
    """The card of a corpus or metric; one tells where to get the audio, so it must be had without the audio.

    Raises:
        BrokenError: The card depends on arguments.
    """
    try:
        return guarded(lambda: component().card())
    except BrokenError:
        with suppress(BrokenError):  # a card that is always the same needs no built instance
            return guarded(lambda: object.__new__(component).card())
        raise


def model_facts(model: Any) -> dict[str, Any]:
    """Size, flags and recipe of a frontend or backend."""
    weights = model.parameters() if hasattr(model, "parameters") else ()
    latency = getattr(model, "latency", None)
    return {
        "trainable_parameters": sum(weight.numel() for weight in weights if weight.requires_grad),
        "differentiable": plain(getattr(model, "differentiable", True)),
        "pads": plain(getattr(model, "pads", True)),
        "latency": plain(latency),
        "latency_ms": None if latency is None else 1000 * latency / RATE,
        "recipe": plain(getattr(model, "recipe", None)),
    }


def summary(component: type[Any]) -> str:
    """The first sentence of the class docstring."""
    paragraph = " ".join((vars(component).get("__doc__") or "").strip().partition("\n\n")[0].split())
    return re.split(r"(?<=[.!?])\s+(?=[A-Z])", paragraph)[0]


def sources(component: type[Any]) -> list[str]:
    """What follows ``Source:`` in the class's and the module's docstring, up to the end of its paragraph."""
    texts = [component.__doc__, getattr(sys.modules.get(component.__module__), "__doc__", None)]
    paragraph = re.compile(r"\bSources?:\s*(.+?)(?=\n\s*\n|\bSources?:|\Z)", re.DOTALL)
    found = [" ".join(source.split()) for text in texts for source in paragraph.findall(text or "")]
    return list(dict.fromkeys(found))


def plain(value: Any) -> Any:
    """`value` as JSON can hold it."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
