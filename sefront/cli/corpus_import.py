"""``sefront corpus import``: a manifest, or cuts of Lhotse, of any corpus whose clips are files."""

from __future__ import annotations

import gzip
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from sefront.cli.corpora import FollowOutside, found
from sefront.cli.words import parted
from sefront.core.errors import BadOptionError

MANIFEST, CUTS = ".jsonl", ".jsonl.gz"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_)


def import_(
    context: typer.Context,
    spec: Annotated[str, typer.Argument(metavar="CORPUS", help="NAME:PATH, a folder, or a manifest.")],
    option: Annotated[
        list[str] | None,
        typer.Option(
            "-o", "--out", metavar="FILE | corpus.NAME=VALUE",
            help="The manifest (.jsonl) or the cuts of Lhotse (.jsonl.gz) to write; or an option of the corpus.",
        ),
    ] = None,
    follow_outside: FollowOutside = False,
) -> None:  # fmt: skip
    """Write a manifest, or cuts of Lhotse, with every clip of a corpus, its split, target and speaker."""
    place, settings = parted(option or [], "corpus")
    if place is None or not place.endswith((MANIFEST, CUTS)):
        stated = f"-o {place}" if place else f"corpus import {spec}"
        raise BadOptionError(f"{stated}: say what to write, -o FILE{MANIFEST} (a manifest) or -o FILE{CUTS} (cuts)")
    out = Path(place)
    name, _, corpus = found(context, spec, [f"{key}={value}" for key, value in settings.items()], follow_outside)

    from sefront.core.inventory import Inventory, write_rows

    inventory = Inventory(corpus, name, out.parent)
    if place.endswith(CUTS):
        from sefront.core.cuts import write_cuts

        with beside(out) as file:
            count = write_cuts(file, inventory)
        read_by = f"lhotse:{out}"
    else:
        with beside(out) as file:
            count = write_rows(file, inventory)
        read_by = str(out)
    use = [f"--{'noise' if inventory.target == 'tags' else 'corpus'}", read_by, *inventory.words()]
    typer.echo(f"{out}: {count} clips; use it with {shlex.join(use)}")


@contextmanager
def beside(out: Path) -> Iterator[TextIO]:
    """A text file that takes the place of `out` when the block ends well; compressed where that is called so."""
    from sefront.core.files import replacing

    with replacing(out, "repeat the command", "-o") as part:
        if out.name.endswith(CUTS):
            with gzip.open(part, "wt", encoding="utf-8") as file:
                yield file
        else:
            with part.open("w", encoding="utf-8") as file:
                yield file
