"""Reading what users type: settings and places."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sefront.core.errors import BadOptionError

SETTING = re.compile(r"(?P<key>[a-z_]+\.[\w.-]+)=(?P<value>.*)", re.DOTALL)
OPTION = re.compile(r"(?P<key>\w[\w.-]*)=(?P<value>.*)", re.DOTALL)


def settings(texts: Sequence[str]) -> dict[str, str]:
    """``SECTION.NAME=VALUE`` words by their key.

    Raises:
        BadOptionError: A word of another form.
    """
    return keyed(texts, SETTING, "SECTION.NAME=VALUE, such as -o frontend.width=16")


def options(texts: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE`` words by their key, which may have a section before it.

    Raises:
        BadOptionError: A word of another form.
    """
    return keyed(texts, OPTION, "NAME=VALUE, such as -o width=16")


def keyed(texts: Sequence[str], form: re.Pattern[str], example: str) -> dict[str, str]:
    """The value of every word by its key.

    Raises:
        BadOptionError: A word has not the `form`, of which there is an `example`.
    """
    found: dict[str, str] = {}
    for text in texts:
        match = form.fullmatch(text)
        if match is None:
            raise BadOptionError(f"-o {text}: write settings as {example}")
        found[match["key"]] = match["value"]
    return found


def parted(texts: Sequence[str], section: str = "frontend") -> tuple[str | None, dict[str, str]]:
    """The one ``-o`` word that names a place, if any, and those that are settings, such as some of `section`.

    Raises:
        BadOptionError: Two places are named, or a place looks like a setting.
    """
    chosen = [text for text in texts if SETTING.fullmatch(text)]
    places = [text for text in texts if text not in chosen]
    for place in places:
        if "=" in place and Path(place).name == place and not Path(place).exists():
            raise BadOptionError(
                f"-o {place}: write settings as {section}.{place}; a place with '=' in its name as ./{place}"
            )
    if len(places) > 1:
        raise BadOptionError(f"-o names two places, {places[0]} and {places[1]}; give one")
    return (places[0] if places else None), settings(chosen)
