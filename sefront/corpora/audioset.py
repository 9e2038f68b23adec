"""AudioSet as noise: ten seconds of what people put on YouTube, without anything in which somebody can be heard.

A clip is left out if any of its labels is *Human sounds* or lies below it in the ontology. The type of noise is the
kind of sound at the top of the ontology, such as Music or Animal, that the first label belongs to. The evaluation list
tests, the training lists train, and validation is drawn out of them by video. Of the lists only what is there as audio
counts, since videos have vanished: Milling et al. 2024, doi:10.1007/s11390-024-2934-x, had 16198, 636 and 714 clips.
Source: Gemmeke et al. 2017, doi:10.1109/ICASSP.2017.7952261.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from sefront.core.audio import AudioFile
from sefront.core.clips import SPLITS, Card, Clip, Split
from sefront.core.corpora import Splits, audio_below, check_shares, faults, leaks, with_valid
from sefront.core.errors import SefrontError

LAYOUT = (
    "ontology.json, balanced_train_segments.csv, unbalanced_train_segments.csv (if used) and eval_segments.csv, and "
    "anywhere below audio named VIDEO.wav (or .flac), YVIDEO.wav or VIDEO_START.wav, VIDEO the eleven signs of YouTube"
)
LISTS: dict[str, Split] = {
    "balanced_train_segments.csv": "train",
    "unbalanced_train_segments.csv": "train",
    "eval_segments.csv": "test",
}
HUMAN = "/m/0dgw9r"
NAME = re.compile(r"Y?(?P<video>[\w-]{11})(?:_[\d._-]+)?", re.ASCII)
VALID = 0.04  # of the training videos, about what the paper took


class AudioSet:
    """Noise of all kinds but human; the type is the kind of sound.

    Args:
        valid: Share of the training videos for validation.
    """

    def __init__(self, root: Path, *, valid: float = VALID) -> None:
        check_shares(valid, 0.0)
        self._root = Path(root)
        found = [(path, NAME.fullmatch(path.stem)) for path in audio_below(self._root, LAYOUT)]
        self._nameless = [path for path, match in found if match is None]
        files = {match["video"]: path for path, match in found if match}
        children = ontology(self._root / "ontology.json")
        if not any((self._root / name).is_file() for name in LISTS):
            raise SefrontError(f"{self._root}: no list of segments; expected {LAYOUT}")
        human = below(HUMAN, children)
        kinds = kinds_of(children)
        self._labelled: set[str] = set()
        listed: dict[Split, list[Clip]] = {split: [] for split in SPLITS}
        for name, split in LISTS.items():
            for video, labels in segments(self._root / name):
                if video not in files or video in self._labelled:
                    continue
                self._labelled.add(video)
                if human.isdisjoint(labels):
                    listed[split].append(Clip(video, AudioFile(files[video]), kinds.get(labels[0], "unknown")))
        splits: Splits = {split: tuple(listed[split]) for split in SPLITS}
        if not any(splits.values()):
            raise SefrontError(f"{self._root}: no listed clip without human sounds has audio; expected {LAYOUT}")
        self._unlisted = sorted(set(files) - self._labelled)
        self._splits = with_valid(splits, video_of, lambda clip: str(clip.target), valid, True) if valid else splits

    def role(self) -> Literal["noise"]:
        """Sounds of all kinds but human."""
        return "noise"

    def task(self) -> None:
        """Nothing to predict."""

    def clips(self, split: Split) -> Sequence[Clip]:
        """The clips of a split in the order of the lists; the target is the kind of sound."""
        return self._splits[split]

    def splits_of_its_own(self) -> bool:
        """The lists say."""
        return True

    def problems(self) -> list[str]:
        """Unreadable files, audio that no list knows or whose name says no video. Absent audio is no problem."""
        found = [*faults(self._splits), *leaks(self._splits, video_of, "video")]
        for what, names in (("is in no list", self._unlisted), ("names no video", [p.name for p in self._nameless])):
            if names:
                found.append(f"{self._root}: {len(names)} files whose audio {what}, left out (first: {names[0]})")
        return found

    def card(self) -> Card:
        """Gemmeke et al. 2017."""
        return Card(
            licence="labels CC BY 4.0, ontology CC BY-SA 4.0; the audio belongs to those who uploaded it to YouTube",
            citation="J. F. Gemmeke et al., 'Audio Set: An ontology and human-labeled dataset for audio events', "
            "ICASSP 2017, doi:10.1109/ICASSP.2017.7952261",
            size="22176 balanced, 2042985 unbalanced and 20383 evaluation clips of 10 s, human sounds among them",
            source="https://research.google.com/audioset/download.html; the ontology from "
            "https://github.com/audioset/ontology",
            apart=("recording",),
            layout=LAYOUT,
        )


def video_of(clip: Clip) -> str:
    """The video that a clip was cut from; the lists have one clip of each."""
    return clip.id


def ontology(path: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Name and children of each class, by its machine identifier.

    Raises:
        SefrontError: It is missing, of another form, or does not know human sounds.
    """
    if not path.is_file():
        raise SefrontError(f"{path}: no such file; expected {LAYOUT}")
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        known = {str(entry["id"]): (str(entry["name"]), tuple(map(str, entry["child_ids"]))) for entry in entries}
    except (ValueError, KeyError, TypeError) as error:
        raise SefrontError(f"{path}: not a list of classes with id, name and child_ids ({error})") from error
    if HUMAN not in known:
        raise SefrontError(f"{path}: no class {HUMAN} (Human sounds), so that these cannot be left out")
    return known


def below(top: str, classes: Mapping[str, tuple[str, tuple[str, ...]]]) -> set[str]:
    """`top` and every class below it."""
    found: set[str] = set()
    waiting = [top]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += classes.get(name, ("", ()))[1]
    return found


def kinds_of(classes: Mapping[str, tuple[str, tuple[str, ...]]]) -> dict[str, str]:
    """For each class the name of the first class at the top of the ontology that it belongs to."""
    inner = {child for _, children in classes.values() for child in children}
    kinds: dict[str, str] = {}
    for top, (name, _) in classes.items():
        if top not in inner:
            for label in below(top, classes):
                kinds.setdefault(label, name)
    return kinds


def segments(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Video and labels of the lines of a list; nothing where it is not there.

    Raises:
        SefrontError: A line of another form.
    """
    if not path.is_file():
        return
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file, skipinitialspace=True)
        for row in rows:
            if not row or row[0].startswith("#"):
                continue
            if len(row) != 4 or not row[3].strip():
                raise SefrontError(
                    f'{path}, line {rows.line_num}: expected VIDEO, START, END, "LABEL,LABEL", found {len(row)} cells'
                )
            yield row[0].strip(), [label.strip() for label in row[3].split(",")]
