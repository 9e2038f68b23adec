"""Options that say how a recogniser's probabilities become a transcript."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

DECODER: str | None = typer.Option(
    None, help="How a transcript is found: greedy, or beam for a search. [greedy]", rich_help_panel="Transcripts"
)
LM: Path | None = typer.Option(
    None, help="ARPA language model, plain or .gz, for --decoder beam.", rich_help_panel="Transcripts"
)
LEXICON: Path | None = typer.Option(
    None, help="Words to search, one a line. [those of the language model]", rich_help_panel="Transcripts"
)
BEAM: int | None = typer.Option(None, help="Hypotheses that are kept. [100]", rich_help_panel="Transcripts")
LM_WEIGHT: float | None = typer.Option(
    None, help="Weight of the language model's log-probability. [0.75]", rich_help_panel="Transcripts"
)
WORD_SCORE: float | None = typer.Option(None, help="Added for each word. [1.85]", rich_help_panel="Transcripts")


def given(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}
