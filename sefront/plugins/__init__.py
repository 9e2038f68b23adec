"""The socket through which every component arrives, built in or installed from somebody else's wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sefront.plugins.hookspecs import hookimpl

if TYPE_CHECKING:
    from sefront.plugins.catalogue import Catalogue

__all__ = ["Catalogue", "hookimpl"]


def __getattr__(name: str) -> Any:
    if name != "Catalogue":
        raise AttributeError(f"module 'sefront.plugins' has no attribute '{name}'")
    from sefront.plugins.catalogue import Catalogue

    return Catalogue
