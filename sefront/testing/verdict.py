"""How the kit says that a contract is broken."""

from __future__ import annotations

from sefront.core.errors import SefrontError


class ConformanceError(SefrontError):
    """A component does not keep its family's contract; the message says what was found and what is right."""


def require(kept: bool, component: type, fault: str) -> None:
    """Pass if `kept`.

    Raises:
        ConformanceError: The `fault` of the `component`.
    """
    if not kept:
        raise ConformanceError(f"{component.__name__}: {fault}")
