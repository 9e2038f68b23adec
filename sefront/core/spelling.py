"""The ways in which users write the values of an experiment: words of the command line, paths, single numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from sefront.core.errors import BadOptionError

ONE = ("corpus", "valid_corpus", "frontend_corpus", "init_frontend", "init_backend", "splits")
SEVERAL = ("noise", "test_noise", "intruder", "frontend_noise")


def spelt(name: str, value: Any) -> Any:
    """`value` of the field called `name` as an experiment holds it; what cannot be read is left for its check.

    Raises:
        BadOptionError: A word that is no range, or no list of numbers.
    """
    if name in ONE:
        return written_out(value)
    if name in SEVERAL:
        alone = isinstance(value, str | os.PathLike) or not isinstance(value, Iterable)
        return tuple(map(written_out, [value] if alone else value))
    if name in ("snr", "test_snr") and isinstance(value, str):
        return span(value, "--snr") if name == "snr" else numbers(value, "--test-snr")
    if name in ("snr", "test_snr") and isinstance(value, int | float):
        return (value, value) if name == "snr" else (value,)
    return value


def written_out(value: Any) -> Any:
    """A path as text; anything else as it is."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def numbers(text: str, option: str) -> tuple[float, ...]:
    """Comma-separated numbers.

    Raises:
        BadOptionError: Something else.
    """
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise BadOptionError(
            f"{option} {text}: give numbers in dB with commas between them, such as 20,10,0"
        ) from error


def span(text: str, option: str) -> tuple[float, float]:
    """A range ``LOW:HIGH``, or one number for a range of no width.

    Raises:
        BadOptionError: Something else.
    """
    low, colon, high = text.partition(":")
    try:
        return float(low), float(high if colon else low)
    except ValueError as error:
        raise BadOptionError(f"{option} {text}: give a range in dB as LOW:HIGH, such as 0:25") from error
