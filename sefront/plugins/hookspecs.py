"""What a plugin may implement. A plugin is a module named by an entry point of the group ``sefront``:

.. code-block:: toml

    [project.entry-points.sefront]
    whisper = "acme_whisper"

and its functions are marked with ``sefront.hookimpl``. It may state the version of this page that it was written for as
``SEFRONT_API = 1``. Prefer references ``"package.module:Class"`` to classes: they are imported only when the component
is asked for, so that listing names stays quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import pluggy

if TYPE_CHECKING:
    import typer

API = 1
"""The version of these hooks; it grows when a plugin written for the old ones could no longer work."""

FAMILIES: Mapping[str, str] = {
    "frontend": "frontends",
    "backend": "backends",
    "coupling": "couplings",
    "corpus": "corpora",
    "metric": "metrics",
}
"""The component families, and their plurals as hooks and the catalogue's mappings are named."""

Components: TypeAlias = "Mapping[str, type[Any] | str]"

hookspec = pluggy.HookspecMarker("sefront")
hookimpl = pluggy.HookimplMarker("sefront")


@hookspec
def sefront_frontends() -> Components:  # type: ignore[empty-body]  # a specification has no body
    """Frontends by name: what turns noisy waves into enhanced waves, built as ``(sample_rate, *, options)``."""


@hookspec
def sefront_backends() -> Components:  # type: ignore[empty-body]
    """Backends by name: what turns waves into a prediction, built as ``(task, sample_rate, *, options)``."""


@hookspec
def sefront_couplings() -> Components:  # type: ignore[empty-body]
    """Couplings by name: how frontend and backend learn from each other, built as ``(*, options)``."""


@hookspec
def sefront_corpora() -> Components:  # type: ignore[empty-body]
    """Corpora by name: what supplies clips of speech, scenes or noise, built as ``(root, *, options)``."""


@hookspec
def sefront_metrics() -> Components:  # type: ignore[empty-body]
    """Metrics by name: a number from truth and estimate, built as ``(*, options)``."""


@hookspec
def sefront_commands(app: typer.Typer) -> None:
    """Add commands of your own to `app`; a name that ``sefront`` already has is refused."""
