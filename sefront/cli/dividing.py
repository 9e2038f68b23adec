"""The options of splits, folds and leaks."""

from __future__ import annotations

import typer

SPLITS = typer.Option(
    None,
    help="own, speaker, leave-one-speaker-out, leave-one-session-out, k-fold, random, or a list (.csv, .jsonl) with "
    "columns id and split. [own]",
)
FOLD = typer.Option(None, help="Which fold of the splits, K/N.")
FOLDS = typer.Option(None, help="all, or how many: a run for each fold, and a table of their mean.")
REPEATS = typer.Option(None, help="Do it so many times, with the seed one higher each time. [1]")
ALLOW_LEAK = typer.Option(
    False, "--allow-leak", help="Go on where training and test share speakers, recordings or noise, and say so."
)
