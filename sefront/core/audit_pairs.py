"""Finding the files of mixtures that others have made: by folders and file names, where there is no list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from sefront.core.audio import audio_files
from sefront.core.audit_lists import FOLDERS, Triple, listed
from sefront.core.errors import SefrontError
from sefront.core.mixture_list import LIST

NUMBERED = re.compile(r"fileid_(\d+)", re.IGNORECASE)  # the DNS challenge's way to pair files
STATED = re.compile(r"snr[_=]?(-?\d+(?:\.\d+)?)", re.IGNORECASE)


def triples(place: Path) -> list[Triple]:
    """The mixtures at `place`: a list, or a folder with a list or with folders of noisy and clean files.

    Raises:
        SefrontError: There are none.
    """
    if place.is_file():
        return listed(place)
    if not place.is_dir():
        raise SefrontError(f"{place}: no such file or folder")
    return listed(place / LIST) if (place / LIST).is_file() else paired(place)


def paired(folder: Path) -> list[Triple]:
    """The mixtures below `folder`, whose files are paired by name.

    Raises:
        SefrontError: There is no folder of noisy or of clean files, more than one, or no noisy file.
    """
    places = {part: part_of(folder, part) for part in FOLDERS}
    noisy, clean = places["noisy"], places["clean"]
    if noisy is None or clean is None:
        lacking = "noisy" if noisy is None else "clean"
        raise SefrontError(
            f"{folder}: holds no folder of {lacking} files; expected one called {' or '.join(FOLDERS[lacking])}, "
            f"or a {LIST}"
        )
    files = {part: by_key(place) if place else {} for part, place in places.items()}
    if not files["noisy"]:
        raise SefrontError(f"{noisy}: no audio files there")
    return [
        Triple(
            path.relative_to(folder).as_posix(), path, partner(files["clean"], noisy, path),
            partner(files["noise"], noisy, path), stated(path.stem),
        )
        for path in audio_files(noisy)
    ]  # fmt: skip


def part_of(folder: Path, part: str) -> Path | None:
    """The folder below `folder` that holds one part of the mixtures: called so, or with such a first word.

    Raises:
        SefrontError: There is more than one.
    """
    names = FOLDERS[part]
    below = sorted(place for place in folder.iterdir() if place.is_dir())
    exact = [place for name in names for place in below if place.name.lower() == name]
    found = exact or [place for place in below if re.split(r"[_\W]", place.name.lower())[0] in names]
    if len(found) > 1:
        raise SefrontError(
            f"{folder}: holds several folders of {part} files ({', '.join(place.name for place in found)}); keep one"
        )
    return found[0] if found else None


def by_key(folder: Path) -> dict[str, Path]:
    """The audio files below `folder` by their path in it without suffix, and by their number if they have one."""
    files: dict[str, Path] = {}
    for path in audio_files(folder):
        for key in keys(folder, path):
            files.setdefault(key, path)
    return files


def keys(folder: Path, path: Path) -> Sequence[str]:
    """By what the file at `path` is paired, the best first."""
    number = NUMBERED.search(path.stem)
    whole = path.relative_to(folder).with_suffix("").as_posix()
    return [whole, f"fileid {number[1]}"] if number else [whole]


def partner(files: Mapping[str, Path], folder: Path, path: Path) -> Path | None:
    """What among `files` belongs to the noisy file at `path`."""
    return next((files[key] for key in keys(folder, path) if key in files), None)


def stated(stem: str) -> float | None:
    """The SNR in dB that a file name says.

    >>> stated("book_snr-5_tl-21_fileid_3"), stated("a03_snr2.5"), stated("a03")
    (-5.0, 2.5, None)
    """
    found = STATED.search(stem)
    return float(found[1]) if found else None
