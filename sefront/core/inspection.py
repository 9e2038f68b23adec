"""What training says of its samples: which are hard, which weighed most, and whose label is probably wrong.

Read from ``samples/PHASE.jsonl`` of a run folder, which has a line for every epoch. Over all epochs of a phase,

    importance  the sum of a sample's weights, each over what a sample of its epoch weighs on average: 1 an epoch
                where all weigh alike
    hard index  h of `sefront.core.hard_examples`, from how often the sample was answered wrongly
    loss        the mean of its task losses

Whether a label is suspect says `sefront.core.suspicion`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from sefront.core.errors import SefrontError, unknown
from sefront.core.files import read_lines
from sefront.core.hard_examples import hard_index
from sefront.core.suspicion import suspected, telling

Rank = Literal["weight", "hard", "loss"]
RANKS = {"weight": "importance", "hard": "hard_index", "loss": "loss"}


@dataclass
class Sample:
    """What is known of one training clip; where it learnt in several branches, of these together.

    Args:
        id: Its name in the corpus.
        label: Its class, or transcript; None where it is a trace.
        speaker: Who speaks, where known.
        presented: How often it was learnt from.
        wrong: How often it was answered wrongly; None where there are no answers.
        hard_index: h in [0, 1]; None without answers. Over several branches, the mean.
        importance: Sum of its weights, 1 an epoch for the average clip; None where nothing is weighed.
        snr: Mean SNR in dB of its mixtures; None for clean ones.
        losses: Its task loss in every epoch, None where that was not finite.
        answers: How often each class was the answer.
        votes: The confidence of its answers by class, summed over the epochs that tell of labels.
        voted: How many answers these were.
    """

    id: str
    label: str | None = None
    speaker: str | None = None
    presented: int = 0
    wrong: int | None = None
    hard_index: float | None = None
    importance: float | None = None
    snr: float | None = None
    losses: list[float | None] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    votes: dict[str, float] = field(default_factory=dict)
    voted: int = 0

    @property
    def suspect(self) -> str | None:
        """The class that it was surely taken for, where its label is probably wrong."""
        return suspected(self.label, self.votes, self.voted)

    @property
    def loss(self) -> float | None:
        """The mean of its task losses; None where there are none."""
        known = [loss for loss in self.losses if loss is not None]
        return sum(known) / len(known) if known else None

    def as_dict(self) -> dict[str, Any]:
        """Everything, the mean loss and the suspicion."""
        return {**asdict(self), "loss": self.loss, "suspect": self.suspect}


def phases_in(run: Path) -> list[str]:
    """The phases of which the run has kept samples, in the order of the log.

    Raises:
        SefrontError: There is none.
    """
    logged = [record["phase"] for record in read_lines(run / "log.jsonl")]
    kept = [name for name in dict.fromkeys(logged) if (run / "samples" / f"{name}.jsonl").exists()]
    if not kept:
        raise SefrontError(f"{run}: has kept nothing of its samples; only a run that trains a backend does")
    return kept


def epochs_of(run: Path, phase: str) -> Iterator[dict[str, Any]]:
    """The lines of a phase: epoch, ids, and columns of values."""
    with (run / "samples" / f"{phase}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def inspected(
    run: Path,
    labels: Sequence[str],
    targets: Mapping[str, str | None],
    *,
    branches: Collection[str] = (),
    chosen: str | None = None,
) -> list[Sample]:
    """What the phases of a run say of every sample.

    Args:
        run: The run folder.
        labels: Names of the classes; empty for other tasks.
        targets: The label of each clip by its id.
        branches: Phases in which the branches of a backend learn from all clips, each by itself.
        chosen: The phase; by default the last that weighs samples, or all of `branches`, or the last with all clips.

    Raises:
        SefrontError: There is no such phase, or none has kept its samples.
    """
    phases = phases_in(run)
    if chosen is not None and chosen not in phases:
        raise unknown("phase", chosen, phases, f"{run}")
    weighing = [phase for phase in phases if any("weight" in columns for columns in epochs_of(run, phase))]
    learnt = [phase for phase in phases if phase in branches]
    whole = [phase for phase in phases if not phase.endswith("_hard")] or phases
    wanted = [chosen] if chosen else weighing[-1:] or learnt or whole[-1:]
    heard = [heard_in(run, phase, labels, targets) for phase in wanted]
    return [merged([found[name] for found in heard if name in found]) for name in dict.fromkeys(chain(*heard))]


def shares(columns: Mapping[str, Any]) -> list[float]:
    """What each sample of an epoch weighs, over what one weighs on average; weights compare the samples of a step."""
    together = Counter(columns["step"])
    sizes = [together[step] * (weight or 0.0) for step, weight in zip(columns["step"], columns["weight"], strict=True)]
    average = sum(sizes) / len(sizes)
    return [size / average if average > 0 else 1.0 for size in sizes]


def heard_in(run: Path, phase: str, labels: Sequence[str], targets: Mapping[str, str | None]) -> dict[str, Sample]:
    """The samples of one phase by id."""
    found: dict[str, Sample] = {}
    snrs: dict[str, list[float]] = {}
    for columns in epochs_of(run, phase):
        weights = shares(columns) if "weight" in columns else []
        for row, name in enumerate(columns["id"]):
            sample = found.setdefault(name, Sample(name, targets.get(name)))
            sample.presented += 1
            sample.losses.append(columns["task_loss"][row] if "task_loss" in columns else None)
            if weights:
                sample.importance = (sample.importance or 0.0) + weights[row]
            if columns["snr"][row] is not None:
                snrs.setdefault(name, []).append(columns["snr"][row])
        if "answer" in columns and labels:
            answered([found[name] for name in columns["id"]], [labels[int(i)] for i in columns["answer"]], columns)
    for name, sample in found.items():
        sample.snr = sum(snrs[name]) / len(snrs[name]) if name in snrs else None
        sample.answers = dict(Counter(sample.answers).most_common())
    with_answers = [sample for sample in found.values() if sample.wrong is not None]
    index = hard_index([s.wrong or 0 for s in with_answers], [s.presented for s in with_answers])
    for sample, h in zip(with_answers, index.tolist(), strict=True):
        sample.hard_index = h
    return found


def answered(samples: Sequence[Sample], answers: Sequence[str], columns: Mapping[str, Any]) -> None:
    """Put the answers of one epoch into its samples."""
    wrong = sum(answer != sample.label for sample, answer in zip(samples, answers, strict=True)) / len(samples)
    sure = columns.get("confidence", [1.0] * len(samples))
    for sample, answer, confidence in zip(samples, answers, sure, strict=True):
        sample.answers[answer] = sample.answers.get(answer, 0) + 1
        sample.wrong = (sample.wrong or 0) + (answer != sample.label)
        if telling(wrong):
            sample.votes[answer] = sample.votes.get(answer, 0.0) + (confidence or 0.0)
            sample.voted += 1


def merged(parts: Sequence[Sample]) -> Sample:
    """One sample from what several branches say of it."""
    if len(parts) == 1:
        return parts[0]
    indices = [part.hard_index for part in parts if part.hard_index is not None]
    answers: Counter[str] = Counter()
    votes: dict[str, float] = {}
    for part in parts:
        answers.update(part.answers)
        votes |= {name: votes.get(name, 0.0) + sure for name, sure in part.votes.items()}
    return replace(
        parts[0],
        presented=sum(part.presented for part in parts),
        wrong=sum(part.wrong or 0 for part in parts) if indices else None,
        hard_index=sum(indices) / len(indices) if indices else None,
        losses=[loss for part in parts for loss in part.losses],
        answers=dict(answers.most_common()),
        votes=votes,
        voted=sum(part.voted for part in parts),
    )


def ranked(samples: Iterable[Sample], by: Rank | None = None) -> list[Sample]:
    """The samples, hardest first.

    Args:
        samples: Some samples.
        by: "weight" (importance), "hard" (hard index) or "loss"; by default the first of these that there is.

    Raises:
        SefrontError: Nothing of the kind is known of them.
    """
    found = list(samples)
    if by is not None and by not in RANKS:
        raise unknown("rank", by, RANKS)
    known = [name for name, value in RANKS.items() if any(getattr(sample, value) is not None for sample in found)]
    if by is not None and by not in known:
        raise SefrontError(f"--by {by}: this phase knows nothing of the kind; it knows {', '.join(known) or 'nothing'}")
    value = RANKS[by or [*known, "loss"][0]]
    return sorted(found, key=lambda s: (-(getattr(s, value) or 0.0), -(s.loss or 0.0), s.id))
