"""``sefront corpus audit``: whether the mixtures that somebody has made are what they should be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sefront.cli.tables import aligned
from sefront.cli.watching import watched
from sefront.core.errors import BadOptionError

if TYPE_CHECKING:
    from sefront.core.audit_findings import Audit, Level

PROBLEMS = 1  # exit code
MANY = 20  # SNRs that are printed one by one


def register(app: typer.Typer) -> None:
    """Add the command to the group `app`."""
    app.command("audit")(audit)


def audit(
    place: Path = typer.Argument(
        metavar="FOLDER|LIST", help="Folder with noisy/ and clean/ (and noise/), or a list of mixtures."
    ),
    tolerance: float = typer.Option(0.001, help="dB by which an SNR may be off."),
    as_json: bool = typer.Option(False, "--json", help="Print everything as JSON."),
) -> None:
    """Measure the SNR of every mixture and list everything that is wrong; exit code 1 if anything is."""
    from sefront.core.audit import audited
    from sefront.core.audit_pairs import triples

    if not tolerance >= 0:
        raise BadOptionError(f"--tolerance must be at least 0 dB, but is {tolerance}")
    with watched() as watcher:
        found = audited(triples(place), tolerance, watcher)
    if as_json:
        typer.echo(json.dumps({"place": str(place), **found.as_dict()}, indent=1))
    else:
        typer.echo("\n".join(told(found)).encode(errors="backslashreplace"))  # names may hold bytes that are no text
    if found.problems:
        raise typer.Exit(PROBLEMS)


def told(found: Audit) -> Iterator[str]:
    """An audit for reading: every problem on a line, a table of the SNRs, the verdict."""
    yield from (str(problem).replace("\n", " ") for problem in found.problems)
    if found.problems:
        yield ""
    header = ["asked for", "mixtures", "mean", "lowest", "highest", "largest error"]
    yield aligned([header, *rows(found.levels)])
    count = len(found.problems)
    verdict = f"{count} problem{'' if count == 1 else 's'}" if count else "no problems"
    noted = f", {found.noted} as noted in the list, without audio" if found.noted else ""
    yield f"\n{found.mixtures} mixtures{noted}, {found.clipped} clipped; {verdict}"


def rows(levels: Sequence[Level]) -> list[list[str]]:
    """The table of SNRs; many, as they are where each was drawn, are one row."""
    known = [level for level in levels if level.snr is not None]
    if len(known) <= MANY:
        return [row(level) for level in levels]
    count = sum(level.count for level in known)
    mean = sum(level.count * level.mean for level in known) / count
    low, high = min(level.min for level in known), max(level.max for level in known)
    error = max(level.error or 0.0 for level in known)
    asked = f"{known[-1].snr:.4g} to {known[0].snr:.4g} dB"
    unknown = [row(level) for level in levels if level.snr is None]
    return [[asked, str(count), *map(decibels, (mean, low, high)), f"{error:.1g} dB"], *unknown]


def row(level: Level) -> list[str]:
    """A row of the table of SNRs."""
    asked = "unknown" if level.snr is None else f"{level.snr:g} dB"
    error = "-" if level.error is None else f"{level.error:.1g} dB"
    return [asked, str(level.count), *map(decibels, (level.mean, level.min, level.max)), error]


def decibels(value: float) -> str:
    """A ratio to four digits, without a minus before zero."""
    return f"{round(value, 4) + 0.0:.4f}"
