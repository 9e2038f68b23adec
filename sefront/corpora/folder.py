"""Any directory of audio: class folders for classification, or loose files as noise, speech or scenes.

Layouts: ``root/CLASS/**/file`` is a classification task, loose files in ``root`` are unlabelled; either may lie below
``train``, ``valid`` (or ``dev``) and ``test``, which then are the splits. Without those the split is drawn by file,
since speakers are unknown: state `speaker` for a speaker-disjoint one. Pieces cut from one long recording are
separate files and may land in different splits. A missing validation folder is drawn out of the training one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from sefront.core.audio import AudioFile
from sefront.core.clips import SPLITS, Card, Clip, Split, Task
from sefront.core.corpora import (
    SPLIT_NAMES,
    TEST,
    VALID,
    Splits,
    apart,
    audio_below,
    check_shares,
    divided,
    faults,
    labels_of,
    with_valid,
)
from sefront.core.errors import SefrontError

LAYOUT = "a folder of audio: CLASS/FILE for classes, loose files for noise, either below train, valid and test if split"

Role = Literal["speech", "scene", "noise"]


class Folder:
    """The audio files below a directory, labelled by the folders they lie in.

    Args:
        role: What the recordings are; None means speech where class folders label them, else noise. Noise has no task.
        metric: Headline metric of the classification task.
        speaker: Regular expression whose first group, found in a file's path below the root, names its speaker.
        valid: Share of the files or speakers for validation, where there is no valid folder.
        test: Share of the files or speakers for test, where there are no split folders.
    """

    def __init__(
        self,
        root: Path,
        *,
        role: Role | None = None,
        metric: str = "uar",
        speaker: str | None = None,
        valid: float = VALID,
        test: float = TEST,
    ) -> None:
        check_shares(valid, test)
        self._root = Path(root)
        self._paths = [path.relative_to(self._root) for path in audio_below(self._root, LAYOUT)]
        self._homes = split_folders(self._root, self._paths)
        classes = {self._below(path).parts[0] for path in self._paths if len(self._below(path).parts) > 1}
        self._loose = [path for path in self._paths if len(self._below(path).parts) == 1]
        self._labelled = len(classes) > 1 and not self._loose and role != "noise"
        self._role: Role = role or ("speech" if self._labelled else "noise")
        self._types: dict[str, str] = {}
        self._speakers = speakers(self._paths, speaker, self._root)
        self._splits = self._split(tuple(self._clip(path) for path in self._paths), valid, test)
        self._task = self._classification(metric) if self._labelled else None

    def _below(self, path: Path) -> Path:
        """`path` below its split folder."""
        return Path(*path.parts[1:]) if self._homes else path

    def _clip(self, path: Path) -> Clip:
        below = self._below(path)
        kind = below.parts[0] if len(below.parts) > 1 else stem(path)
        self._types[path.as_posix()] = kind
        target = kind if self._labelled or self._role == "noise" else None
        return Clip(path.as_posix(), AudioFile(self._root / path), target, self._speakers.get(path))

    def _split(self, clips: tuple[Clip, ...], valid: float, test: float) -> Splits:
        pooled = not self._labelled
        if not self._homes:
            return divided(clips, person, self._type, valid=valid, test=test, pooled=pooled)
        home = {clip.id: self._homes[Path(clip.id).parts[0]] for clip in clips}
        stated: Splits = {split: tuple(clip for clip in clips if home[clip.id] == split) for split in SPLITS}
        return stated if stated["valid"] else with_valid(stated, person, self._type, valid, pooled)

    def _type(self, clip: Clip) -> str:
        return self._types[clip.id]

    def _classification(self, metric: str) -> Task:
        wanted: Literal["speech", "scene"] = "scene" if self._role == "scene" else "speech"
        return Task("classification", labels_of(self._splits, str(self._root)), metric, wanted)

    def role(self) -> Role:
        """As stated, else speech where class folders label it and noise where nothing does."""
        return self._role

    def task(self) -> Task | None:
        """Classification into the class folders; None without them."""
        return self._task

    def clips(self, split: Split) -> Sequence[Clip]:
        """The files of a split, by path."""
        return self._splits[split]

    def noise_clips(self, split: Split) -> Sequence[Clip]:
        """The same files with their noise type: the folder, else the file name without its number."""
        return tuple(replace(clip, target=self._type(clip)) for clip in self._splits[split])

    def splits_of_its_own(self) -> bool:
        """Whether there are split folders."""
        return bool(self._homes)

    def problems(self) -> list[str]:
        """Unreadable files, speakers shared between splits, files without a class or speaker."""
        found = list(faults(self._splits))
        if self._loose and len(self._loose) < len(self._paths) and self._role != "noise":
            found.append(f"{self._root}: loose files such as {self._loose[0]} beside folders: no classes taken")
        if self._speakers:
            nameless = [path for path in self._paths if path not in self._speakers]
            found += [f"{path}: the speaker pattern does not match" for path in nameless]
        return found

    def card(self) -> Card:
        """What a bare folder can say."""
        size = f"{len(self._paths)} clips"
        return Card("as its owner states", "recordings of the user's own", size, str(self._root), apart(self._splits))


def person(clip: Clip) -> str:
    """What a split keeps together: a speaker where known, else the file."""
    return f"speaker {clip.speaker}" if clip.speaker is not None else clip.id


def stem(path: Path) -> str:
    """The file name without its number: ``gsc_silence_0002`` is ``gsc_silence``.

    >>> stem(Path("boiler-03.wav")), stem(Path("0001.wav"))
    ('boiler', '0001')
    """
    return path.stem.rstrip("0123456789_- ") or path.stem


def split_folders(root: Path, paths: Sequence[Path]) -> dict[str, Split]:
    """The top folders that are splits; none where a folder called train is one class among others."""
    tops = Counter(path.parts[0] if len(path.parts) > 1 else "" for path in paths)
    splits = {top: SPLIT_NAMES[top.lower()] for top in tops if top.lower() in SPLIT_NAMES}
    others = sorted(set(tops) - set(splits))
    if others and len(set(splits.values())) > 1:
        found = f"{', '.join(sorted(splits))} beside {', '.join(other or 'loose files' for other in others)}"
        raise SefrontError(f"{root}: holds {found}; expected either split folders only or none")
    return {} if others else splits


def speakers(paths: Sequence[Path], pattern: str | None, root: Path) -> dict[Path, str]:
    """The speaker of each path that `pattern` matches."""
    if pattern is None:
        return {}
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"speaker '{pattern}' is not a regular expression ({error})") from error
    if not expression.groups:
        raise ValueError(f"speaker '{pattern}' needs a group in brackets that holds the speaker's name")
    matches = {path: match[1] for path in paths if (match := expression.search(path.as_posix())) and match[1]}
    if not matches:
        raise SefrontError(f"{root}: speaker pattern '{pattern}' matches none of the paths, such as '{paths[0]}'")
    return matches
