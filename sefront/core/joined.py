"""Several backends as one: ``acln+fcn384`` hears each clip with every branch and decides from all embeddings.

    e = [e_1 ; e_2 ; ...],   z = ReLU(W e + b),   logits = V z + c

Once a linear support vector machine has been fitted, to e or to z, its margins take the place of the logits in eval
mode; they are no log-probabilities: they rank classes but say nothing about how sure the decision is. Source: Zhong et
al. 2020, doi:10.1109/ACCESS.2020.3043894, section III; the width of z is not stated there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from sefront.core.chain import differentiable, pads, predict
from sefront.core.clips import Task
from sefront.core.errors import SefrontError
from sefront.core.losses import cross_entropy
from sefront.core.modes import judging
from sefront.core.parameters import Parameter, build, parameters, resolved
from sefront.core.protocols import Backend
from sefront.core.randomness import seeded
from sefront.core.svm import LinearSVM
from sefront.core.types import Batch, Prediction

WIDTH = Parameter("width", int, 256, "Units in which the embeddings of all branches come together.")
DECISIONS = ("softmax", "joined", "fused")
Decision = Literal["softmax", "joined", "fused"]


class Joined(nn.Module):
    """Branches whose embeddings are classified together.

    It is made for certain branches by `joined`.

    Args:
        task: A classification.
        sample_rate: Rate of the waves in Hz.
        options: `width`, and those of every branch as BRANCH.NAME.
    """

    members: Mapping[str, type[Any]] = {}
    decision: Tensor

    def __init__(self, task: Task, sample_rate: int, **options: Any) -> None:
        super().__init__()
        options = resolved(type(self), options, "+".join(self.members))
        if options["width"] < 1:
            raise ValueError(f"width must be at least 1, but is {options['width']}")
        self.task, seed = task, int(torch.randint(2**62, ()))
        self.branches = nn.ModuleDict()
        for name, component in self.members.items():
            own = {key.partition(".")[2]: value for key, value in options.items() if key.startswith(f"{name}.")}
            with seeded(seed, "branch", name):  # the same whatever stands beside it
                self.branches[name] = build(component, task, sample_rate, options=own, owner=f"backend '{name}'")
        self.differentiable = all(map(differentiable, self.branches.values()))
        self.pads = all(map(pads, self.branches.values()))
        self.recipe = getattr(next(iter(self.branches.values())), "recipe", None)
        self.adjustable = tuple(
            f"{n}.{free}" for n, b in self.branches.items() for free in getattr(b, "adjustable", ())
        )
        size, classes = self.embedding_size(sample_rate), len(task.labels)
        self.fuse = nn.Linear(size, options["width"])
        self.head = nn.Linear(options["width"], classes)
        self.svms = nn.ModuleDict({"joined": LinearSVM(size, classes), "fused": LinearSVM(options["width"], classes)})
        self.register_buffer("decision", torch.tensor(0))

    def named(self) -> list[tuple[str, Backend]]:
        """The branches, and what they are called."""
        return [(name, cast(Backend, branch)) for name, branch in self.branches.items()]

    def embedding_size(self, sample_rate: int) -> int:
        """Features of all branches together, found by letting them hear a second of silence.

        Raises:
            ValueError: A branch gives no embedding.
        """
        silence, lengths = torch.zeros(1, sample_rate), torch.tensor([sample_rate])
        sizes = []
        for name, branch in self.named():
            with judging(branch):
                embedding = predict(branch, silence, lengths).embedding
            if embedding is None:
                raise ValueError(f"branch '{name}' gives no embedding, so it cannot be joined with others")
            sizes.append(embedding.shape[1])
        return sum(sizes)

    def fit(self, waves: Tensor, lengths: Tensor) -> None:
        """Let every branch gather what it wants to know of its data."""
        branches: list[Any] = list(self.branches.values())
        for branch in branches:
            if hasattr(branch, "fit"):
                branch.fit(waves, lengths)

    def embeddings(self, waves: Tensor, lengths: Tensor) -> Tensor:
        """Embeddings (batch, features) of all branches side by side."""
        heard = [predict(branch, waves, lengths).embedding for _, branch in self.named()]
        return torch.cat([e.float() for e in heard if e is not None], 1)

    def fused(self, together: Tensor) -> Tensor:
        """z (batch, width) from embeddings (batch, features)."""
        return torch.relu(self.fuse(together)).float()

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        """Logits, or margins of the support vector machine, (batch, classes) for `waves` (batch, time)."""
        together = self.embeddings(waves, lengths)
        decision = "softmax" if self.training else DECISIONS[int(self.decision)]
        if decision == "joined":
            return Prediction(self.svms["joined"](together), embedding=together)
        hidden = self.fused(together)
        scores = self.head(hidden) if decision == "softmax" else self.svms["fused"](hidden)
        return Prediction(scores, embedding=hidden)

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        """Cross-entropy, (batch,)."""
        return cross_entropy(prediction.scores, batch)

    def decide_by(self, decision: Decision) -> None:
        """Let the softmax, or one of the support vector machines, have the last word."""
        self.decision.fill_(DECISIONS.index(decision))


def joined(members: Mapping[str, type[Any]]) -> type[Joined]:
    """The class of backends with these branches; its options are `width`, and BRANCH.NAME for those of a branch.

    Raises:
        SefrontError: One of them does not classify, or its name cannot be that of a branch.
    """
    table = {"width": WIDTH}
    for name, component in members.items():
        if (kind := getattr(component, "kind", "classification")) != "classification":
            raise SefrontError(f"backend '{name}' is made for {kind}; only those that classify can be joined")
        if "." in name or hasattr(nn.ModuleDict(), name):
            raise SefrontError(f"backend '{name}' cannot be joined with others: its name cannot be that of a branch")
        table |= {f"{name}.{key}": replace(p, name=f"{name}.{key}") for key, p in parameters(component).items()}
    toys = [member.toy for member in members.values() if hasattr(member, "toy")]
    facts: dict[str, Any] = {"members": dict(members), "parameter_table": table, **({"toy": toys[0]} if toys else {})}
    facts |= {"__doc__": Joined.__doc__, "__module__": Joined.__module__}
    return type("+".join(members), (Joined,), facts)
