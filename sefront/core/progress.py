"""What long work tells whoever watches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Progress(Protocol):
    """A watcher: the command line draws bars, scripts may log."""

    def start(self, what: str, total: int) -> None:
        """A piece of work of `total` steps begins."""
        ...

    def advance(self) -> None:
        """One step of it is done."""
        ...

    def note(self, text: str) -> None:
        """A line worth reading."""
        ...

    def record(self, values: Mapping[str, Any]) -> None:
        """An epoch has ended with `values`."""
        ...


class Quiet:
    """A watcher that says nothing."""

    def start(self, what: str, total: int) -> None:
        """Say nothing."""

    def advance(self) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def record(self, values: Mapping[str, Any]) -> None:
        """Say nothing."""
