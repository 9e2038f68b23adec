"""``sefront corpus mix``: mixtures of a corpus and noise as files, with a list that says how each was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from sefront.cli.corpora import FollowOutside
from sefront.cli.plugins import catalogue
from sefront.cli.watching import watched
from sefront.cli.words import parted
from sefront.core.errors import BadOptionError, SefrontError, unknown

SECTIONS = ("corpus", "noise", "mixing")


def register(app: typer.Typer) -> None:
    """Add the command to the group `app`."""
    app.command("mix")(mix)


def mix(
    context: typer.Context,
    spec: str | None = typer.Argument(None, metavar="CORPUS", help="NAME, NAME:PATH, a folder, or a manifest."),
    corpus: str | None = typer.Option(None, help="The same."),
    noise: list[str] = typer.Option([], help="What to add: NAME, NAME:PATH, a folder, or a manifest; may be repeated."),
    snr: str | None = typer.Option(
        None, help="SNRs in dB, such as 10,5,0, or a range LOW:HIGH to draw from. [25,20,...,0, for scenes -25,...,10]"
    ),
    split: str = typer.Option("test", help="train, valid, test or all."),
    seed: int = typer.Option(0, help="Seed of all that is drawn."),
    sample_rate: int = typer.Option(16000, help="Rate in Hz that everything is resampled to."),
    list_: Path | None = typer.Option(None, "--list", help="Run or list whose mixtures to make, in place of new ones."),
    follow_outside: FollowOutside = False,
    strict: bool = typer.Option(False, "--strict", help="Stop at the first damaged clip instead of leaving it out."),
    out: list[str] = typer.Option(
        [], "-o", "--out", help="Folder to write to; or a setting mixing.NAME=VALUE, corpus.NAME= or noise.NAME=."
    ),
) -> None:
    """Write noisy, clean and noise of every mixture as wav files, and their list; typed again, it goes on."""
    place, options = parted(out)
    name = named(spec, corpus)
    check(place, options, noise, list_, [*(["--snr"] if snr else []), *(["--seed"] if seed else [])])
    from sefront.core.damages import Damages
    from sefront.core.experiment import Experiment
    from sefront.core.mixture_folder import write_mixtures
    from sefront.core.mixture_list import MixtureList
    from sefront.core.mixture_orders import ordered
    from sefront.core.reader import Reader
    from sefront.core.runs import absolute
    from sefront.core.spelling import numbers
    from sefront.core.supply import Data

    components = catalogue(context)
    asked: dict[str, Any] = {
        "corpus": name, "noise": noise, "seed": seed, "sample_rate": sample_rate, "strict": strict, "options": options,
        "follow_outside": follow_outside,
        **(({"snr": snr} if ":" in snr else {"test_snr": numbers(snr, "--snr")}) if snr else {}),
    }  # fmt: skip
    experiment = absolute(Experiment.of(asked), components.corpora)
    with watched() as watcher:
        damages = Damages(strict, watcher)
        data = Data(experiment, components, damages, Reader(sample_rate))
        orders = ordered(data, split, MixtureList.read(list_) if list_ else None)
        entries = write_mixtures(Path(str(place)), orders, damages, watcher)
    error = max(abs(entry.measured_snr - entry.snr) for entry in entries)
    clips = len({entry.clean for entry in entries})
    what = f"{len(entries)} mixtures of {clips} clip{'' if clips == 1 else 's'} in {place}"
    typer.echo("; ".join(filter(None, [what, f"largest SNR error {error:.1g} dB", damages.summary()])))


def named(spec: str | None, corpus: str | None) -> str:
    """The corpus, which may be named in two ways.

    Raises:
        SefrontError: It is named in none or in both.
    """
    if spec is None and corpus is None:
        raise SefrontError("name a corpus: sefront corpus mix CORPUS --noise NOISE -o FOLDER")
    if spec is not None and corpus is not None:
        raise SefrontError(f"{spec} and --corpus {corpus}: name one corpus")
    return str(spec or corpus)


def check(place: str | None, options: dict[str, str], noise: list[str], listed: Path | None, drawn: list[str]) -> None:
    """Refuse a command that lacks something, or names what has no say.

    Raises:
        SefrontError: Saying what is missing or too much.
    """
    if place is None:
        raise SefrontError("say where to write with -o FOLDER")
    if not noise:
        raise SefrontError("name what to mix with: --noise NOISE, a folder of noise, a corpus or a manifest")
    for key in options:
        section = key.partition(".")[0]
        if section not in SECTIONS:
            raise unknown("option section", section, SECTIONS, owner="-o")
    settled = [*drawn, *(f"-o {key}" for key in options if key.startswith("mixing."))]
    if listed is not None and settled:
        raise BadOptionError(f"{settled[0]}: --list {listed} says how to mix; leave it out")
