"""Independent training with feedback from hard examples: every branch by itself, then one support vector machine.

For each branch of the backend, such as the two of ``acln+fcn384``:

    1. it learns from all clips by its own loss, and every answer is counted as right or wrong
    2. the hard index h of each clip follows from the counts (`sefront.core.hard_examples`); easy clips are left out
    3. it goes on with the hard clips:  L_i = -h_i (1 - alpha_i) ln p_i,  alpha_i the share of the clip's class

No branch knows of another: neither losses nor gradients, seeds nor optimisers are shared. Afterwards a linear support
vector machine is fitted to the embeddings of all branches side by side, for all training clips. A backend without
branches keeps its own decision. A frontend before the branches learns by its own loss first, and stays as it is.

Source: Zhong et al. 2020, doi:10.1109/ACCESS.2020.3043894, section III: Adam, 800 epochs on all clips and 300, 50 or 80
on the hard ones of IEMOCAP, EMO-DB or CASIA. Here a phase ends early where the development score has not risen for the
training's patience; the next one goes on from its best epoch, with the same optimiser.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from sefront.core.chain import predict
from sefront.core.errors import SefrontError
from sefront.core.hard_examples import FRACTION, Miner, focal, hard_example
from sefront.core.joined import Joined
from sefront.core.modes import judging, learning
from sefront.core.phases import branches_of, fit_svm, judged, learn_frontend, waves_for
from sefront.core.protocols import Backend, Frontend
from sefront.core.types import Batch, Phase, Sees
from sefront.core.update import Update


class Independent:
    """Branches learn one after the other, then again from what they found hard; their embeddings meet in an SVM.

    Args:
        loss: What hard examples teach by: he (hard-example loss, equation 3), focal, or ce (cross-entropy).
        gamma: Exponent of the focal loss.
        beta: Least hard index of a hard clip, in [0, 1); none takes the hardest `hard_fraction`.
        hard_fraction: Share of the clips that are hard; those that tie with the last one are hard as well.
        alpha_from: Whether class shares are those of the hard clips, or of the full set.
        count: Which answers are counted: train_pass, those that are learnt from, with dropout; or eval_pass, those of a
            pass more in eval mode before each step.
        count_epochs: Most epochs on all clips, in which answers are counted.
        retrain_epochs: Most epochs on the hard clips; 0 leaves them out.
        schedule: Factor on both numbers of epochs.
        sees: Which waves the branches learn from.
        svm_c: Weight of the errors of the support vector machine beside the width of its margin.
    """

    def __init__(
        self,
        *,
        loss: Literal["he", "focal", "ce"] = "he",
        gamma: float = 2.0,
        beta: float | None = None,
        hard_fraction: float = FRACTION,
        alpha_from: Literal["hard", "full"] = "hard",
        count: Literal["train_pass", "eval_pass"] = "train_pass",
        count_epochs: int = 800,
        retrain_epochs: int = 50,
        schedule: float = 1.0,
        sees: Sees = "enhanced",
        svm_c: float = 1.0,
    ) -> None:
        if beta is not None and not 0 <= beta < 1:
            raise ValueError(f"beta must be in [0, 1), or none, but is {beta:g}")
        if not 0 < hard_fraction <= 1:
            raise ValueError(f"hard_fraction must be above 0 and at most 1, but is {hard_fraction:g}")
        if count_epochs < 1 or retrain_epochs < 0:
            raise ValueError(
                "count_epochs must be at least 1 and retrain_epochs at least 0, but they are "
                f"{count_epochs} and {retrain_epochs}"
            )
        if not 0 <= gamma < math.inf or not 0 < schedule < math.inf or not 0 < svm_c < math.inf:
            raise ValueError(
                "gamma must be at least 0, schedule and svm_c above 0, but they are "
                f"{gamma:g}, {schedule:g} and {svm_c:g}"
            )
        self.loss, self.gamma, self.beta, self.fraction = loss, gamma, beta, hard_fraction
        self.alpha_from, self.counted, self.sees, self.svm_c = alpha_from, count, sees, svm_c
        self.count_epochs = max(1, round(schedule * count_epochs))
        self.retrain_epochs = max(1, round(schedule * retrain_epochs)) if retrain_epochs else 0
        self.miners: dict[str, Miner] = {}
        self.optimisers: dict[str, dict[str, Any]] = {}
        self.adopted = False

    def phases(self, frontend: Frontend, backend: Backend) -> Sequence[Phase]:
        """Learn the frontend; then for each branch: learn from all clips, learn from the hard ones.

        Raises:
            SefrontError: The backend does not classify, so that no answer is right or wrong.
        """
        if (kind := getattr(backend, "kind", "classification")) != "classification":
            raise SefrontError(
                f"independent counts wrong answers, of which a task of {kind} has none; "
                "it works with backends that classify, so use another mode"
            )
        found = [learn_frontend(frontend)]
        for name, branch in branches_of(backend).items():
            lesson = Lesson(self, name, branch, frontend)
            learners = (f"backend.{name}" if isinstance(backend, Joined) else name,)
            given = "its answers were counted in the run that the backend comes from" if self.adopted else ""
            found.append(
                Phase(
                    name, learners, self.sees, lesson.all_clips, epochs=self.count_epochs, close=lesson.count,
                    replaceable=False, left_out=given, single="counts the answer to each clip",
                )
            )  # fmt: skip
            if self.retrain_epochs:
                found.append(
                    Phase(
                        f"{name}_hard", learners, self.sees, lesson.hard_clips, lesson.keep, self.retrain_epochs,
                        replaceable=False, single="weighs the loss of each clip by how hard that is",
                    )
                )  # fmt: skip
        return found

    def miner(self, branch: str) -> Miner:
        """The counts of a branch."""
        return self.miners.setdefault(branch, Miner())

    def finish(self, frontend: Frontend, backend: Backend, batches: Iterable[Batch]) -> Backend:
        """Fit the support vector machine to the embeddings of all branches, and let it decide."""
        if isinstance(backend, Joined):
            fit_svm(backend, "joined", waves_for(self.sees, frontend), batches, self.svm_c)
        return backend

    def state_dict(self) -> dict[str, Any]:
        """The counts of every branch, and how far its optimiser had come when it had learnt from all clips."""
        counts = {name: miner.state_dict() for name, miner in self.miners.items()}
        return {"counts": counts, "optimisers": dict(self.optimisers)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        self.miners.clear()
        self.optimisers = dict(state["optimisers"])
        for name, counts in state["counts"].items():
            self.miner(name).load_state_dict(counts)

    def adopt(self, state: Mapping[str, Any], ids: Sequence[str]) -> None:
        """Take up what another run remembers; where it has counts, learning from all clips is left out.

        Args:
            state: What `state_dict` gave there.
            ids: The clips to learn from now.

        Raises:
            SefrontError: Others were counted.
        """
        self.load_state_dict(state)
        self.adopted = any(miner.seen for miner in self.miners.values())
        strangers = sorted({name for miner in self.miners.values() for name in miner.seen} - set(ids))
        if strangers:
            raise SefrontError(
                f"--init-backend: that run has counted {len(strangers)} clips that are not among those to learn from "
                f"now, such as {strangers[0]}; name the corpus and the splits that it learnt from"
            )


class Lesson:
    """What one branch learns.

    Args:
        coupling: What it belongs to.
        name: Name of the branch.
        branch: The branch.
        frontend: What makes enhanced waves, where these are learnt from.
    """

    def __init__(self, coupling: Independent, name: str, branch: Backend, frontend: Frontend) -> None:
        self.coupling, self.name, self.branch = coupling, name, branch
        self.waves = waves_for(coupling.sees, frontend)
        self.waiting: list[tuple[tuple[str, ...], Tensor, Tensor]] = []  # ids, whether wrong, classes of every batch
        self.hard: dict[str, float] = {}
        self.shares: Tensor = torch.zeros(0)  # of every class that the loss knows
        self.facts: dict[str, Tensor] = {}
        self.begun = False

    def all_clips(self, batch: Batch, update: Update) -> Mapping[str, Tensor]:
        """One step on any clips, whose answers are remembered as they were before it."""
        waves, known = self.waves(batch), {}
        if self.coupling.counted == "eval_pass":
            with judging(self.branch):
                prediction = predict(self.branch, waves, batch.lengths)
                known = judged(self.branch.loss(prediction, batch), prediction)
        with learning(self.branch):
            prediction = predict(self.branch, waves, batch.lengths)
            losses = self.branch.loss(prediction, batch)
        known = known or judged(losses, prediction)
        wrong = known["answer"] != batch.target
        self.waiting.append((batch.ids, wrong, batch.target))
        return {"loss_backend": update(losses, *update.learners), "wrong": update.average(wrong), **known}

    def count(self, update: Update) -> Mapping[str, Tensor]:
        """Count the answers of an epoch, those of all processes, and remember the optimiser."""
        self.coupling.optimisers[self.name] = {name: learner.state() for name, learner in update.learners.items()}
        steps = [
            [{"id": name, "wrong": failed, "class": label} for name, failed, label in zip(*answers, strict=True)]
            for answers in ((ids, wrong.tolist(), classes.tolist()) for ids, wrong, classes in self.waiting)
        ]
        self.waiting.clear()
        rows = [row for step in update.processes.once(steps) for row in step]
        self.coupling.miner(self.name).count(*([row[key] for row in rows] for key in ("id", "wrong", "class")))
        return {}

    def keep(self) -> Container[str] | None:
        """The hard clips, from counts that are complete."""
        self.begun = False
        miner, options = self.coupling.miner(self.name), self.coupling
        self.hard = miner.hard_set(options.beta, options.fraction)
        hard, full = miner.shares(self.hard), miner.shares()
        self.facts = {f"hard_share_{label}": torch.tensor(hard.get(label, 0.0)) for label in full}
        self.facts["hard"] = torch.tensor(float(len(self.hard)))
        counted = hard if options.alpha_from == "hard" else full
        self.shares = torch.tensor([counted.get(label, 0.0) for label in range(max(full, default=-1) + 1)])
        return self.hard

    def hard_clips(self, batch: Batch, update: Update) -> Mapping[str, Tensor]:
        """One step on hard clips alone; before the first, the optimiser takes up where it had stopped."""
        if update.epoch == 0 and not self.begun:
            for name, state in self.coupling.optimisers.get(self.name, {}).items():
                update.learners[name].go_on(state)
        self.begun = True
        with learning(self.branch):
            prediction = predict(self.branch, self.waves(batch), batch.lengths)
        index = torch.tensor([self.hard[name] for name in batch.ids], device=batch.target.device)
        self.shares = self.shares.to(batch.target.device)
        losses = self.losses(prediction.scores, batch.target, index, self.shares[batch.target])
        return {
            "loss_backend": update(losses, *update.learners), **self.facts, **judged(losses, prediction),
            "hard_index": index,
        }  # fmt: skip

    def losses(self, scores: Tensor, target: Tensor, index: Tensor, share: Tensor) -> Tensor:
        """The loss of each hard clip, (batch,)."""
        if self.coupling.loss == "he":
            return hard_example(scores, target, index, share)
        return focal(scores, target, self.coupling.gamma if self.coupling.loss == "focal" else 0.0)
