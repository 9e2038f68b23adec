"""``sefront inspect``: which training clips are hard, which weighed most, whose label is probably wrong."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sefront.cli.tables import aligned
from sefront.core.errors import BadOptionError, SefrontError

if TYPE_CHECKING:
    from sefront.core.inspection import Sample


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("inspect")(inspect)


def inspect(
    run: Path = typer.Argument(help="Run folder."),
    top: int = typer.Option(20, help="How many clips, hardest first; 0 for all."),
    by: str | None = typer.Option(
        None, help="weight (cumulative importance), hard (hard index) or loss. [the first that the run knows]"
    ),
    phase: str | None = typer.Option(None, help="Phase to look at. [the one that weighs samples, else all]"),
    suspect: bool = typer.Option(False, "--suspect", help="Only clips whose label is probably wrong."),
    audio: Path | None = typer.Option(None, help="Folder for clean, noisy and enhanced audio of these clips."),
    export: Path | None = typer.Option(None, help="Manifest (.csv) of these clips."),
    as_json: bool = typer.Option(False, "--json", help="Everything known of these clips as JSON."),
) -> None:
    """List the training clips that a run found hard, with their label, answers, SNR and task loss."""
    import sefront
    from sefront.core.inspecting import Inspection

    if top < 0:
        raise BadOptionError(f"--top must be at least 0, but is {top}")
    if export is not None and export.suffix.lower() != ".csv":
        raise BadOptionError(f"--export {export}: a manifest is a .csv file")
    found = Inspection(sefront.open_run(run), by, phase)  # type: ignore[arg-type]  # it refuses other words
    answered = any(sample.answers for sample in found.samples)
    if suspect and not answered:
        raise SefrontError("--suspect: only answers that are classes tell of labels, and this phase has kept none")
    samples = [sample for sample in found.samples if sample.suspect or not suspect]
    shown = samples[:top] if top else samples
    if not shown and (audio or export):
        raise SefrontError("none of the clips is suspect, so there is nothing to write; leave out --suspect")
    if as_json:
        typer.echo(json.dumps([sample.as_dict() for sample in shown], indent=1))
    else:
        typer.echo("\n\n".join([*([table(shown)] if shown else []), summary(found.samples, answered)]))
    if export is not None:
        follow = " --follow-outside" if found.write_manifest(shown, export) else ""
        typer.echo(f"{export}: {len(shown)} clips; use it with --corpus {shlex.quote(str(export))}{follow}", err=True)
    if audio is not None:
        typer.echo(f"{audio}: {len(found.write_audio(shown, audio))} files", err=True)


def summary(samples: Sequence[Sample], answered: bool) -> str:
    """How many `samples` there are, and of those that were `answered` how many have suspect labels."""
    doubtful = f"; {sum(bool(sample.suspect) for sample in samples)} have suspect labels" if answered else ""
    return f"{len(samples)} clips were learnt from{doubtful}"


def table(samples: Sequence[Sample]) -> str:
    """A line for each sample; columns that nothing is known for are left out."""
    rows = [
        [
            sample.id,
            sample.label or "",
            number(sample.importance),
            number(sample.hard_index),
            "" if sample.wrong is None else f"{sample.wrong}/{sample.presented}",
            number(sample.snr),
            losses(sample),
            ", ".join(f"{answer} {count}" for answer, count in sample.answers.items()),
            f"taken for {sample.suspect}" if sample.suspect else "",
        ]
        for sample in samples
    ]
    header = ["clip", "label", "weight", "hard", "wrong", "snr", "task loss", "answers", "suspect"]
    kept = [i for i in range(len(header)) if i == 0 or any(row[i] for row in rows)]
    return aligned([[line[i] for i in kept] for line in (header, *rows)])


def number(value: float | None) -> str:
    """`value` with two decimals."""
    return "" if value is None else f"{value:.2f}"


def losses(sample: Sample) -> str:
    """The first, the middle and the last task loss."""
    known = [loss for loss in sample.losses if loss is not None]
    chosen = [known[0], known[len(known) // 2], known[-1]] if known else []
    return " ".join(f"{loss:.2f}" for loss in chosen)
