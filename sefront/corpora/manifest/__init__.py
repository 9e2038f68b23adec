"""A table of recordings, CSV (.csv, .tsv) or JSON Lines (.jsonl), one row per clip.

Columns: ``id, path, start, end, split, label | transcript | label_path, speaker, session, corpus, tags, extra``; only
``path`` is required. Paths are relative to the table, times are seconds, tags of a noise are separated by ``;``.
A table with no `split` is divided by speaker where speakers are known, else by recording.
"""

from __future__ import annotations

from pathlib import Path

from sefront.core.columns import Target
from sefront.core.corpora import TEST, VALID
from sefront.core.listed import Listed, Role
from sefront.corpora.manifest.rows import read


class Manifest(Listed):
    """The clips that a CSV or JSON Lines file lists.

    Args:
        role: What the recordings are; None means noise where rows have tags and no target, else speech.
        target: The column to predict; None means the only one of label, transcript and label_path that is filled.
        metric: Headline metric; None means uar for labels, wer for transcripts and ccc for traces.
        alphabet: The symbols of transcripts; None means those that occur in them.
        dimensions: What the columns of a trace (label_path) are called.
        frame_rate: Frames per second of a trace in Hz.
        valid: Share of the speakers or recordings for validation, where the table names no validation rows.
        test: Share of the speakers or recordings for test, where the table has no split column.
        follow_outside: Whether paths may lead out of the folder of the table.
    """

    def __init__(
        self,
        root: Path,
        *,
        role: Role | None = None,
        target: Target | None = None,
        metric: str | None = None,
        alphabet: str | None = None,
        dimensions: tuple[str, ...] = ("arousal", "valence"),
        frame_rate: float = 25.0,
        valid: float = VALID,
        test: float = TEST,
        follow_outside: bool = False,
    ) -> None:
        if not frame_rate > 0:
            raise ValueError(f"frame_rate must be positive, not {frame_rate:g} Hz")
        super().__init__(
            read(Path(root), follow_outside), role=role, target=target, metric=metric, alphabet=alphabet,
            dimensions=dimensions, frame_rate=frame_rate, valid=valid, test=test,
        )  # fmt: skip
