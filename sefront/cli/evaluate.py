"""``sefront evaluate``: judge finished runs again, on their own test or on something else."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from sefront.cli.watching import watched


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate)


def evaluate(
    runs: list[Path] = typer.Argument(help="Run folders."),
    corpus: str | None = typer.Option(None, help="Another corpus: NAME, NAME:PATH, a folder, or a manifest."),
    noise: list[str] | None = typer.Option(None, "--noise", "--test-noise", help="Other noise; may be repeated."),
    test_snr: str | None = typer.Option(None, help="Other SNRs in dB, such as 10,5,0,-5."),
    metrics: str | None = typer.Option(None, help="Metrics by name, such as uar,stoi,pesq."),
    split: str = typer.Option("test", help="train, valid, test or all."),
    original: Path | None = typer.Option(None, help="Run whose clean-trained backend to compare with."),
    device: str | None = typer.Option(None, help="auto, cpu, cuda or cuda:N. [as in training]"),
    out: Path | None = typer.Option(None, help="Folder for the rows; by default the run, if its own test is scored."),
    as_json: bool = typer.Option(False, "--json", help="Print the rows of the table as JSON."),
) -> None:
    """Score mixtures, original, bypassed and coupled systems at every SNR."""
    import sefront

    several = len(runs) > 1
    found = []
    for path in runs:
        run = sefront.open_run(path)
        with watched() as watcher:
            run.progress = watcher
            evaluation = run.evaluate(
                corpus=corpus, noise=noise or None, test_snr=test_snr or None,
                metrics=metrics.split(",") if metrics else None, split=split,
                original=sefront.open_run(original) if original else None, device=device,
                out=out / path.name if out and several else out,
            )  # fmt: skip
        found += [{"run": str(path), **row} for row in evaluation.rows]
        if not as_json:
            typer.echo(f"{path}\n\n{evaluation.table()}\n")
    if as_json:
        typer.echo(json.dumps(found, indent=1))
