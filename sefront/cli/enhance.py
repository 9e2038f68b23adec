"""``sefront enhance``: files or folders through a frontend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from sefront.cli.watching import watched
from sefront.cli.words import parted
from sefront.core.errors import SefrontError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("enhance")(enhance)


def enhance(
    context: typer.Context,
    sources: list[Path] = typer.Argument(metavar="IN...", help="Audio files or folders, any rate and channel count."),
    out: list[str] = typer.Option(
        [], "-o", "--out", help="File or folder to write to; or a setting frontend.NAME=VALUE."
    ),
    run: Path | None = typer.Option(None, help="Run whose frontend to use."),
    frontend: str | None = typer.Option(None, help="Frontend that needs no training, such as spectral_subtraction."),
    strict: bool = typer.Option(False, "--strict", help="Stop at the first damaged file instead of leaving it out."),
) -> None:
    """Enhance audio; rate, channels and format stay as they are."""
    place, options = parted(out)
    if place is None:
        raise SefrontError("say where to write with -o OUT: a folder, or a file for a single input")
    if (run is None) == (frontend is None):
        raise SefrontError("say what enhances: either --run RUN or --frontend NAME")
    from sefront.core.damages import Damages
    from sefront.core.inference import enhance_files, jobs

    plan = jobs(sources, Path(place))
    with watched() as watcher:
        damages = Damages(strict, watcher)
        enhancer = enhancing(run, frontend, options, context.obj)
        watcher.start("enhancing", len(plan))
        done = 0
        for _ in enhance_files(plan, enhancer, damages):
            done += 1
            watcher.advance()
    if not done:
        raise SefrontError(f"nothing was enhanced; {damages.summary()}")
    count = f"{done} file{'s' if done > 1 else ''} enhanced, written to {place}"
    typer.echo(count + (f"; {damages.summary()}" if damages.reasons else ""))


def enhancing(run: Path | None, frontend: str | None, options: dict[str, str], catalogue: Any) -> Any:
    """What takes waves and their rate and returns enhanced waves."""
    if run is not None:
        import sefront

        return sefront.open_run(run, options).enhance
    from sefront.core.inference import untrained

    own = {key.removeprefix("frontend."): value for key, value in options.items()}
    return untrained(catalogue.frontends[frontend], str(frontend), own).enhance
