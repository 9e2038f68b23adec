"""What ``sefront plugins show`` tells about a component: its docstring, options, citation, size and recipe."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from typing import Any

from sefront.core.clips import Task
from sefront.core.errors import SefrontError
from sefront.core.mixed import frontend_of, options_of
from sefront.core.parameters import build
from sefront.plugins.failures import BrokenError, guarded
from sefront.plugins.offers import Offer
from sefront.plugins.resolution import resolve

RATE = 16000  # Hz, at which frontends and backends are built to be described


def description(offer: Offer, given: Mapping[str, Any]) -> dict[str, Any]:
    """Everything known about one component, ready for JSON.

    Args:
        offer: The component.
        given: Options to build it with, such as ``{"causal": True}``; a name may have the family before it.

    Raises:
        SefrontError: It cannot be used, or not with the options that are given.
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
        return facts | built(offer, component, {k.removeprefix(f"{offer.family}."): v for k, v in given.items()})
    except BrokenError as error:
        if given and refused(error):
            raise
        return facts | {"unbuilt": str(error)}


def options(family: str, component: type[Any]) -> list[dict[str, Any]]:
    """The hyperparameter table."""
    return [
        {"name": p.name, "type": p.type_name(), "default": plain(p.default), "meaning": p.meaning}
        for p in options_of(family, component).values()
    ]


def built(offer: Offer, component: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What only an instance knows that has the options that are `given`, and defaults for the others.

    Raises:
        BrokenError: It cannot be built with them.
    """
    owner = f"{offer.family} '{offer.name}'"
    if offer.family == "frontend":
        return model_facts(guarded(lambda: frontend_of(component, RATE, given, owner)))
    if offer.family == "backend":
        return model_facts(guarded(lambda: build(component, example_for(component), RATE, options=given, owner=owner)))
    if offer.family == "coupling":
        guarded(lambda: build(component, options=given, owner=owner))
        return {}
    return {"card": plain(card(component, given, owner))}


def example_for(component: type[Any]) -> Task:
    """A task of the kind that a backend is made for."""
    from sefront.core.kinds import EXAMPLES

    return EXAMPLES[getattr(component, "kind", "classification")]


def refused(error: BrokenError) -> bool:
    """Whether it was an option that the `error` is about."""
    return isinstance(error.__cause__, SefrontError)


def card(component: type[Any], given: Mapping[str, Any], owner: str) -> Any:
    """The card of a corpus or metric; one tells where to get the audio, so it must be had without the audio.

    Raises:
        BrokenError: The card depends on arguments, or an option is wrong.
    """
    try:
        return guarded(lambda: build(component, options=given, owner=owner).card())
    except BrokenError as error:
        if given and refused(error):
            raise
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
