"""Names of clips as names of files: any script, but no way out of a folder."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection

UNFIT = re.compile(r'[\x00-\x1f\x7f/\\<>:"|?*\ud800-\udfff]')
LONGEST = 150  # bytes, which leaves room for what is added within the 255 that file systems take


def file_names(names: Collection[str]) -> dict[str, str]:
    """A file name without suffix for each of several names; no two are the same, even where case does not count.

    >>> file_names(["an4/fash", "../fash"])
    {'an4/fash': 'an4_fash', '../fash': '_._fash'}
    """
    found = {name: fitting(name) for name in names}
    taken = Counter(place.casefold() for place in found.values())
    return {name: place if taken[place.casefold()] == 1 else marked(place, name) for name, place in found.items()}


def fitting(name: str) -> str:
    """`name` without what file systems refuse or hide."""
    text = UNFIT.sub("_", unicodedata.normalize("NFC", name)).rstrip(" .") or "_"
    text = f"_{text[1:]}" if text[0] in ". " else text
    encoded = text.encode()
    return text if len(encoded) <= LONGEST else marked(encoded[: LONGEST - 9].decode(errors="ignore"), name)


def marked(place: str, name: str) -> str:
    """`place` with a mark that follows from the whole `name`."""
    return f"{place}-{hashlib.blake2b(name.encode(errors='surrogateescape'), digest_size=4).hexdigest()}"
