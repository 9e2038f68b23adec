"""``sefront couple``: train a frontend and a backend together and judge them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from sefront.cli.dividing import ALLOW_LEAK, FOLD, FOLDS, REPEATS, SPLITS
from sefront.cli.watching import first, watched
from sefront.cli.words import settings

CORPUS = "NAME, NAME:PATH, a folder, or a manifest (.csv, .jsonl)"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("couple", no_args_is_help=False)(couple)


def couple(
    frontend: str | None = typer.Option(None, help="Enhancement frontend; see `sefront plugins list`. [unet]"),
    backend: str | None = typer.Option(None, help="Task backend. [ser_cnn]"),
    mode: str | None = typer.Option(None, help="How the two learn from each other. [iterative]"),
    corpus: str | None = typer.Option(None, help=f"Corpus of the task: {CORPUS}. [toy]"),
    valid_corpus: str | None = typer.Option(None, help="Development data from another corpus."),
    noise: list[str] | None = typer.Option(None, help=f"Noise to train with: {CORPUS}; may be repeated. [toy]"),
    test_noise: list[str] | None = typer.Option(None, help="Noise to test with; may be repeated."),
    intruder: list[str] | None = typer.Option(None, help="Speech that disturbs scenes; may be repeated. [toy's]"),
    splits: str | None = SPLITS,
    fold: str | None = FOLD,
    folds: str | None = FOLDS,
    repeats: int | None = REPEATS,
    snr: str | None = typer.Option(None, help="Range in dB to train with, LOW:HIGH. [0:25, for scenes -25:10]"),
    test_snr: str | None = typer.Option(None, help="SNRs in dB to test with. [25,20,...,0, for scenes -25,-20,...,10]"),
    frontend_corpus: str | None = typer.Option(None, help="Speech the frontend alone is trained on first."),
    frontend_noise: list[str] | None = typer.Option(None, help="Noise for that; may be repeated."),
    option: list[str] | None = typer.Option(
        None, "-o", "--option", help="Setting SECTION.NAME=VALUE; may be repeated."
    ),
    epochs: int | None = typer.Option(None, help="Most epochs of a phase. [100, or what the corpus needs]"),
    batch_size: int | None = typer.Option(None, help="Clips a step. [the recipe of who learns]"),
    seed: int | None = typer.Option(None, help="Seed of everything random. [0]"),
    device: str | None = typer.Option(None, help="auto, cpu, cuda or cuda:N. [auto]"),
    precision: str | None = typer.Option(None, help="auto (bf16 where it is native), 32 or bf16. [auto]"),
    init_frontend: str | None = typer.Option(None, help="Run whose frontend to start from, instead of pre-training."),
    init_backend: str | None = typer.Option(None, help="Run whose backend to start from, instead of pre-training."),
    strict: bool = typer.Option(False, "--strict", help="Stop at the first damaged clip instead of leaving it out."),
    follow_outside: bool = typer.Option(False, "--follow-outside", help="Let manifests lead out of their folders."),
    allow_leak: bool = ALLOW_LEAK,
    out: Path | None = typer.Option(None, help="Run folder. [the next free name in runs/]"),
    resume: bool = typer.Option(False, "--resume", help="Continue the run in --out, or the last unfinished one."),
    from_: Path | None = typer.Option(None, "--from", help="Repeat an experiment.toml; other options change it."),
    cache: Path | None = typer.Option(None, help="Folder that keeps decoded audio; runs may share it."),
    cache_gb: float | None = typer.Option(None, help="Most gigabytes of it. [20]"),
    plan: bool = typer.Option(False, "--plan", help="Check everything and say what would happen, without doing it."),
) -> None:
    """Couple a frontend and a backend, train them together, and print how well they do at every SNR."""
    asked: dict[str, Any] = {
        "frontend": frontend, "backend": backend, "mode": mode, "corpus": corpus, "valid_corpus": valid_corpus,
        "noise": noise, "test_noise": test_noise, "frontend_corpus": frontend_corpus, "frontend_noise": frontend_noise,
        "epochs": epochs, "batch_size": batch_size, "seed": seed, "device": device, "precision": precision,
        "init_frontend": init_frontend, "init_backend": init_backend, "intruder": intruder, "strict": strict or None,
        "splits": splits, "fold": fold, "folds": folds, "repeats": repeats, "allow_leak": allow_leak or None,
        "follow_outside": follow_outside or None, "snr": snr or None, "test_snr": test_snr or None,
        "options": settings(option) if option else None,
    }  # fmt: skip
    asked = {name: value for name, value in asked.items() if value not in (None, [])}
    kept = {"cache": cache, "cache_gb": cache_gb}
    carry_out(asked if from_ is None else merged(from_, asked), out, resume, plan, kept)


def carry_out(asked: Mapping[str, Any], out: Path | None, resume: bool, plan: bool, kept: Mapping[str, Any]) -> None:
    """Do what was `asked` for, or say what that would be; `kept` says where decoded audio is."""
    import sefront

    main = first()
    if plan:
        lines = sefront.plan(out=out, resume=resume, **asked).plan()
        for line in lines if main else []:
            typer.echo(line)
        return
    try:
        with watched(main) as watcher:
            run = sefront.couple(out=out, resume=resume, progress=watcher, **kept, **asked)
    except KeyboardInterrupt:
        place = f"--out {out} " if out else ""
        typer.echo(f"continue with: sefront couple {place}--resume", err=True)
        raise
    if main:
        typer.echo(f"\n{run.path}\n\n{run.table()}")


def merged(path: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """The experiment in `path`, with what was asked for in place of it."""
    from sefront.core.experiment import Experiment
    from sefront.core.runs import absolute, altered
    from sefront.plugins import Catalogue

    corpora = Catalogue.installed().corpora
    return vars(altered(absolute(Experiment.read(path), corpora), asked, corpora))
