"""A table of recordings, CSV (.csv, .tsv) or JSON Lines (.jsonl), one row per clip.

Columns: ``id, path, start, end, split, label | transcript | label_path, speaker, session, corpus, tags, extra``; only
``path`` is required. Paths are relative to the table, times are seconds, tags of a noise are separated by ``;``.
A table with no `split` is divided by speaker where speakers are known, else by recording.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from sefront.core.clips import SPLITS, Card, Clip, Split, Task
from sefront.core.corpora import (
    TEST,
    VALID,
    Splits,
    apart,
    check_shares,
    divided,
    faults,
    labels_of,
    source,
    with_valid,
)
from sefront.core.errors import SefrontError
from sefront.core.traces import TraceFile
from sefront.corpora.manifest.rows import Row, Target, clip_of, read, split_of, target_of

Role = Literal["speech", "scene", "noise"]


class Manifest:
    """The clips that a CSV or JSON Lines file lists.

    Args:
        role: What the recordings are; None means noise where rows have tags and no target, else speech.
        target: The column to predict; None means the only one of label, transcript and label_path that is filled.
        metric: Headline metric; None means uar for labels, wer for transcripts and ccc for traces.
        dimensions: What the columns of a trace (label_path) are called.
        frame_rate: Frames per second of a trace in Hz.
        valid: Share of the speakers or recordings for validation, where the table names no validation rows.
        test: Share of the speakers or recordings for test, where the table has no split column.
    """

    def __init__(
        self,
        root: Path,
        *,
        role: Role | None = None,
        target: Target | None = None,
        metric: str | None = None,
        dimensions: tuple[str, ...] = ("arousal", "valence"),
        frame_rate: float = 25.0,
        valid: float = VALID,
        test: float = TEST,
    ) -> None:
        check_shares(valid, test)
        if not frame_rate > 0:
            raise ValueError(f"frame_rate must be positive, not {frame_rate:g} Hz")
        self._path = Path(root)
        rows = read(self._path)
        self._target = target_of(rows, target, self._path)
        clips = self._clips(rows, dimensions)
        self._types = {clip.id: row["tags"].split(";")[0].strip() for clip, row in clips if "tags" in row}
        self._role: Role = role or ("noise" if self._types and self._target is None else "speech")
        self._stated = any("split" in row for row in rows.values())
        self._splits = self._split(clips, valid, test)
        self._task = self._task_of(metric, dimensions, frame_rate)

    def _clips(self, rows: Mapping[int, Row], dimensions: tuple[str, ...]) -> list[tuple[Clip, Row]]:
        """A clip for each row, which line numbers name; an id may stand once."""
        lines: dict[str, int] = {}
        clips = []
        for number, row in rows.items():
            clip = clip_of(row, self._target, self._path, number, dimensions)
            if (first := lines.setdefault(clip.id, number)) != number:
                hint = "" if "id" in row else "; pieces of one file need an id each"
                raise SefrontError(f"{self._path}, line {number}: id '{clip.id}' is that of line {first} already{hint}")
            clips.append((clip, row))
        return clips

    def _split(self, clips: list[tuple[Clip, Row]], valid: float, test: float) -> Splits:
        pooled = self._target != "label"
        if not self._stated:
            found = [clip for clip, _ in clips]
            return divided(found, person, self._stratum, valid=valid, test=test, pooled=pooled)
        homes: dict[Split, list[Clip]] = {split: [] for split in SPLITS}
        for clip, row in clips:
            if "split" not in row:
                raise SefrontError(f"{self._path}: '{clip.id}' has no split but other rows do; expected all or none")
            homes[split_of(row["split"])].append(clip)
        splits: Splits = {split: tuple(found) for split, found in homes.items()}
        return splits if splits["valid"] else with_valid(splits, person, self._stratum, valid, pooled)

    def _stratum(self, clip: Clip) -> str:
        return str(clip.target) if self._target == "label" else self._types.get(clip.id, "")

    def _task_of(self, metric: str | None, dimensions: tuple[str, ...], frame_rate: float) -> Task | None:
        wanted: Literal["speech", "scene"] = "scene" if self._role == "scene" else "speech"
        if self._target == "label":
            return Task("classification", labels_of(self._splits, str(self._path)), metric or "uar", wanted)
        if self._target == "transcript":
            texts = [str(clip.target or "") for split in SPLITS for clip in self._splits[split]]
            symbols = sorted({symbol for text in texts for symbol in text})
            return Task("transcription", ("", *symbols), metric or "wer", wanted)
        if self._target == "label_path":
            return Task("trace", dimensions, metric or "ccc", wanted, frame_rate)
        return None

    def role(self) -> Role:
        """As stated, else noise where rows have tags and no target, else speech."""
        return self._role

    def task(self) -> Task | None:
        """Classification of labels, transcription or traces; None where no target is listed."""
        return self._task

    def clips(self, split: Split) -> Sequence[Clip]:
        """The rows of a split in the table's order."""
        return self._splits[split]

    def noise_clips(self, split: Split) -> Sequence[Clip]:
        """The same recordings with their first tag as noise type."""
        return tuple(replace(clip, target=self._types.get(clip.id)) for clip in self._splits[split])

    def splits_of_its_own(self) -> bool:
        """Whether the table has a split column."""
        return self._stated

    def problems(self) -> list[str]:
        """Missing and unreadable files and traces, speakers and recordings shared between splits."""
        found = list(faults(self._splits))
        targets = [clip.target for split in SPLITS for clip in self._splits[split]]
        return found + [fault for trace in targets if isinstance(trace, TraceFile) and (fault := trace.fault())]

    def card(self) -> Card:
        """What a bare table can say."""
        size = f"{sum(map(len, self._splits.values()))} clips"
        return Card("as its owner states", "recordings of the user's own", size, str(self._path), apart(self._splits))


def person(clip: Clip) -> str:
    """What a split keeps together: a speaker where known, else a recording."""
    return f"speaker {clip.speaker}" if clip.speaker is not None else source(clip)
