"""Which components are fit for use: the rows of ``sefront plugins list``.

sefront's own references are only looked up in the source, so that listing never imports torch. Those of others are
imported once and the verdict is remembered, see `sefront.plugins.verdicts`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from sefront.plugins import verdicts
from sefront.plugins.catalogue import DISABLED, Catalogue
from sefront.plugins.failures import BrokenError, normalised
from sefront.plugins.loading import Plugin
from sefront.plugins.offers import Offer
from sefront.plugins.resolution import sound


@dataclass(frozen=True)
class Row:
    """The health of one component, or of a plugin whose components are not known.

    Args:
        name: Name of the component, or of the entry point.
        family: One of the families, or "plugin" for an entry point that was not loaded.
        distribution: Where it comes from.
        version: Version of that distribution.
        status: Whether it can be used.
        reason: Why not; empty where it can.
    """

    name: str
    family: str
    distribution: str
    version: str
    status: Literal["ok", "broken", "disabled"]
    reason: str


def rows(catalogue: Catalogue, *, check: bool = False) -> list[Row]:
    """The health of everything that is installed; with `check` every component is imported afresh."""
    path = verdicts.location()
    stamps = verdicts.Stamps()
    known = verdicts.remembered(path)
    current: dict[str, str] = {}
    found = []
    for offer in catalogue.offers:
        key = stamps.key(offer) if offer.usable() and isinstance(offer.target, str) else ""
        reason = known.get(key) if key and not check else None
        if reason is None and own(offer) and not check:
            reason = lost(offer)  # quick enough to look again each time
        else:
            reason = problem(offer) if reason is None else reason
            current |= {key: reason} if key else {}
        found.append(row(offer, reason))
    if current != known:
        verdicts.remember(path, current)
    return found + [unloaded(plugin) for plugin in catalogue.plugins if plugin.hooks is None]


def row(offer: Offer, reason: str) -> Row:
    """The row of one component."""
    status: Literal["ok", "broken", "disabled"] = "disabled" if offer.disabled else "broken" if reason else "ok"
    return Row(offer.name, offer.family, offer.plugin.distribution, offer.plugin.version, status, reason)


def unloaded(plugin: Plugin) -> Row:
    """The row of an entry point whose components are not known."""
    reason = plugin.reason or f"it is disabled by {DISABLED}"
    return Row(
        plugin.name, "plugin", plugin.distribution, plugin.version, "disabled" if plugin.disabled else "broken", reason
    )


def problem(offer: Offer) -> str:
    """Why the component cannot be used, found out by importing it; empty where it can."""
    try:
        sound(offer)
    except BrokenError as error:
        return str(error)
    return ""


def own(offer: Offer) -> bool:
    """Whether the component comes with sefront and is a usable reference."""
    return normalised(offer.plugin.distribution) == "sefront" and offer.usable() and isinstance(offer.target, str)


def lost(offer: Offer) -> str:
    """Why the source does not hold what the reference says, found out without importing it; empty where it does."""
    module, _, name = str(offer.target).partition(":")
    try:
        spec = find_spec(module)
    except ImportError:
        spec = None
    if spec is None or spec.origin is None:
        return f"there is no module '{module}'"
    source = Path(spec.origin).read_text(encoding="utf-8")
    defined = rf"^class {name}\b|^{name}\s*[:=]|^from\s+\S+\s+import\s+(\([^)]*|.*)\b{name}\b"
    return "" if re.search(defined, source, re.MULTILINE) else f"module '{module}' has no class '{name}'"
