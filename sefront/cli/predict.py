"""``sefront predict``: what a trained chain hears in files."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from sefront.cli.watching import watched
from sefront.cli.words import settings
from sefront.core.errors import SefrontError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("predict")(predict)


def predict(
    run: Path = typer.Argument(help="Run folder."),
    sources: list[Path] = typer.Argument(metavar="IN...", help="Audio files or folders, any rate and channel count."),
    option: list[str] = typer.Option(
        [], "-o", "--option", help="Setting SECTION.NAME=VALUE in place of the run's own; may be repeated."
    ),
    as_json: bool = typer.Option(False, "--json", help="One line of JSON a file, with the score of every class."),
    strict: bool = typer.Option(False, "--strict", help="Stop at the first damaged file instead of leaving it out."),
) -> None:
    """Predict the label of audio files."""
    import sefront
    from sefront.core.damages import Damages
    from sefront.core.file_work import inputs, predict_files

    options = settings(option)
    files = [path for path, _ in inputs(sources)]
    with watched() as watcher:
        damages = Damages(strict, watcher)
        listener = sefront.open_run(run, options).listener()
        watcher.start("predicting", len(files))
        done = 0
        for path, found in predict_files(files, listener, damages):
            label = found["label"]
            line = (
                json.dumps({"path": str(path), **found})
                if as_json
                else f"{path}\t{label}\t{found['scores'][label]:.3f}"
            )
            typer.echo(line)
            watcher.advance()
            done += 1
        if damages.reasons:
            watcher.note(damages.summary())
    if not done:
        raise SefrontError(f"nothing was predicted; {damages.summary()}")
