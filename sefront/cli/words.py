"""Reading what users type: numbers, ranges, settings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sefront.core.errors import BadOptionError

SETTING = re.compile(r"(?P<key>[a-z_]+\.[\w.-]+)=(?P<value>.*)", re.DOTALL)


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


def settings(texts: Sequence[str]) -> dict[str, str]:
    """``SECTION.NAME=VALUE`` words by their key.

    Raises:
        BadOptionError: A word of another form.
    """
    found: dict[str, str] = {}
    for text in texts:
        match = SETTING.fullmatch(text)
        if match is None:
            raise BadOptionError(f"-o {text}: write settings as SECTION.NAME=VALUE, such as -o frontend.width=16")
        found[match["key"]] = match["value"]
    return found


def parted(texts: Sequence[str]) -> tuple[str | None, dict[str, str]]:
    """The one ``-o`` word that names a place, if any, and those that are settings.

    Raises:
        BadOptionError: Two places are named.
    """
    chosen = [text for text in texts if SETTING.fullmatch(text)]
    places = [text for text in texts if text not in chosen]
    if len(places) > 1:
        raise BadOptionError(f"-o names two places, {places[0]} and {places[1]}; give one")
    return (places[0] if places else None), settings(chosen)
