"""The clips of any corpus as rows of a list: a manifest that can be passed on, or cuts of Lhotse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from sefront.core.audio import AudioFile
from sefront.core.clips import SPLITS, Clip, Split
from sefront.core.errors import SefrontError
from sefront.core.protocols import Corpus
from sefront.core.rooted import is_inside, name_in
from sefront.core.traces import TraceFile

COLUMNS = {"classification": "label", "transcription": "transcript", "trace": "label_path"}
"""The column that targets go to, by the kind of task."""
METRICS = {"classification": "uar", "transcription": "wer", "trace": "ccc"}
"""The headline metrics that a manifest has unless it is told another."""
Row = dict[str, Any]


class Inventory:
    """What a list in some folder says of a corpus.

    Args:
        corpus: The corpus.
        name: What it is called.
        folder: Where the list will lie; paths below it are relative to it.
    """

    def __init__(self, corpus: Corpus, name: str, folder: Path) -> None:
        self.corpus, self.name, self.folder = corpus, name, folder
        self.task = corpus.task()
        self.target = COLUMNS[self.task.kind] if self.task else "tags" if corpus.role() == "noise" else None
        self.outside = False

    def clips(self) -> Iterator[tuple[Clip, Split]]:
        """All clips, split by split."""
        for split in SPLITS:
            for clip in self.corpus.clips(split):
                yield clip, split

    def rows(self) -> Iterator[Row]:
        """A row for each clip; whether any file is outside the folder is known at the end."""
        for clip, split in self.clips():
            yield self.row(clip, split)

    def row(self, clip: Clip, split: Split) -> Row:
        """What is known of a clip.

        Raises:
            SefrontError: It has no file, or a trace that is in none.
        """
        audio = clip.audio
        if not isinstance(audio, AudioFile):
            raise SefrontError(
                f"corpus '{self.name}': its clips are made, not read from files, so no list can name them"
            )
        if clip.recorded:
            raise SefrontError(
                f"corpus '{self.name}': clip {clip.id} was recorded in noise, which no list says; name the corpus"
            )
        row: Row = {
            "id": clip.id, "path": self.path(audio.path), "start": audio.start or None, "end": audio.end,
            "split": split, "speaker": clip.speaker, "session": clip.session, "corpus": self.name,
        }  # fmt: skip
        if self.target is not None:
            row[self.target] = self.path(clip.target.path) if isinstance(clip.target, TraceFile) else clip.target
        if self.target == "label_path" and not isinstance(clip.target, TraceFile):
            raise SefrontError(f"corpus '{self.name}': the trace of clip {clip.id} is in no table of its own")
        return {name: value for name, value in row.items() if value is not None}

    def path(self, path: Path) -> str:
        """A file as the list names it: relative where it lies below the folder."""
        self.outside = self.outside or not is_inside(path, self.folder)
        return name_in(path, self.folder)

    def words(self) -> list[str]:
        """What has to be said on the command line for the list to be read as the corpus was."""
        said = {}
        if self.corpus.role() == "scene":
            said["role"] = "scene"
        if self.task and self.task.metric != METRICS[self.task.kind]:
            said["metric"] = self.task.metric
        if self.task and self.task.kind == "transcription":
            heard = sorted(set(chain.from_iterable(str(clip.target or "") for clip, _ in self.clips())))
            said |= {"alphabet": "".join(self.task.labels)} if list(self.task.labels[1:]) != heard else {}
        if self.task and self.task.kind == "trace":
            said |= {"dimensions": ",".join(self.task.labels), "frame_rate": f"{self.task.frame_rate:g}"}
        if not self.corpus.clips("valid"):
            said["valid"] = "0"
        section = "noise" if self.target == "tags" else "corpus"
        options = [word for name, value in said.items() for word in ("-o", f"{section}.{name}={value}")]
        return [*options, *(["--follow-outside"] if self.outside else [])]


def write_rows(file: TextIO, inventory: Inventory) -> int:
    """Write a manifest in JSON Lines; the number of its rows.

    Raises:
        SefrontError: A name is no text, or a clip has no file.
    """
    count = 0
    for row in inventory.rows():
        line = json.dumps(row, ensure_ascii=False)
        try:
            file.write(f"{line}\n")
        except UnicodeEncodeError as error:
            raise SefrontError(f"{row['path']!r}: its name is no text in {error.encoding}; rename it") from error
        count += 1
    return count
