"""``sefront predict``: what a trained chain hears in files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import typer

from sefront.cli.decoding import BEAM, DECODER, LEXICON, LM, LM_WEIGHT, WORD_SCORE, given
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
    decoder: str | None = DECODER,
    lm: Path | None = LM,
    lexicon: Path | None = LEXICON,
    beam: int | None = BEAM,
    lm_weight: float | None = LM_WEIGHT,
    word_score: float | None = WORD_SCORE,
    as_json: bool = typer.Option(False, "--json", help="One line of JSON a file, with every score or whole traces."),
    strict: bool = typer.Option(False, "--strict", help="Stop at the first damaged file instead of leaving it out."),
) -> None:
    """Predict the labels, transcripts or traces of audio files."""
    import sefront
    from sefront.core.damages import Damages
    from sefront.core.file_work import inputs, predict_files

    options = settings(option)
    decoding = given(decoder=decoder, lm=lm, lexicon=lexicon, beam=beam, lm_weight=lm_weight, word_score=word_score)
    files = [path for path, _ in inputs(sources)]
    with watched() as watcher:
        damages = Damages(strict, watcher)
        listener = sefront.open_run(run, options).listener(**decoding)
        watcher.start("predicting", len(files))
        done = 0
        for path, found in predict_files(files, listener, damages):
            typer.echo(json.dumps({"path": str(path), **found}) if as_json else f"{path}\t{told(found)}")
            watcher.advance()
            done += 1
        if damages.reasons:
            watcher.note(damages.summary())
    if not done:
        raise SefrontError(f"nothing was predicted; {damages.summary()}")


def told(found: Mapping[str, Any]) -> str:
    """A line for people: a label and its score, a text, or the mean of every traced dimension."""
    if "label" in found:
        return f"{found['label']}\t{found['scores'][found['label']]:.3f}"
    if "text" in found:
        return str(found["text"])
    return "\t".join(f"{name} {fmean(trace):.3f}" for name, trace in found["trace"].items())
