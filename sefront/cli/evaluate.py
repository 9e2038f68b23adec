"""``sefront evaluate``: judge finished runs again, on their own test or on something else, alone or fused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sefront.cli.decoding import BEAM, DECODER, LEXICON, LM, LM_WEIGHT, WORD_SCORE, given
from sefront.cli.watching import watched
from sefront.cli.words import SETTING, settings
from sefront.core.errors import BadOptionError, SefrontError

if TYPE_CHECKING:
    from sefront.core.aggregation import Evaluation
    from sefront.core.decoded import Decoded
    from sefront.core.folds import Series
    from sefront.core.run import Run

SEVERAL = "folds.json"  # lies where the runs of several folds are


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate)


def evaluate(
    runs: list[Path] | None = typer.Argument(None, help="Run folders; none where --fuse names them."),
    corpus: str | None = typer.Option(None, help="Another corpus: NAME, NAME:PATH, a folder, or a manifest."),
    noise: list[str] | None = typer.Option(None, "--noise", "--test-noise", help="Other noise; may be repeated."),
    intruder: list[str] | None = typer.Option(None, help="Other speech that disturbs scenes; may be repeated."),
    test_snr: str | None = typer.Option(None, help="Other SNRs in dB, such as 10,5,0,-5."),
    metrics: str | None = typer.Option(None, help="Metrics by name, such as uar,stoi,pesq."),
    option: list[str] = typer.Option(
        [], "-o", "--option", help="Setting SECTION.NAME=VALUE in place of the run's own; may be repeated."
    ),
    mixtures: Path | None = typer.Option(None, help="Run or list whose mixtures to judge on: exactly those."),
    split: str = typer.Option("test", help="train, valid, test or all."),
    original: Path | None = typer.Option(None, help="Run whose clean-trained backend to compare with."),
    device: str | None = typer.Option(None, help="auto, cpu, cuda or cuda:N. [as in training]"),
    follow_outside: bool = typer.Option(False, "--follow-outside", help="Let manifests lead out of their folders."),
    decoder: str | None = DECODER,
    lm: Path | None = LM,
    lexicon: Path | None = LEXICON,
    beam: int | None = BEAM,
    lm_weight: float | None = LM_WEIGHT,
    word_score: float | None = WORD_SCORE,
    fuse: str | None = typer.Option(None, help="RUN,RUN; or for one run SECTION.NAME=VALUE,VALUE."),
    weights: str | None = typer.Option(None, help="Weights of what is fused, such as .5,.5. [equal]"),
    fusion: str | None = typer.Option(None, help="mean of the posteriors, or log for that of their logarithms. [mean]"),
    cache: Path | None = typer.Option(None, help="Folder that keeps decoded audio; runs may share it."),
    cache_gb: float | None = typer.Option(None, help="Most gigabytes of it. [20]"),
    allow_leak: bool = typer.Option(
        False, "--allow-leak", help="Go on where a run has learnt from what it is tested on."
    ),
    out: Path | None = typer.Option(
        None, help="Folder for the rows. [the run, if its own test is scored as it was trained; with --fuse none]"
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the rows of the table as JSON."),
) -> None:
    """Score mixtures, original, bypassed and coupled systems at every SNR, or fuse the scores of several systems."""
    import sefront
    from sefront.core.decoded import decoded

    if fuse is None and (weights or fusion):
        raise SefrontError("--weights and --fusion go with --fuse RUN,RUN or --fuse SECTION.NAME=VALUE,VALUE")
    options, kept = settings(option), decoded(cache, cache_gb)
    asked = {
        "corpus": corpus, "noise": noise or None, "intruder": intruder or None, "test_snr": test_snr or None,
        "metrics": metrics.split(",") if metrics else None, "mixtures": mixtures, "split": split,
        "original": sefront.open_run(original) if original else None, "device": device, "allow_leak": allow_leak,
        "follow_outside": follow_outside or None,
        **given(decoder=decoder, lm=lm, lexicon=lexicon, beam=beam, lm_weight=lm_weight, word_score=word_score),
    }  # fmt: skip
    if fuse is None:
        outcomes = each(runs or [], options, asked, out, kept)
    else:
        how = {"weights": numbers(weights), "fusion": fusion or "mean", "out": out, **asked}
        outcomes = fused(runs or [], fuse, options, how, kept)
    found = []
    for title, evaluation in outcomes:
        found += [{"run": title, **row} for row in evaluation.rows]
        if not as_json:
            typer.echo(f"{title}\n\n{evaluation.table()}\n")
    if as_json:
        typer.echo(json.dumps(found, indent=1))


def each(
    runs: Sequence[Path], options: Mapping[str, str], asked: Mapping[str, Any], out: Path | None, cache: Decoded | None
) -> Iterator[tuple[str, Evaluation | Series]]:
    """Each run alone, opened with `options`, and its folder; what several folds came to is shown as it is.

    Raises:
        SefrontError: There are none.
    """
    import sefront

    if not runs:
        raise SefrontError("name runs to evaluate: sefront evaluate RUN..., or --fuse RUN,RUN")
    for path in runs:
        if (path / SEVERAL).exists():
            yield str(path), several(path, options, asked)
            continue
        run = sefront.open_run(path, options)
        with watched() as watcher:
            run.progress, run.cache = watcher, cache
            evaluation = run.evaluate(**asked, out=out / path.name if out and len(runs) > 1 else out)
        yield str(path), evaluation


def several(path: Path, options: Mapping[str, str], asked: Mapping[str, Any]) -> Series:
    """What the folds in `path` came to.

    Raises:
        SefrontError: They would have to be judged anew.
    """
    from sefront.core.folds import Series
    from sefront.plugins import Catalogue

    if options or any(value for name, value in asked.items() if (name, value) != ("split", "test")):
        raise SefrontError(f"{path}: holds several runs; judge those below it one by one, or leave out all options")
    return Series.open(path, Catalogue.installed())


def fused(
    runs: Sequence[Path], fuse: str, options: Mapping[str, str], asked: Mapping[str, Any], cache: Decoded | None
) -> Iterator[tuple[str, Evaluation]]:
    """What `fuse` names together, each opened with `options`, and its folder or folders."""
    import sefront

    members = fusible(runs, fuse, options)
    with watched() as watcher:
        for member in members:
            member.progress, member.cache = watcher, cache
        evaluation = sefront.fuse(members, **asked)
    yield str(runs[0]) if runs else fuse, evaluation


def fusible(runs: Sequence[Path], fuse: str, options: Mapping[str, str]) -> list[Run]:
    """The runs that `fuse` names, or the one run opened with each of the values that it names; `options` are for all.

    Raises:
        SefrontError: Both name runs, a setting has not the one run that it belongs to, or `options` name it as well.
    """
    import sefront

    setting = SETTING.fullmatch(fuse)
    if setting is None and runs:
        meant = f", as in --fuse frontend.{fuse}" if "=" in fuse else ""
        raise SefrontError(
            f"--fuse {fuse}: with a run before it, --fuse takes SECTION.NAME=VALUE,VALUE{meant}; else RUN,RUN"
        )
    if setting is None:
        return [sefront.open_run(path, options) for path in listed(fuse)]
    if len(runs) != 1:
        raise SefrontError(f"--fuse {fuse}: name the one run that it is about: sefront evaluate RUN --fuse {fuse}")
    if setting["key"] in options:
        raise SefrontError(f"--fuse {fuse}: -o {setting['key']} would be overruled; leave it out")
    return [sefront.open_run(runs[0], {**options, setting["key"]: value}) for value in listed(setting["value"])]


def listed(text: str) -> list[str]:
    """The words between commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def numbers(text: str | None) -> list[float] | None:
    """The numbers between commas.

    Raises:
        BadOptionError: Something else.
    """
    try:
        return [float(word) for word in listed(text)] if text else None
    except ValueError as error:
        raise BadOptionError(f"--weights {text}: give numbers with commas between them, such as .5,.5") from error
