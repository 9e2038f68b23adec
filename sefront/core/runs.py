"""Where runs lie: names for new ones, and which one to resume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from sefront.core.conditions import SIMULATED
from sefront.core.division import named
from sefront.core.errors import SefrontError
from sefront.core.experiment import Experiment, narrower
from sefront.core.sources import located
from sefront.core.spelling import SEVERAL

RESULT = "folds.json"
"""What the runs of several folds come to, in the folder above them."""


def started(folder: Path, asked: Mapping[str, Any], corpora: Mapping[str, type]) -> Experiment:
    """The experiment of a run that is to be resumed.

    Args:
        folder: The run folder.
        asked: What was named again; it must be what the run was started with.
        corpora: The installed corpora by name.

    Raises:
        SefrontError: There is no run, or something else is asked of it now.
    """
    path = folder / "experiment.toml"
    if not path.exists():
        raise SefrontError(f"{folder}: holds no run to resume; leave out --resume to start one")
    experiment = Experiment.read(path)
    wanted = absolute(Experiment.of(asked), corpora)
    for name in asked:
        if name not in ("options", "device"):
            old, new = getattr(experiment, name), getattr(wanted, name)
            if old != new:
                raise SefrontError(
                    f"--{name.replace('_', '-')} is {new}, but the run in {folder} was started with {old}; "
                    "leave it out, or start a new run"
                )
    for key in set(wanted.options) - set(experiment.options):
        each = any(narrower(own, key) for own in experiment.options)  # a setting of several is written for each
        if not each and (not key.startswith("optimiser.") or key.count(".") > 1):
            raise SefrontError(
                f"-o {key}: the run in {folder} was started without it; leave it out, or start a new run"
            )
    return experiment.changed({name: value for name, value in asked.items() if name in ("options", "device")})


def check_same(folder: Path, experiment: Experiment) -> None:
    """Refuse to go on with options other than those the run was started with.

    Raises:
        SefrontError: Naming the first one that differs.
    """
    path = folder / "experiment.toml"
    old, new = Experiment.read(path).as_toml()["options"], experiment.as_toml()["options"]
    for key, value in new.items():
        if old.get(key, value) != value:
            raise SefrontError(
                f"-o {key} is {value}, but the run in {folder} was started with {old[key]}; "
                "leave it out, or start a new run"
            )


def check_free(folder: Path) -> None:
    """Refuse to begin where a run lies.

    Raises:
        SefrontError: The folder holds one.
    """
    if (folder / "experiment.toml").exists():
        raise SefrontError(f"{folder}: holds a run already; name another --out, or continue it with --resume")


def altered(experiment: Experiment, asked: Mapping[str, Any], corpora: Mapping[str, type]) -> Experiment:
    """`experiment` with what was `asked` for in place of its own; paths are compared as absolute ones."""
    wanted = absolute(Experiment.of(asked), corpora)
    return experiment.changed({name: getattr(wanted, name) for name in asked})


def placed(
    out: str | PathLike[str] | None, resume: bool, asked: Mapping[str, Any], corpora: Mapping[str, type]
) -> tuple[Experiment, Path]:
    """What was `asked` for and the run folder it goes to: `out`, or by default one in ``runs/``.

    Raises:
        SefrontError: A run lies there, or there is none to resume.
    """
    runs = Path("runs")
    if resume:
        folder = Path(out) if out else latest(runs)
        return started(folder, asked, corpora), folder
    wanted = absolute(Experiment.of(asked), corpora)
    folder = Path(out) if out else free_name(runs, wanted)
    check_free(folder)
    return wanted, folder


def absolute(experiment: Experiment, corpora: Mapping[str, type]) -> Experiment:
    """`experiment` with every path absolute, so that it can be repeated from anywhere."""

    def of(spec: str) -> str:
        name, root = located(spec, corpora)
        return name if root is None else f"{name}:{root}"

    values: dict[str, Any] = {"splits": named(experiment.splits)}
    for name in ("corpus", "valid_corpus", "frontend_corpus"):
        values[name] = getattr(experiment, name) and of(getattr(experiment, name))
    for name in SEVERAL:
        values[name] = tuple(map(of, getattr(experiment, name)))
    for name in ("init_frontend", "init_backend"):
        values[name] = getattr(experiment, name) and str(Path(getattr(experiment, name)).resolve())
    options = dict(experiment.options)
    for key in ("mixing.reverb", "test_mixing.reverb"):
        if options.get(key) not in (None, "none", SIMULATED):
            options[key] = str(Path(str(options[key])).expanduser().resolve())
    return replace(experiment, **values, options=options)


def free_name(parent: Path, experiment: Experiment) -> Path:
    """The next unused run folder in `parent`."""
    stem = f"{experiment.mode}-{experiment.frontend}-{experiment.backend}"
    number = 1
    while (parent / f"{stem}-{number:03d}").exists():
        number += 1
    return parent / f"{stem}-{number:03d}"


def latest(parent: Path) -> Path:
    """The run folder in `parent` that was started last and has not been judged.

    Raises:
        SefrontError: There is none.
    """
    results = ("evaluation.json", RESULT)
    found = [path.parent for path in parent.glob("*/experiment.toml")]
    runs = [run for run in found if not any((run / result).exists() for result in results)]
    if not runs:
        raise SefrontError(f"{parent}: holds no unfinished run; name the one to resume with --out")
    return max(runs, key=lambda run: (run / "experiment.toml").stat().st_mtime)
