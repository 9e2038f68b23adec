"""From an offer to its class: import the reference and see that it has the methods of its family."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from importlib import import_module
from typing import Any

from sefront.core.errors import SefrontError, unknown
from sefront.plugins.failures import BrokenError, guarded
from sefront.plugins.offers import Offer

METHODS: Mapping[str, tuple[str, ...]] = {
    "frontend": ("forward", "loss"),
    "backend": ("forward", "loss"),
    "coupling": ("phases",),
    "corpus": ("role", "task", "clips", "problems", "card"),
    "metric": ("__call__", "card"),
}
"""The methods of the protocols, spelt here as well because importing the protocols imports torch; a test compares."""


def resolve(offer: Offer) -> type[Any]:
    """The class behind `offer`.

    Raises:
        SefrontError: It cannot be used; the message names the component, its distribution and the reason.
    """
    try:
        return sound(offer)
    except BrokenError as error:
        plugin = offer.plugin
        origin = f"{offer.family} '{offer.name}' of {plugin.distribution} {plugin.version}"
        raise SefrontError(f"{origin} cannot be used: {error}") from error


def sound(offer: Offer) -> type[Any]:
    """The class behind `offer`, which has been seen to have its family's methods.

    Raises:
        BrokenError: With the reason alone.
    """
    if offer.disabled:
        raise BrokenError("it is disabled by SEFRONT_DISABLED_PLUGINS")
    if offer.reason:
        raise BrokenError(offer.reason)
    target = offer.target
    component = guarded(lambda: imported(target), offer.plugin.distribution) if isinstance(target, str) else target
    if not isinstance(component, type):
        raise BrokenError(f"'{target}' is a {type(component).__name__}, not a class")
    missing = [method for method in METHODS[offer.family] if not has(component, method)]
    if missing:
        raise BrokenError(f"{component.__name__} is no {offer.family}: it lacks {', '.join(missing)}")
    return component


def imported(reference: str) -> Any:
    """What ``"package.module:Class"`` refers to.

    Raises:
        UnknownNameError: The module has no such name.
    """
    module, _, name = reference.partition(":")
    home: Any = import_module(module)
    try:
        return reduce(getattr, name.split("."), home)
    except AttributeError as error:
        classes = [key for key, value in vars(home).items() if isinstance(value, type)]
        raise unknown("class", name, classes, owner=module) from error


def has(component: type[Any], method: str) -> bool:
    """Whether instances have `method`; torch's placeholder for an unwritten ``forward`` does not count."""
    found = next((vars(home)[method] for home in component.__mro__ if method in vars(home)), None)
    return found is not None and getattr(found, "__name__", "") != "_forward_unimplemented"
