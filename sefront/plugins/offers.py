"""What the plugins offer: one offer per component, found out without importing the component."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sefront.plugins.failures import BrokenError, normalised
from sefront.plugins.hookspecs import FAMILIES
from sefront.plugins.loading import Plugin


@dataclass(frozen=True)
class Offer:
    """One component as its plugin announces it.

    Args:
        family: One of `FAMILIES`.
        name: What the user calls it.
        plugin: Where it comes from.
        target: The class, or the reference ``"package.module:Class"`` to it.
        reason: Why it cannot be used, as far as that is known without importing it; empty otherwise.
        disabled: Whether the user blocked it.
    """

    family: str
    name: str
    plugin: Plugin
    target: type[Any] | str = ""
    reason: str = ""
    disabled: bool = False

    def usable(self) -> bool:
        """Whether nothing speaks against it yet."""
        return not (self.reason or self.disabled)


def collected(plugins: Iterable[Plugin], disabled: Collection[str] = ()) -> tuple[Offer, ...]:
    """Everything on offer, sorted by family, name and distribution; names offered twice are unusable."""
    found = [offer for plugin in plugins for family in FAMILIES for offer in offered(plugin, family)]
    found = [replace(o, disabled=True) if normalised(o.name) in disabled else o for o in found]
    rank = list(FAMILIES)
    found.sort(key=lambda o: (rank.index(o.family), o.name, normalised(o.plugin.distribution)))
    return tuple(without_duplicates(found))


def offered(plugin: Plugin, family: str) -> Iterator[Offer]:
    """The components of one family that one plugin offers; a hook that fails is an unusable offer of that family."""
    hook = f"sefront_{FAMILIES[family]}"
    try:
        answers = plugin.call(hook)
    except BrokenError as error:
        yield Offer(family, plugin.name, plugin, reason=f"{hook} failed: {error}")
        return
    for answer in answers:
        if not isinstance(answer, Mapping):
            reason = f"{hook} returned a {type(answer).__name__}, not a dict of components by name"
            yield Offer(family, plugin.name, plugin, reason=reason)
            continue
        for name, target in answer.items():
            yield Offer(family, str(name), plugin, target, misfit(target))


def misfit(target: Any) -> str:
    """Why `target` is neither a class nor a reference; empty where it is one of them."""
    if isinstance(target, type):
        return ""
    if not isinstance(target, str):
        return f"it is {target!r:.80}, neither a class nor a reference 'package.module:Class'"
    module, _, name = target.partition(":")
    fits = all(part.isidentifier() for part in [*module.split("."), *name.split(".")])
    return "" if fits else f"'{target}' is not a reference 'package.module:Class'"


def without_duplicates(offers: Iterable[Offer]) -> Iterator[Offer]:
    """The same offers, those that claim one name unusable and naming all claimants."""
    claims: dict[tuple[str, str], list[Offer]] = defaultdict(list)
    for offer in offers:
        claims[offer.family, offer.name].append(offer)
    for claim in claims.values():
        rivals = [offer.plugin.distribution for offer in claim if offer.usable()]
        for offer in claim:
            if len(rivals) > 1 and offer.usable():
                yield replace(offer, reason=contested(rivals))
            else:
                yield offer


def contested(rivals: list[str]) -> str:
    """What to do about a name that several distributions claim."""
    who = " and ".join(rivals)
    return f"the name is offered by {who}; uninstall one of them or name it in SEFRONT_DISABLED_PLUGINS"
