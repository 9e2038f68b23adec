"""The contract of couplings, checked on a frontend and a backend with BatchNorm and dropout."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any, cast, get_args

import torch
from torch import Tensor, nn

from sefront.core.checkpoint import Weights, weights_of
from sefront.core.errors import SefrontError
from sefront.core.modes import trainable
from sefront.core.protocols import Backend, Coupling, Frontend
from sefront.core.randomness import seeded
from sefront.core.recipe import Recipe
from sefront.core.types import Phase, Sees
from sefront.core.update import Update
from sefront.testing.constructor import built, check_citation, check_constructor, check_rebuild
from sefront.testing.material import RATE, TASK, example
from sefront.testing.probes import ProbeBackend, ProbeFrontend, Untrainable
from sefront.testing.verdict import require

BOTH = ("frontend", "backend")
Parts = dict[str, nn.Module]


def check_coupling(component: type, /, **options: Any) -> None:
    """Check a coupling that is built with `options`.

    Raises:
        ConformanceError: It breaks the contract.
    """
    check_constructor(component, 0)
    check_citation(component)
    coupling = built(component, options=options)
    require(isinstance(coupling, Coupling), component, "lacks the method `phases`")
    chain = tuple(getattr(coupling, "chain", BOTH))
    require(
        bool(chain) and set(chain) <= set(BOTH), component,
        f"its chain is {chain}; it holds 'frontend', 'backend' or both, in the order of the test",
    )  # fmt: skip
    parts = pair(coupling)
    phases = planned(coupling, parts, component)
    for phase in phases:
        check_phase(phase, chain, component)
        check_step(phase, parts, component)
    check_untrainable(coupling, component)
    check_rebuild(component, options=options, same=lambda a, b: trace(a, component) == trace(b, component))


def pair(coupling: Any, frontend: type = ProbeFrontend) -> Parts:
    """Probes for the parts of its chain, and the coupling itself where it is a module."""
    chain = getattr(coupling, "chain", BOTH)
    probes = {
        "frontend": lambda: built(frontend, RATE, options={}),
        "backend": lambda: built(ProbeBackend, TASK, RATE, options={}),
    }
    parts: Parts = {name: probes[name]() for name in chain}
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


def check_phase(phase: Phase, chain: tuple[str, ...], component: type) -> None:
    """What a phase says about itself is usable."""
    require(
        re.fullmatch(r"[a-z]\w*", phase.name) is not None, component,
        f"phase '{phase.name}' cannot be named on the command line (-o epochs.NAME); use small letters and _",
    )  # fmt: skip
    known = {*chain, "coupling"}
    strangers = [name for name in phase.learners if name.partition(".")[0] not in known]
    require(
        bool(phase.learners) and not strangers, component,
        f"phase {phase.name} has the learners {phase.learners}, of which its chain {chain} lacks {strangers}; "
        "name one or more parts of the chain",
    )  # fmt: skip
    require(
        phase.sees in get_args(Sees), component,
        f"phase {phase.name} sees '{phase.sees}', which is none of {', '.join(get_args(Sees))}",
    )  # fmt: skip
    require(
        phase.sees != "enhanced" or "frontend" in chain, component,
        f"phase {phase.name} sees enhanced waves, but its chain {chain} has no frontend",
    )  # fmt: skip
    require(
        phase.epochs is None or phase.epochs >= 1, component,
        f"phase {phase.name} lasts {phase.epochs} epochs; at least 1, or None for the experiment's",
    )  # fmt: skip
    keep = phase.keep()
    require(
        keep is None or isinstance(keep, Container), component,
        f"phase {phase.name} keeps a {type(keep).__name__}; `keep` returns ids that can be looked up, or None",
    )  # fmt: skip


def check_step(phase: Phase, parts: Parts, component: type) -> None:
    """One step moves every learner, and nothing of anybody else, buffers included."""
    before = {name: weights_of(part) for name, part in parts.items()}
    logged = stepped(phase, parts)
    named = {name.partition(".")[0] for name in phase.learners}
    for name, part in parts.items():
        changed = differences(before[name], weights_of(part))
        moved = [key for key, _ in part.named_parameters() if key in changed]
        require(
            name in named or not changed, component,
            f"phase {phase.name} changes {', '.join(changed)} of the {name}, which is not among its learners; "
            "let it judge in eval mode without gradients",
        )  # fmt: skip
        require(
            name not in named or bool(moved), component,
            f"phase {phase.name} does not move the {name}, which is among its learners",
        )  # fmt: skip
        left = [key for key, p in part.named_parameters() if p.grad is not None]
        require(
            not left, component,
            f"phase {phase.name} leaves gradients on the {name} ({', '.join(left)}); step through `update` alone",
        )  # fmt: skip
    check_log(phase, logged, component)


def check_log(phase: Phase, logged: Any, component: type) -> None:
    """What a step returns can be averaged over an epoch: numbers, detached."""
    require(isinstance(logged, Mapping) and bool(logged), component, f"a step of phase {phase.name} returns no log")
    for name, value in logged.items():
        what = f"'{name}', logged by phase {phase.name},"
        require(isinstance(value, Tensor) and value.dim() == 0, component, f"{what} is no tensor of one number")
        require(not value.requires_grad, component, f"{what} still has its graph; detach it, or memory grows")
        require(bool(value.isfinite()), component, f"{what} is {float(value)}")


def stepped(phase: Phase, parts: Parts) -> Mapping[str, Tensor]:
    """What one step of `phase` on a small batch returns."""
    learners = {name: parts[name.partition(".")[0]] for name in phase.learners}
    learners = {name: part for name, part in learners.items() if trainable(part)}
    update = Update(learners, {name: Recipe.of(part, {}, name) for name, part in learners.items()})
    with seeded(0, "kit", "step"):
        return phase.step(example(), update)


def differences(before: Weights, after: Weights) -> list[str]:
    """Names of the parameters and buffers that are not bit-identical."""
    return [name for name in before if not torch.equal(before[name], after[name])]


def check_untrainable(coupling: Any, component: type) -> None:
    """A frontend with nothing to train is either refused with a reason, or left as it is."""
    parts = pair(coupling, Untrainable)
    try:
        phases = planned(coupling, parts, component)
    except SefrontError as error:
        require(
            Untrainable.__name__ in str(error), component,
            f"refuses a frontend with nothing to train with '{error}'; name the frontend and the modes that would work",
        )  # fmt: skip
        return
    for phase in phases:
        if any(trainable(parts.get(name.partition(".")[0])) for name in phase.learners):
            try:
                stepped(phase, parts)
            except Exception as error:
                require(
                    False, component,
                    f"phase {phase.name} fails with a frontend that has nothing to train "
                    f"({type(error).__name__}: {error}); refuse it in `phases`",
                )  # fmt: skip


def trace(coupling: Any, component: type) -> list[float]:
    """What its phases log, one step each."""
    parts = pair(coupling)
    return [float(v) for phase in planned(coupling, parts, component) for v in stepped(phase, parts).values()]
