"""The contract of couplings, checked on a frontend and a backend with BatchNorm and dropout."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any, get_args

from torch import Tensor

from sefront.core.chain import part_of, root_of
from sefront.core.checkpoint import weights_of
from sefront.core.errors import SefrontError
from sefront.core.modes import trainable
from sefront.core.protocols import Coupling
from sefront.core.randomness import seeded
from sefront.core.types import Phase, Sees
from sefront.testing.by_hand import Hand, check_by_hand
from sefront.testing.constructor import built, check_citation, check_constructor, check_rebuild
from sefront.testing.material import example
from sefront.testing.probes import Untrainable
from sefront.testing.steps import (
    BOTH,
    Parts,
    check_state,
    differences,
    kept,
    pair,
    planned,
    stepped,
    trace,
    update_of,
)
from sefront.testing.verdict import require


def check_coupling(component: type, by_hand: Mapping[str, Hand] | None = None, /, **options: Any) -> None:
    """Check a coupling that is built with `options`.

    Args:
        component: The coupling.
        by_hand: What a step of a phase, by its name, makes of two parameters; see `sefront.testing.by_hand`.
        options: What it is built with.

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
    check_phases(component, options)
    if "backend" in chain and not getattr(coupling, "joins", False):
        check_phases(component, options, joins=True)
    if by_hand is not None:
        check_by_hand(component, options, by_hand)
    check_untrainable(coupling, component)


def check_phases(component: type, options: Mapping[str, Any], joins: bool = False) -> None:
    """What its phases do with one backend, or with several that are joined; these it may refuse."""
    coupling = built(component, options=options)
    parts = pair(coupling, joins=joins)
    try:
        phases = planned(coupling, parts, component)
    except SefrontError:
        if joins:
            return
        raise
    for phase in phases:
        check_phase(phase, tuple(getattr(coupling, "chain", BOTH)), component)
        check_branches(phase, parts, component)
        check_step(phase, parts, component)
        check_probe(phase, parts, component)
    if not joins:  # and before its state, which means nothing where two of a kind differ anyway
        check_rebuild(component, options=options, same=lambda a, b: trace(a, component) == trace(b, component))
    check_state(component, options, joins)


def check_branches(phase: Phase, parts: Parts, component: type) -> None:
    """Branches that learn are there."""
    for name in phase.learners:
        root, _, branch = name.partition(".")
        known: Any = getattr(parts.get(root), "branches", {})
        require(
            not branch or branch in known, component,
            f"phase {phase.name} has the learner '{name}', but this {root} has no such branch; "
            "`branches_of` of sefront.core.phases names those that there are",
        )  # fmt: skip


def check_phase(phase: Phase, chain: tuple[str, ...], component: type) -> None:
    """What a phase says about itself is usable."""
    require(
        re.fullmatch(r"[a-z]\w*", phase.name) is not None, component,
        f"phase '{phase.name}' cannot be named on the command line (-o epochs.NAME); use small letters and _",
    )  # fmt: skip
    known = {*chain, "coupling"}
    strangers = [name for name in phase.learners if root_of(name) not in known]
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
    before, samples = {name: weights_of(part) for name, part in parts.items()}, len(kept(phase, example()).ids)
    logged = stepped(phase, parts)
    named = set(map(root_of, phase.learners))
    for name, part in parts.items():
        changed = differences(before[name], weights_of(part))
        branches = tuple(f"branches.{n.partition('.')[2]}." for n in phase.learners if n.startswith(f"{name}."))
        beside = [key for key in changed if branches and not key.startswith(branches)]
        require(
            not beside, component,
            f"phase {phase.name} changes {', '.join(beside)} of the {name}, of which only {phase.learners} learns",
        )  # fmt: skip
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
    check_log(phase, logged, component, samples)


def check_probe(phase: Phase, parts: Parts, component: type) -> None:
    """A probe changes nothing, and says numbers."""
    if phase.probe is None:
        return
    before = {name: weights_of(part) for name, part in parts.items()}
    modes = [m.training for part in parts.values() for m in part.modules()]
    with seeded(0, "kit", "probe"):
        found = phase.probe(example(), update_of(phase, parts))
    for name, part in parts.items():
        changed = differences(before[name], weights_of(part))
        require(not changed, component, f"the probe of phase {phase.name} changes {', '.join(changed)} of the {name}")
        left = [key for key, p in part.named_parameters() if p.grad is not None]
        require(not left, component, f"the probe of phase {phase.name} leaves gradients on the {name}")
    require(
        modes == [m.training for part in parts.values() for m in part.modules()], component,
        f"the probe of phase {phase.name} leaves a part in another mode; `passing` of sefront.core.modes restores it",
    )  # fmt: skip
    if found:
        check_log(phase, found, component)


def check_log(phase: Phase, logged: Any, component: type, samples: int = 0) -> None:
    """What a step returns can be averaged over an epoch, or kept of each of its `samples`: numbers, detached."""
    require(isinstance(logged, Mapping) and bool(logged), component, f"a step of phase {phase.name} returns no log")
    for name, value in logged.items():
        what = f"'{name}', logged by phase {phase.name},"
        fits = isinstance(value, Tensor) and (value.dim() == 0 or (samples > 0 and value.shape == (samples,)))
        each = f", nor of one for each of {samples} samples" if samples else ""
        require(fits, component, f"{what} is no tensor of one number{each}")
        require(not value.requires_grad, component, f"{what} still has its graph; detach it, or memory grows")
        require(bool(value.isfinite().all()), component, f"{what} is {value.tolist()}")


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
        if any(trainable(part_of(parts, name)) for name in phase.learners):
            try:
                stepped(phase, parts)
            except Exception as error:
                require(
                    False, component,
                    f"phase {phase.name} fails with a frontend that has nothing to train "
                    f"({type(error).__name__}: {error}); refuse it in `phases`",
                )  # fmt: skip
