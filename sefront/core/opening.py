"""Opening a finished run: its best weights, and which of its settings may still change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sefront.core import checkpoint
from sefront.core.checkpoint import put_weights
from sefront.core.clips import Task
from sefront.core.errors import SefrontError
from sefront.core.experiment import Experiment
from sefront.core.mixed import Mixed, opened, options_of
from sefront.core.modes import trainable
from sefront.core.parameters import filled, parameters
from sefront.core.protocols import Backend
from sefront.core.setup import Components, Models


def put_best(models: Models, path: Path) -> None:
    """Give `models` the best weights of the run in `path`, and put them in eval mode.

    Raises:
        SefrontError: Weights are missing or do not fit.
    """
    for name in models.chain:
        module: Any = getattr(models, name)
        weights = checkpoint.load_part(path / "checkpoint" / "best", name)
        if weights is None and any(True for _ in module.parameters()):
            raise SefrontError(f"{path}: has no trained {name} yet; continue it with --out {path} --resume")
        put_weights(module, opened(weights or {}, module, path), f"{path}: the {name}")
        module.eval()


def check_adjustable(
    trained: Experiment, wanted: Experiment, models: Models, components: Components, path: Path
) -> None:
    """Refuse settings that training has settled, or that change nothing in a finished run.

    Args:
        trained: What the run was trained with.
        wanted: What it is opened with.
        models: The modules that were built for that.
        components: The installed components.
        path: The run folder.

    Raises:
        SefrontError: Naming such a setting, and those that may change.
    """
    free: list[str] = []
    changes: list[str] = []
    for part in models.chain:
        component = getattr(components, f"{part}s")[getattr(wanted, part)]
        free += [f"{part}.{name}" for name in adjustable(part, component, getattr(models, part))]
        table = options_of(part, component)
        before, after = (filled(table, experiment.section(part), part) for experiment in (trained, wanted))
        changes += [f"{part}.{name}" for name in table if before[name] != after[name]]
    hint = f"name a setting that may still change: {', '.join(free)}" if free else "nothing in it can change any more"
    for key, value in wanted.options.items():
        if key.partition(".")[0] not in (*models.chain, "test_mixing") and value != trained.options.get(key):
            raise SefrontError(f"{path}: {key} does not change what the run decides; {hint}")
        if key in changes and key not in free:
            raise SefrontError(f"{path}: {key} is settled by training; {hint}")


def adjustable(part: str, component: type, module: Any) -> list[str]:
    """Which options of the `part` that is a `component`, built as `module`, may change after training.

    They are those that its attribute `adjustable` names, all where it has nothing to train, and `mix`.
    """
    inner = module.unmixed if isinstance(module, Mixed) else module
    own = parameters(component)
    settled = set(own).difference(getattr(inner, "adjustable", ())) if trainable(inner) else set()
    return [name for name in options_of(part, component) if name not in settled]


def clean_trained(original: Backend | None, own: Task | None, task: Task | None, run: tuple[Path, str]) -> Backend:
    """The `original` backend of another `run` (folder and mode), made for its `own` task, to compare with in `task`.

    Raises:
        SefrontError: That run has no clean-trained backend, or one for other labels.
    """
    if original is None:
        raise SefrontError(
            f"{run[0]}: mode '{run[1]}' has no clean-trained backend to serve as the original; "
            "name a run of baseline, cold_cascade, mtl or iterative"
        )
    if own is None or task is None or own.labels != task.labels:
        raise SefrontError(f"{run[0]}: has other labels than the run that is judged; name one of the same task")
    return original
