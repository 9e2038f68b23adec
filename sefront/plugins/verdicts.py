"""The cache of verdicts: which components were found fit for use, and which not and why.

A verdict counts as long as the distribution, its version, the reference, the Python files of the reference's package
and the environment (this sefront, and what is installed next to it) are what they were. The cache is a convenience:
one that cannot be read or written is ignored.
"""

from __future__ import annotations

import json
import os
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from sefront.plugins import resolution
from sefront.plugins.offers import Offer


def location(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the cache lies: ``$SEFRONT_CACHE``, or `sefront` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    home = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expanduser(environment.get("SEFRONT_CACHE") or f"{home}/sefront")) / "health.json"  # noqa: PTH111  pathlib's raises without a home


def remembered(path: Path) -> dict[str, str]:
    """The verdicts by key, an empty one for a component that is fit for use; none where the file is unreadable."""
    try:
        verdicts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(verdicts, dict):
        return {}
    return {key: reason for key, reason in verdicts.items() if isinstance(reason, str)}


def remember(path: Path, verdicts: Mapping[str, str]) -> None:
    """Replace the cache at once, so that another process never reads half of it."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.write_text(json.dumps(verdicts, indent=1), encoding="utf-8")
        draft.replace(path)


class Stamps:
    """Keys of verdicts; a package that several components share is looked at once."""

    def __init__(self) -> None:
        self._packages: dict[str, str] = {}
        self._environment = environment()

    def key(self, offer: Offer) -> str:
        """What the verdict on `offer` is remembered under."""
        package = str(offer.target).partition(":")[0].partition(".")[0]
        if package not in self._packages:
            text = "\n".join([self._environment, *sorted(python_files(package))])
            self._packages[package] = sha256(text.encode()).hexdigest()[:16]
        plugin = offer.plugin
        origin = f"{plugin.distribution} {plugin.version}"
        return f"{origin} {offer.family} {offer.name} {offer.target} {self._packages[package]}"


def environment() -> str:
    """What a verdict depends on besides the plugin: what is checked, and which packages there are."""
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return "\n".join(f"{place} {changed(place)}" for place in [resolution.__file__, *sorted(places)])


def python_files(package: str) -> Iterator[str]:
    """Path and time of every Python file of the top-level `package`, which is not imported."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return
    if spec is None:
        return
    for folder in spec.submodule_search_locations or []:
        for place, _, files in os.walk(folder):
            yield from (f"{place}/{f} {changed(f'{place}/{f}')}" for f in files if f.endswith(".py"))
    if spec.origin and not spec.submodule_search_locations:
        yield f"{spec.origin} {changed(spec.origin)}"


def changed(path: str) -> int:
    """When the file or folder was changed last, in ns; 0 where it does not exist."""
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116  a Path per file would double the time
    except OSError:
        return 0
