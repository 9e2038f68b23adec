"""A run's samples with their audio: which clips they are, how they sounded, and a manifest of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sefront.core.audio import AudioFile
from sefront.core.audio_writing import writing
from sefront.core.clips import Clip
from sefront.core.damages import Damages
from sefront.core.data import Draw, Example
from sefront.core.errors import SefrontError
from sefront.core.files import clear_failures, write_text
from sefront.core.inspection import Rank, Sample, inspected, ranked
from sefront.core.joined import Joined
from sefront.core.reader import Reader
from sefront.core.rooted import is_inside, name_in
from sefront.core.run import Run
from sefront.core.setup import augment_of
from sefront.core.speed import Copies, Sped, original, sped, with_copies
from sefront.core.supply import Data
from sefront.core.traces import TraceFile

TARGETS = {"classification": "label", "transcription": "transcript", "trace": "label_path"}
COLUMNS = ("id", "path", "start", "end", *TARGETS.values(), "speaker", "extra")


class Inspection:
    """The training clips of a run, hardest first.

    Args:
        run: A finished run.
        by: What makes a clip hard: "weight", "hard" or "loss"; by default the first of these that the run knows.
        phase: The phase to look at; by default the one that weighs samples, or all that learn from all clips.

    Raises:
        SefrontError: The run has kept nothing of its samples, or knows nothing of the kind.
    """

    def __init__(self, run: Run, by: Rank | None = None, phase: str | None = None) -> None:
        self.run, experiment = run, run.experiment
        self.data = Data(experiment, run.components, Damages(), Reader(experiment.sample_rate))
        self.corpus = self.data.corpus(experiment.corpus, "corpus")
        augment, clips = augment_of(experiment, run.components), self.corpus.clips("train")
        self.speeds = augment.speed
        if augment.mixup and not any((run.path / "samples").glob("*.jsonl")):
            raise SefrontError(
                f"{run.path}: learnt from mixed clips (augment.mixup), so no answer was that of one clip, and none was "
                "kept; inspect a run without mixup"
            )
        self.clips = {clip.id: clip for clip in Copies(clips, self.speeds, sped)}
        labels = run.task.labels if run.task and run.task.kind == "classification" else ()
        targets = {name: clip.target if isinstance(clip.target, str) else None for name, clip in self.clips.items()}
        branches = [name for name, _ in run.backend.named()] if isinstance(run.backend, Joined) else []
        found = inspected(run.path, labels, targets, branches=branches, chosen=phase)
        self.samples = ranked([replace(s, speaker=self.clip(s).speaker) for s in found], by)

    def clip(self, sample: Sample) -> Clip:
        """The clip of a sample.

        Raises:
            SefrontError: The corpus has it no more.
        """
        if sample.id not in self.clips:
            raise SefrontError(
                f"{self.run.path}: clip {sample.id} is no more in the training part of corpus "
                f"'{self.run.experiment.corpus}'; put it back as it was when the run learnt from it"
            )
        return self.clips[sample.id]

    def write_audio(self, samples: Sequence[Sample], folder: Path) -> list[Path]:
        """Write clean, noisy and enhanced audio of `samples`, as the first epoch mixed them, into `folder`.

        Returns:
            The files, ``ID-clean.wav`` and so on; slashes in an id become underscores. Damaged clips have none, and
            recordings in noise no clean one but their reference.
        """
        rate, written = self.run.experiment.sample_rate, []
        listener, mixtures = self.run.listener(), with_copies(self.data.material(self.corpus).train, self.speeds)
        places = {clip.id: index for index, clip in enumerate(mixtures.clips)}
        for sample in samples:
            example = mixtures[Draw(places[sample.id])] if sample.id in places else None
            if not isinstance(example, Example):
                continue
            waves = {} if example.clean is None else {"clean": example.clean}
            waves["noisy"] = example.noisy
            if self.run.frontend is not None:
                waves["enhanced"] = listener.enhance(example.noisy, rate)
            for what, wave in waves.items():
                place = folder / f"{sample.id.replace('/', '_')}-{what}.wav"
                with clear_failures(place, "repeat the command", "--audio"), writing(place, rate, 1, "FLOAT") as put:
                    put(np.asarray(wave)[:, None])
                written.append(place)
        return written

    def write_manifest(self, samples: Sequence[Sample], place: Path) -> bool:
        """Write a manifest of the files of `samples`, to listen to or to train on; splits are left to whoever does.

        A file of which there are copies at other speeds is written once, with what is known of the hardest of them.

        Returns:
            Whether any of them lies outside the folder of the manifest.

        Raises:
            SefrontError: A clip has no file, or its trace has none.
        """
        text = io.StringIO()
        table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        table.writeheader()
        rows: dict[str, dict[str, Any]] = {}
        for sample in samples:
            row = self.row(sample, place.parent)
            rows.setdefault(row["id"], row)
        table.writerows(rows.values())
        write_text(place, text.getvalue(), "repeat the command")
        named = (path for row in rows.values() for path in (row["path"], row.get("label_path")) if path)
        return not all(is_inside(place.parent / path, place.parent) for path in named)

    def row(self, sample: Sample, folder: Path) -> dict[str, Any]:
        """The row of a manifest in `folder`."""
        clip, kind = self.clip(sample), self.run.task.kind if self.run.task else "classification"
        audio, target, name = clip.audio, sample.label, sample.id
        if isinstance(audio, Sped):
            audio, name = audio.audio, original(name)
        if isinstance(clip.target, TraceFile):
            target = name_in(clip.target.path, folder)
        what = f"--export: clip {name} of corpus '{self.run.experiment.corpus}'"
        if not isinstance(audio, AudioFile):
            raise SefrontError(f"{what} has no file")
        if kind == "trace" and target is None:
            raise SefrontError(f"{what} has a trace that is in no table of its own, so no manifest can name it")
        known = {"hard_index": sample.hard_index, "importance": sample.importance, "loss": sample.loss}
        return {
            "id": name, "path": name_in(audio.path, folder), "start": audio.start or None, "end": audio.end,
            TARGETS[kind]: target, "speaker": sample.speaker,
            "extra": " ".join(f"{name}={value:.4g}" for name, value in known.items() if value is not None),
        }  # fmt: skip
