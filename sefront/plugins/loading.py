"""From entry points to plugins, each loaded in a guard of its own.

pluggy's own loader calls ``ep.load()`` unguarded and puts all plugins behind one hook call, in which the first error
ends the others. So each plugin has a manager of its own: what one does wrong is never another's problem.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import Any

import pluggy

from sefront.core.errors import unknown
from sefront.plugins import hookspecs
from sefront.plugins.failures import BrokenError, guarded, normalised


@dataclass(frozen=True)
class Plugin:
    """One entry point of the group ``sefront``, loaded or not.

    Args:
        name: Name of the entry point.
        distribution: Whose it is.
        version: Version of that distribution.
        hooks: Its hooks; None where it is broken or disabled.
        reason: Why it is broken; empty otherwise.
        disabled: Whether the user blocked it.
    """

    name: str
    distribution: str
    version: str
    hooks: pluggy.PluginManager | None = None
    reason: str = ""
    disabled: bool = False

    def call(self, hook: str, **arguments: Any) -> list[Any]:
        """What the plugin's `hook` returned; empty where it has none.

        Raises:
            BrokenError: The hook raised something.
        """
        if self.hooks is None:
            return []
        caller = getattr(self.hooks.hook, hook)
        results: list[Any] = guarded(lambda: caller(**arguments), self.distribution)
        return results


def installed(disabled: Collection[str] = ()) -> tuple[Plugin, ...]:
    """Every plugin of this environment, sorted by distribution and name; the `disabled` ones are not imported."""
    identities: dict[int, tuple[str, str]] = {}
    plugins = []
    for entry in entry_points(group="sefront"):
        if id(entry.dist) not in identities:  # reading metadata takes a millisecond: once per distribution
            identities[id(entry.dist)] = identity(entry.dist)
        name, version = identities[id(entry.dist)]
        plugin = Plugin(entry.name, name, version)
        if {normalised(entry.name), normalised(name)} & set(disabled):
            plugins.append(replace(plugin, disabled=True))
        else:
            plugins.append(loaded(plugin, entry))
    return tuple(sorted(plugins, key=lambda p: (normalised(p.distribution), p.name)))


def identity(distribution: Distribution | None) -> tuple[str, str]:
    """Name and version, with question marks where the metadata is damaged."""
    if distribution is None:
        return "?", "?"
    try:
        metadata = guarded(lambda: distribution.metadata)
    except BrokenError:
        return "?", "?"
    name, version = ((metadata.get_all(key) or ["?"])[0] for key in ("Name", "Version"))
    return str(name), str(version)


def loaded(plugin: Plugin, entry: EntryPoint) -> Plugin:
    """`plugin` with its hooks, or with the reason why it has none."""
    try:
        return replace(plugin, hooks=guarded(lambda: socket(entry.load()), plugin.distribution))
    except BrokenError as error:
        return replace(plugin, reason=str(error))


def socket(plugin: Any) -> pluggy.PluginManager:
    """A manager that holds `plugin` alone.

    Raises:
        BrokenError: It was written for another API, or its hooks are misspelt or missing.
    """
    written_for = getattr(plugin, "SEFRONT_API", hookspecs.API)
    if written_for != hookspecs.API:
        raise BrokenError(f"written for plugin API {written_for}, while this sefront has {hookspecs.API}")
    manager = pluggy.PluginManager("sefront")
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    callers = manager.get_hookcallers(plugin) or []
    refuse_misspelt(caller for caller in callers if not caller.has_spec())
    if not callers:
        raise BrokenError("it implements no hook; mark its functions with @sefront.hookimpl")
    return manager


def refuse_misspelt(callers: Iterable[pluggy.HookCaller]) -> None:
    """Refuse hooks that nobody calls.

    Raises:
        UnknownNameError: There is one; the message holds the nearest name.
    """
    known = [name for name in vars(hookspecs) if name.startswith("sefront_")]
    for caller in callers:
        if not all(implementation.optionalhook for implementation in caller.get_hookimpls()):
            raise unknown("hook", caller.name, known)
