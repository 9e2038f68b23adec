"""Reading what users type: settings and places."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sefront.core.errors import BadOptionError

SETTING = re.compile(r"(?P<key>[a-z_]+\.[\w.-]+)=(?P<value>.*)", re.DOTALL)


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
