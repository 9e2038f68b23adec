"""The only training loop: a coupling's phases one after the other, on any modules that conform."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from torch import nn

from sefront.core.augment import Augment
from sefront.core.augmentable import check, check_clips, teaches
from sefront.core.augmented import augmented
from sefront.core.chain import involved, pads, part_of, root_of
from sefront.core.checkpoint import Weights, put_state, put_weights, state_of, weights_of
from sefront.core.damages import Damages
from sefront.core.data import Material, Mixtures
from sefront.core.long_texts import learnable
from sefront.core.modes import judging, trainable
from sefront.core.phase_run import PhaseRun
from sefront.core.precision import Precision, arranged, autocast, device_named, keep_freed_memory, uses_bf16
from sefront.core.processes import Processes
from sefront.core.progress import Progress, Quiet
from sefront.core.protocols import Backend, Coupling, Frontend, Metric
from sefront.core.recipe import Recipe, recipe_of
from sefront.core.recorded import check_references
from sefront.core.scoring import Judge
from sefront.core.speed import with_copies
from sefront.core.store import Store
from sefront.core.training import Lengths, Standing, Training
from sefront.core.types import Phase
from sefront.core.update import Update


@dataclass
class Coupler:
    """Trains a frontend and a backend as a coupling says.

    Args:
        frontend: The frontend; None where the coupling's chain has none.
        backend: The backend; None where the coupling's chain has none.
        coupling: How they learn from each other.
        lengths: Epochs and batch sizes.
        training: Patience, development grid, reading.
        optimiser: Settings by part, in place of those of its recipe: ``{"frontend": {"lr": 1e-4}}``.
        seed: Seed of dropout and of whatever else is random in a step.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``auto`` runs models in bfloat16 where it is native; losses, transforms and optimisers never do.
        folder: Where log and checkpoints go; None keeps them in memory.
        progress: Who watches.
        damages: Who counts the clips that are left out.
        given: Parts that arrive trained, so that their own pre-training is left out.
        loaded: Parts that arrive with the weights and statistics of another run, `given` or to be trained on.
        augment: What the backend learns from beside the clips as they are.
    """

    frontend: Frontend | None
    backend: Backend | None
    coupling: Coupling
    lengths: Lengths = field(default_factory=Lengths)
    training: Training = field(default_factory=Training)
    optimiser: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    seed: int = 0
    device: str = "auto"
    precision: Precision = "auto"
    folder: Path | None = None
    progress: Progress = field(default_factory=Quiet)
    given: Sequence[str] = ()
    loaded: Sequence[str] = ()
    damages: Damages = field(default_factory=Damages)
    augment: Augment = field(default_factory=Augment)

    def __post_init__(self) -> None:
        """Find the device and move the parts there."""
        self.processes = Processes()
        self.on = self.processes.device(device_named(self.device))
        self.bf16 = uses_bf16(self.precision, self.on)
        candidates: dict[str, Any] = {"frontend": self.frontend, "backend": self.backend, "coupling": self.coupling}
        self.parts = {name: part for name, part in candidates.items() if isinstance(part, nn.Module)}
        for part in self.parts.values():
            arranged(part, self.on, self.bf16)
        if self.on.type == "cpu":
            keep_freed_memory()
        self.store = Store(self.folder, self.processes.main)

    def planned(self) -> list[Phase]:
        """The phases of the coupling, whether or not they have anything to train."""
        # a coupling whose chain lacks a part never looks at it
        return list(self.coupling.phases(cast(Frontend, self.frontend), augmented(self.backend, self.augment)))

    def phases(self) -> list[Phase]:
        """The phases that will run: those with something to learn that was not given trained."""
        for phase in self.planned():
            if reason := self.left_out(phase):
                self.progress.note(f"phase {phase.name}: left out, because {reason}")
        return [phase for phase in self.planned() if not self.left_out(phase)]

    def left_out(self, phase: Phase) -> str:
        """Why `phase` does not run, or nothing."""
        alone = phase.learners[0] if len(phase.learners) == 1 else ""
        given = phase.replaceable and alone in self.given and (alone == "frontend" or phase.sees == "clean")
        if phase.left_out or given:
            return phase.left_out or f"a trained {alone} was given"
        if not any(trainable(part_of(self.parts, name)) for name in phase.learners):
            return f"{type(self.frontend if alone == 'frontend' else self.backend).__name__} has nothing to train"
        return ""

    def recipes(self, phase: Phase) -> dict[str, Recipe]:
        """The recipe of every learner of `phase` that has something to train."""
        learners = [name for name in phase.learners if trainable(part_of(self.parts, name))]
        return {name: recipe_of(self.parts, name, self.optimiser) for name in learners}

    def batch_size(self, phase: Phase) -> int:
        """Clips a step of `phase`; raises a SefrontError where they are fewer than it can learn from."""
        return self.lengths.clips(phase, self.recipes(phase), type(self.coupling).__name__)

    def check(self) -> None:
        """Refuse before training what would stop a later phase, or could not be: a SefrontError."""
        running = [phase for phase in self.planned() if not self.left_out(phase)]
        check(self.augment, self.backend, [(phase, self.batch_size(phase)) for phase in running], self.on)

    def learnt(self, phase: Phase, train: Mixtures) -> Mixtures:
        """What `phase` learns from: clips whose texts fit, and copies at other speeds where a backend learns."""
        return learnable(with_copies(train, self.augment.speed if teaches(phase) else ()), self.backend, self.damages)

    def fit(
        self,
        material: Material,
        *,
        frontend_material: Material | None = None,
        metric: Metric | None = None,
        resume: bool = False,
    ) -> list[dict[str, Any]]:
        """Run every phase; afterwards the parts hold their best weights, in eval mode.

        Args:
            material: What to learn from.
            frontend_material: What the frontend's own phase learns from instead.
            metric: Headline metric of the task; without one, the task loss decides which epoch is best.
            resume: Go on from the last checkpoint in `folder`, where there is one.

        Returns:
            One record an epoch.

        Raises:
            SefrontError: A loss is not finite, clean references are missing, or a clip is damaged and damages strict.
        """
        self.check()
        standing, state = self.taken_up(resume)
        own: dict[tuple[str, ...], Material] = {("frontend",): frontend_material or material}
        lessons = [(phase, own.get(phase.learners, material)) for phase in self.phases()]
        check_references(lessons)
        check_clips(self.augment, (taught.train for phase, taught in lessons if teaches(phase)))
        trained = {*self.given, *self.loaded}
        for number, (phase, taught) in enumerate(lessons):
            if number >= standing.phase:
                self.phase_run(phase, taught, metric, trained).run(standing, state)
                standing, state = standing.next_phase(), None
                if number + 1 < len(lessons):  # else the next phase's first best would be taken for this phase's
                    self.between(standing)
            trained |= set(phase.learners)
        self.finish(material)
        if not lessons:  # all parts came trained: they are the run
            self.store.save("best", self.weights())
            self.between(standing)
        for part in self.parts.values():
            part.eval()
        return self.store.history

    def taken_up(self, resume: bool) -> tuple[Standing, dict[str, Any] | None]:
        """Where to go on, with the weights of then put back; the state is None at the beginning of a phase."""
        state = self.store.state() if resume else None
        if state is None:
            self.store.rewind(0)
            return Standing(), None
        standing = Standing.of(state["standing"])
        put_state(self.coupling, state.get("coupling", {}))
        self.store.rewind(standing.records)
        for name, part in self.parts.items():
            put_weights(part, self.store.weights("last", name) or {}, f"the last {name}")
        return standing, state if state["update"] else None

    def between(self, standing: Standing) -> None:
        """Save where no phase is under way."""
        state = {"standing": standing.as_dict(), "update": {}, "start": {}, "coupling": state_of(self.coupling)}
        self.store.save("last", self.weights(), state)

    def finish(self, material: Material) -> None:
        """Let a coupling with a method `finish` have the last word on the trained backend."""
        finish, planned = getattr(self.coupling, "finish", None), self.planned()
        if finish is None:
            return
        sees = {phase.sees for phase in planned if "backend" in map(root_of, phase.learners)}
        clean = sees == {"clean"} and "backend" in self.parts
        last = replace(planned[-1], name="finish", learners=(), sees="clean" if clean else "noisy")
        with judging(*self.parts.values()), autocast(self.bf16, self.on):
            finish(self.frontend, self.backend, self.phase_run(last, material).heard())
        self.store.save("best", self.weights())
        if clean and not self.augment.noise:
            self.store.save("original", {"backend": weights_of(self.parts["backend"])})

    def weights(self) -> dict[str, Weights]:
        """A copy of the state of every part."""
        return {name: weights_of(part) for name, part in self.parts.items()}

    def phase_run(
        self, phase: Phase, material: Material, metric: Metric | None = None, trained: Container[str] = ()
    ) -> PhaseRun:
        """What is needed to run `phase` on `material` when the parts in `trained` have learnt already."""
        recipes = self.recipes(phase)
        learners = {name: cast(nn.Module, part_of(self.parts, name)) for name in recipes}
        epochs = self.lengths.of(phase)
        crop = self.augment.crop if teaches(phase) else None
        return PhaseRun(
            phase=phase,
            parts=self.parts,
            learners=learners,
            coupling=self.coupling,
            fresh=[name for name in recipes if name not in trained and root_of(name) not in trained],
            update=Update(learners, recipes, epochs=epochs, bf16=self.bf16, processes=self.processes),
            judge=self.judge(phase, metric),
            train=self.learnt(phase, material.train),
            valid=material.valid,
            batch_size=self.batch_size(phase),
            epochs=epochs,
            patience=self.training.patience,
            seconds=self.training.seconds if phase.learners == ("frontend",) else crop,
            noise=self.augment.noise if teaches(phase) else 0.0,
            workers=self.training.workers,
            seed=self.seed,
            store=self.store,
            report=self.damages,
            progress=self.progress,
            processes=self.processes,
            device=self.on,
        )

    def judge(self, phase: Phase, metric: Metric | None) -> Judge:
        """What scores an epoch of `phase` on development data."""
        return Judge(
            frontend=cast(Frontend, self.frontend),
            backend=cast(Backend, self.backend),
            metric=metric,
            levels=self.training.valid_snr,
            device=self.on,
            bf16=self.bf16,
            equal=not all(map(pads, involved(self.parts, phase.learners))),
            report=self.damages,
        )
