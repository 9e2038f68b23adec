"""Packages that come with an extra: imported where a component needs them, and never before."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sefront.core.errors import MissingExtraError


def extra(name: str, package: str, purpose: str) -> Any:
    """The module `package`, which comes with sefront's extra `name`; the error begins with the `purpose`.

    Raises:
        MissingExtraError: It cannot be imported.
    """
    try:
        return import_module(package)
    except (ImportError, OSError) as error:  # OSError: its native library does not load
        reason = " ".join(str(error).split())
        raise MissingExtraError(
            f"{purpose} needs the package {package}: pip install 'sefront[{name}]' ({reason})"
        ) from error
