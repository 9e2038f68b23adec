"""Steps of a coupling's phases on probes, as training would take them."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, cast

import torch
from torch import Tensor, nn

from sefront.core.chain import part_of
from sefront.core.checkpoint import Weights, weights_of
from sefront.core.joined import joined
from sefront.core.modes import trainable
from sefront.core.protocols import Backend, Frontend
from sefront.core.randomness import seeded
from sefront.core.recipe import Recipe
from sefront.core.types import Batch, Phase
from sefront.core.update import Update
from sefront.testing.constructor import built
from sefront.testing.material import RATE, TASK, example, rows_of
from sefront.testing.probes import ProbeBackend, ProbeFrontend
from sefront.testing.verdict import require

BOTH = ("frontend", "backend")
Parts = dict[str, nn.Module]


def pair(coupling: Any, frontend: type = ProbeFrontend, joins: bool = False) -> Parts:
    """Probes for the parts of its chain, and the coupling itself where it is a module.

    Args:
        coupling: The coupling.
        frontend: The class of the frontend.
        joins: Whether the backend has branches; it has, too, where the coupling wants it.
    """
    joins = joins or bool(getattr(coupling, "joins", False))
    backend = joined({"one": ProbeBackend, "other": ProbeBackend}) if joins else ProbeBackend
    probes = {
        "frontend": lambda: built(frontend, RATE, options={}),
        "backend": lambda: built(backend, TASK, RATE, options={}),
    }
    parts: Parts = {name: probes[name]() for name in getattr(coupling, "chain", BOTH)}
    return parts | ({"coupling": coupling} if isinstance(coupling, nn.Module) else {})


def planned(coupling: Any, parts: Parts, component: type) -> list[Phase]:
    """Its phases; at least one, each under a name of its own."""
    frontend, backend = parts.get("frontend"), parts.get("backend")
    phases = list(coupling.phases(cast(Frontend, frontend), cast(Backend, backend)))
    require(all(isinstance(p, Phase) for p in phases), component, "its `phases` are not all of the class Phase")
    names = [phase.name for phase in phases]
    require(bool(names), component, "has no phase, so nothing would ever learn")
    require(len(set(names)) == len(names), component, f"two of its phases have one name: {', '.join(names)}")
    return phases


def stepped(phase: Phase, parts: Parts, batch: Batch | None = None) -> Mapping[str, Tensor]:
    """What an epoch of `phase` on one batch returns, by default on what it wants of a small one."""
    update = update_of(phase, parts)
    with seeded(0, "kit", "step"):
        return {**phase.step(batch or kept(phase, example()), update), **phase.close(update)}


def kept(phase: Phase, batch: Batch) -> Batch:
    """What of `batch` the `phase` wants to learn from."""
    keep = phase.keep()
    return batch if keep is None else rows_of(batch, [i for i, name in enumerate(batch.ids) if name in keep])


def update_of(phase: Phase, parts: Parts) -> Update:
    """What moves the learners of `phase`."""
    found = {name: part_of(parts, name) for name in phase.learners}
    learners = {name: part for name, part in found.items() if part is not None and trainable(part)}
    return Update(learners, {name: Recipe.of(part, {}, name) for name, part in learners.items()})


def differences(before: Weights, after: Weights) -> list[str]:
    """Names of the parameters and buffers that are not bit-identical."""
    return [name for name in before if not torch.equal(before[name], after[name])]


def trace(coupling: Any, component: type) -> list[float]:
    """What its phases log, one step each."""
    parts = pair(coupling)
    logged = [value for phase in planned(coupling, parts, component) for value in stepped(phase, parts).values()]
    return [number for value in logged for number in value.flatten().tolist()]


def check_state(component: type, options: Mapping[str, Any], joins: bool) -> None:
    """What a coupling remembers fits into a checkpoint; a fresh one that is given it takes the same next step.

    Args:
        component: The coupling.
        options: What it is built with.
        joins: Whether the backend has branches.
    """
    coupling = built(component, options=options)
    parts, stateful = pair(coupling, joins=joins), hasattr(coupling, "state_dict")
    for number, phase in enumerate(planned(coupling, parts, component)):
        stepped(phase, parts)
        fresh = built(component, options=options)
        copies = pair(fresh, joins=joins)
        for name, part in copies.items():
            part.load_state_dict(weights_of(parts[name]))
        if stateful and not isinstance(fresh, nn.Module):
            fresh.load_state_dict(kept_in_a_file(coupling.state_dict(), component))
        found, expected = stepped(planned(fresh, copies, component)[number], copies), stepped(phase, parts)
        logs = [{name: value.tolist() for name, value in log.items()} for log in (found, expected)]
        alike = not any(differences(weights_of(parts[name]), weights_of(part)) for name, part in copies.items())
        resumed = "after its state_dict was loaded into another one; keep in it"
        begun = "when another one takes its place; give it state_dict and load_state_dict, which hold"
        require(
            logs[0] == logs[1] and alike, component,
            f"goes on otherwise in phase {phase.name} {resumed if stateful else begun} all that a step depends on",
        )  # fmt: skip


def kept_in_a_file(state: Any, component: type) -> Any:
    """`state` after it was saved and loaded as a checkpoint is."""
    file = BytesIO()
    try:
        torch.save(state, file)
        file.seek(0)
        return torch.load(file, weights_only=True)
    except Exception as error:
        reason = " ".join(str(error).split()[:12])
        require(
            False, component,
            f"its state_dict cannot be kept ({type(error).__name__}: {reason} ...); "
            "put tensors, numbers, words, lists and dicts into it",
        )  # fmt: skip
