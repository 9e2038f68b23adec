"""Where training leaves its log and its checkpoints: a folder, or memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sefront.core import checkpoint
from sefront.core.checkpoint import Weights
from sefront.core.files import append_line, read_lines, write_text


class Store:
    """Log and checkpoints of one run; only the main process of several writes.

    Args:
        folder: The run folder; None keeps everything in memory.
        writes: Whether this process writes.
    """

    def __init__(self, folder: Path | None, writes: bool = True) -> None:
        self.folder, self.writes = folder, writes
        self.history: list[dict[str, Any]] = []
        self._memory: dict[str, Mapping[str, Weights]] = {}

    def _place(self, name: str) -> Path | None:
        return None if self.folder is None else self.folder / "checkpoint" / name

    def log(self, record: dict[str, Any]) -> None:
        """Add one line to the log."""
        self.history.append(record)
        if self.folder is not None and self.writes:
            append_line(self.folder / "log.jsonl", record)

    def samples(self, phase: str, epoch: int, steps: Sequence[Sequence[Mapping[str, Any]]]) -> None:
        """Keep what the steps of an epoch (from 0) of the phase knew of every sample, as columns."""
        rows = [{"step": number, **row} for number, step in enumerate(steps, 1) for row in step]
        if rows and self.folder is not None and self.writes:
            columns = {name: [row.get(name) for row in rows] for name in dict.fromkeys(n for row in rows for n in row)}
            place = self.folder / "samples" / f"{phase}.jsonl"
            place.parent.mkdir(exist_ok=True)
            append_line(place, {"epoch": epoch + 1, **columns})

    def rewind(self, records: int) -> None:
        """Take back what was logged after the last checkpoint."""
        if self.folder is not None:
            self.history = read_lines(self.folder / "log.jsonl")[:records]
            if self.writes:
                rewrite(self.folder / "log.jsonl", self.history)
                for place in (self.folder / "samples").glob("*.jsonl"):
                    done = sum(record["phase"] == place.stem for record in self.history)
                    kept = [line for line in read_lines(place) if line["epoch"] <= done]
                    rewrite(place, kept) if kept else place.unlink()

    def save(self, name: str, parts: Mapping[str, Weights], state: Mapping[str, Any] | None = None) -> None:
        """Keep a checkpoint called `name`."""
        place = self._place(name)
        if place is None:
            self._memory[name] = parts
        elif self.writes:
            checkpoint.save(place, parts, state)

    def weights(self, name: str, part: str) -> Weights | None:
        """The weights of one part in the checkpoint called `name`, or None."""
        place = self._place(name)
        return self._memory.get(name, {}).get(part) if place is None else checkpoint.load_part(place, part)

    def state(self) -> dict[str, Any] | None:
        """What the last checkpoint knows beside weights, or None where there is none."""
        place = self._place("last")
        return None if place is None else checkpoint.load_state(place)


def rewrite(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Replace a file of JSON lines."""
    write_text(path, "".join(json.dumps(record) + "\n" for record in records))
