"""Files that a list names lie below the folder of the list, unless somebody vouches for the list.

A list may come from anywhere; followed blindly, it could have any file of this machine read and mixed into audio that
is passed on. Names are looked at when the list is opened, links when a file is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from sefront.core.errors import SefrontError

FOLLOW = "if you trust whoever wrote the list, say --follow-outside (in Python follow_outside=True)"


def check_inside(root: Path, names: Sequence[str], where: Callable[[int], str]) -> None:
    """Refuse names that lead out of a folder, whatever is there; no file is opened.

    Args:
        root: The folder that they are relative to.
        names: Paths, relative or absolute.
        where: Where the name of some number stands, for messages.

    Raises:
        SefrontError: It says where the first such name stands, and how many there are.
    """
    joined = "\n" + "\n".join(names)
    if os.sep == "/" and "\n/" not in joined and ".." not in joined:
        return  # which is quicker than to look at each of a million
    prefix = os.path.join(os.path.abspath(root), "")  # noqa: PTH100, PTH118  # a million times quicker than Path
    doubtful = (i for i, name in enumerate(names) if ".." in name or not name.startswith(prefix))
    outside = [i for i in doubtful if leads_out(root, names[i], prefix)]
    if outside:
        more = f" (and so do {len(outside) - 1} others)" if len(outside) > 1 else ""
        raise SefrontError(f"{where(outside[0])}: {names[outside[0]]} lies outside {root}{more}; {FOLLOW}")


def leads_out(root: Path, name: str, prefix: str) -> bool:
    """Whether `name`, relative to `root` or absolute, lies neither below `prefix` nor really below `root`."""
    plain = not Path(name).is_absolute() and ".." not in Path(name).parts
    if plain or os.path.normpath(os.path.join(root, name)).startswith(prefix):  # noqa: PTH118
        return False
    return not is_inside(root / name, root)


def real(path: Path, within: Path | None) -> Path:
    """`path`, whose links do not lead out of the folder `within`; None means that they may.

    Raises:
        SefrontError: They do.
    """
    if within is not None and not is_inside(path, within):
        raise SefrontError(f"{path}: leads to {path.resolve()}, outside {within}; {FOLLOW}")
    return path


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a file is really below a folder, links followed."""
    return path.resolve().is_relative_to(folder.resolve())


def name_in(path: Path, folder: Path) -> str:
    """A file as a list in `folder` names it: relative where it lies below, else absolute."""
    there, here = os.path.abspath(path), os.path.join(os.path.abspath(folder), "")  # noqa: PTH100, PTH118
    return Path(there.removeprefix(here)).as_posix()
