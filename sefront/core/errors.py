"""Errors that reach a user without a traceback: one line that says what, where and what would be right."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class SefrontError(Exception):
    """A mistake the user can mend; the command line prints it in one line and exits with 2."""


class UnknownNameError(SefrontError):
    """A component, option or label that does not exist; the message holds the nearest names."""


class BadOptionError(SefrontError):
    """An option whose value has the wrong type or lies outside its range."""


class DamagedAudioError(SefrontError):
    """A clip that cannot be used as audio: unreadable, truncated, empty, silent or not finite."""


class MissingExtraError(SefrontError):
    """A package that a component needs and that comes with an extra only; the message says how to install it."""


def unknown(what: str, name: str, known: Iterable[str], owner: str = "") -> UnknownNameError:
    """The error for `name`, with the nearest of the `known` names and the whole list.

    >>> print(unknown("option", "widht", ["width", "depth"], owner="unet"))
    unet has no option 'widht'; did you mean 'width'? (it has: depth, width)
    """
    names = sorted(known)
    hint = nearest(name, names)
    has = f"it has: {', '.join(names)}" if owner else f"known: {', '.join(names)}"
    subject = f"{owner} has no {what} '{name}'" if owner else f"there is no {what} '{name}'"
    return UnknownNameError(f"{subject}{hint} ({has if names else 'it has none'})")


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message that asks for the nearest of the `known` names, or nothing."""
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
