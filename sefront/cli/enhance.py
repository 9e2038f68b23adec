"""``sefront enhance``: files or folders through a frontend, or what arrives on stdin."""

from __future__ import annotations

import os
import sys
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer

from sefront.cli.watching import watched
from sefront.cli.words import parted
from sefront.core.errors import SefrontError

if TYPE_CHECKING:
    from sefront.core.inference import Listener

RATE = 16000  # Hz, at which a frontend that needs no training works
AT_MOST = 2**16  # bytes that are read from stdin before what is there is enhanced


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("enhance")(enhance)


def enhance(
    context: typer.Context,
    sources: list[Path] | None = typer.Argument(
        None, metavar="IN", help="Audio files or folders, any rate and channel count.", show_default=False
    ),
    out: list[str] = typer.Option(
        [], "-o", "--out", help="File or folder to write to; or a setting frontend.NAME=VALUE."
    ),
    run: Path | None = typer.Option(None, help="Run whose frontend to use."),
    frontend: str | None = typer.Option(None, help="Frontend that needs no training, such as spectral_subtraction."),
    strict: bool = typer.Option(False, "--strict", help="Stop at the first damaged file instead of leaving it out."),
    stream: bool = typer.Option(
        False, "--stream", help="Raw 16-bit little-endian mono PCM at the frontend's rate, from stdin to stdout."
    ),
) -> None:
    """Enhance audio; rate, channels and format stay as they are."""
    place, options = parted(out)
    if stream:
        check_stream([*map(str, sources or []), *(["-o " + place] if place else []), *(["--strict"] if strict else [])])
    elif not sources:
        raise SefrontError("say what to enhance: files or folders, or --stream for what arrives on stdin")
    elif place is None:
        raise SefrontError("say where to write with -o OUT: a folder, or a file for a single input")
    if (run is None) == (frontend is None):
        raise SefrontError("say what enhances: either --run RUN or --frontend NAME")
    if stream:
        if frontend is not None:
            check_untrained(context.obj.frontends[frontend], frontend, own(options))
        enhance_stream(*listening(run, frontend, options, context.obj))
        return
    from sefront.core.damages import Damages
    from sefront.core.file_work import enhance_files, jobs

    plan = jobs(sources or [], Path(str(place)))
    with watched() as watcher:
        damages = Damages(strict, watcher)
        listener, _ = listening(run, frontend, options, context.obj)
        done = enhance_files(plan, listener, damages, watcher)
    if not done:
        raise SefrontError(f"nothing was enhanced; {damages.summary()}")
    count = f"{done} file{'s' if done > 1 else ''} enhanced, written to {place}"
    typer.echo(count + (f"; {damages.summary()}" if damages.reasons else ""))


def listening(run: Path | None, frontend: str | None, options: dict[str, str], catalogue: Any) -> tuple[Listener, str]:
    """What takes waves of any rate, and what its frontend is called."""
    if run is not None:
        import sefront

        opened = sefront.open_run(run, options)
        return opened.listener(), opened.experiment.frontend
    from sefront.core.inference import untrained

    return untrained(catalogue.frontends[frontend], str(frontend), own(options)), str(frontend)


def own(options: dict[str, str]) -> dict[str, str]:
    """Settings of a frontend by the names that it has for them."""
    return {key.removeprefix("frontend."): value for key, value in options.items()}


def check_untrained(component: type, name: str, options: dict[str, str]) -> None:
    """Refuse a frontend that training alone would not make fit for a stream.

    Raises:
        SefrontError: It has weights to train, and has to hear what comes later.
    """
    from sefront.core.mixed import frontend_of
    from sefront.core.modes import trainable
    from sefront.core.streaming import latency

    built = frontend_of(component, RATE, options, f"frontend '{name}'")
    if latency(built) is None and trainable(built):
        raise SefrontError(
            f"frontend '{name}' has to hear what comes later, so it cannot enhance a stream, and has to be trained "
            f"first; if `sefront plugins show {name}` has an option that makes it causal, train it with that: "
            f"sefront couple --frontend {name} --mode frontend_only -o frontend.NAME=VALUE, then --stream --run RUN"
        )


def check_stream(others: list[str]) -> None:
    """Refuse what does not go with ``--stream``.

    Args:
        others: What else was asked for that only files have.

    Raises:
        SefrontError: There is such a thing, or nobody sends audio.
    """
    if others:
        raise SefrontError(f"--stream reads stdin and writes stdout; leave out {', '.join(others)}")
    if sys.stdin.isatty():
        raise SefrontError(
            "--stream reads raw PCM from stdin, but that is a terminal; send audio, as in `ffmpeg -i IN -f s16le "
            "-ac 1 -ar 16000 - | sefront enhance --stream ...`"
        )


def enhance_stream(listener: Listener, name: str) -> None:
    """Enhance what arrives on stdin, with nothing but audio on stdout.

    Raises:
        SefrontError: There is no frontend, or the one called `name` has to hear what comes later.
    """
    from sefront.core.pcm import delay, enhance_pcm

    frontend = listener.enhancer
    behind = 1000 * delay(frontend, name) / listener.sample_rate
    typer.echo(f"16-bit mono PCM at {listener.sample_rate} Hz, {behind:g} ms latency", err=True)

    source = cast(BufferedReader, sys.stdin.buffer)

    def write(samples: bytes) -> None:
        sys.stdout.buffer.write(samples)
        sys.stdout.buffer.flush()

    try:
        if enhance_pcm(frontend, lambda: source.read1(AT_MOST), write):
            typer.echo("left out the last byte: a sample has two", err=True)
    except BrokenPipeError:  # nobody listens any more; Python would complain when it flushes for the last time
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
