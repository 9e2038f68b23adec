"""Every component of this environment by family and name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sefront.core.errors import SefrontError, UnknownNameError, unknown
from sefront.plugins.failures import normalised
from sefront.plugins.loading import Plugin, installed
from sefront.plugins.offers import Offer, collected
from sefront.plugins.resolution import resolve

DISABLED = "SEFRONT_DISABLED_PLUGINS"


class UnknownComponentError(UnknownNameError, KeyError):
    """No component has this name; a KeyError too, so that a family is a well-behaved mapping."""

    def __str__(self) -> str:
        return str(self.args[0])


def missing(what: str, name: str, known: Iterable[str], plugins: Iterable[Plugin]) -> UnknownComponentError:
    """The error for `name`, which also tells of plugins that are not loaded: one of them may have it."""
    broken = [f"{p.distribution} {p.version}, which may have it, is broken: {p.reason}" for p in plugins if p.reason]
    blocked = [f"{p.distribution} is disabled by {DISABLED}" for p in plugins if p.disabled]
    return UnknownComponentError("; ".join([str(unknown(what, name, known)), *broken, *dict.fromkeys(blocked)]))


class Family(Mapping[str, type[Any]]):
    """The components of one family by name; a class is imported when it is asked for.

    Args:
        family: What its members are called in messages.
        offers: What the plugins offer in this family.
        plugins: All plugins: one that could not be loaded may be the one that is missed.
    """

    def __init__(self, family: str, offers: tuple[Offer, ...], plugins: tuple[Plugin, ...]) -> None:
        self._family = family
        self._offers = offers
        self._plugins = plugins

    def __getitem__(self, name: str) -> type[Any]:
        """The class called `name`; ``acln+fcn384`` is a backend that is joined from two.

        Raises:
            UnknownNameError: No plugin offers it; the message holds the nearest name and the plugins that are broken.
            SefrontError: It is offered but cannot be used; the message names the distribution and the reason.
        """
        claims = [offer for offer in self._offers if offer.name == name]
        if claims:
            return resolve(max(claims, key=Offer.usable))
        if self._family == "backend" and "+" in name:
            return self._joined(name)
        raise missing(self._family, name, self, self._plugins)

    def _joined(self, name: str) -> type[Any]:
        from sefront.core.joined import joined

        parts = name.split("+")
        if not all(parts):
            raise SefrontError(f"backend '{name}': a + stands between two names, as in acln+fcn384")
        for part in parts:
            if parts.count(part) > 1:
                raise SefrontError(f"backend '{name}': '{part}' stands twice; join backends that differ")
        return joined({part: self[part] for part in parts})

    def __iter__(self) -> Iterator[str]:
        return (offer.name for offer in self._offers if offer.usable())

    def __len__(self) -> int:
        return sum(offer.usable() for offer in self._offers)

    def __contains__(self, name: object) -> bool:
        return any(name == known for known in self)


@dataclass(frozen=True)
class Catalogue:
    """What is installed, as a value: two catalogues never influence each other.

    Args:
        plugins: The entry points, loaded, broken or disabled.
        offers: Their components, sorted by family and name.
    """

    plugins: tuple[Plugin, ...]
    offers: tuple[Offer, ...]

    @classmethod
    def installed(cls, environment: Mapping[str, str] = os.environ) -> Catalogue:
        """The catalogue of this environment, without what ``SEFRONT_DISABLED_PLUGINS=a,b`` names."""
        disabled = {normalised(name.strip()) for name in environment.get(DISABLED, "").split(",") if name.strip()}
        plugins = installed(disabled)
        return cls(plugins, collected(plugins, disabled))

    def family(self, family: str) -> Family:
        """The components of one of `FAMILIES`."""
        return Family(family, tuple(o for o in self.offers if o.family == family), self.plugins)

    def named(self, name: str, family: str | None = None) -> tuple[Offer, ...]:
        """The components called `name`, of whatever family; backends joined by ``+`` count as the first one's plugin's.

        Args:
            name: What they are called.
            family: The only family to look in.

        Raises:
            UnknownNameError: There is none.
        """
        known = tuple(offer for offer in self.offers if family in (None, offer.family))
        found = tuple(offer for offer in known if offer.name == name)
        if not found and "+" in name and family in (None, "backend"):
            joined, first = self.backends[name], name.partition("+")[0]
            found = tuple(
                replace(o, name=name, target=joined) for o in self.offers if (o.family, o.name) == ("backend", first)
            )
        if not found:
            raise missing(family or "component", name, {offer.name for offer in known}, self.plugins)
        return found

    @property
    def frontends(self) -> Mapping[str, type[Any]]:
        """Frontends by name."""
        return self.family("frontend")

    @property
    def backends(self) -> Mapping[str, type[Any]]:
        """Backends by name."""
        return self.family("backend")

    @property
    def couplings(self) -> Mapping[str, type[Any]]:
        """Couplings by name."""
        return self.family("coupling")

    @property
    def corpora(self) -> Mapping[str, type[Any]]:
        """Corpora by name."""
        return self.family("corpus")

    @property
    def metrics(self) -> Mapping[str, type[Any]]:
        """Metrics by name."""
        return self.family("metric")
