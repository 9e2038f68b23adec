"""What `test_processes` runs in one process and in two, the latter as ``python train_together.py FOLDER``.

A few steps of several couplings on uneven shares of a batch, and a whole run; the first process writes the weights.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[1] / "couplings"))

from probes import SGD, batch_of, material, plain_pair, same_dropout

from sefront.core.augment import Augment
from sefront.core.balance import Balance
from sefront.core.checkpoint import Weights, weights_of
from sefront.core.coupler import Coupler
from sefront.core.processes import Processes
from sefront.core.recipe import Recipe
from sefront.core.training import Lengths, Training
from sefront.core.types import Batch, Prediction
from sefront.core.update import Update
from sefront.couplings.independent import Independent
from sefront.couplings.iterative import Iterative
from sefront.couplings.mtl import MTL
from sefront.frontends.identity import Identity

STEPS, CLIPS = 5, 5
BALANCES: tuple[Balance, ...] = ("uncertainty", "gradient", "pcgrad", "remedy")
COUPLINGS: dict[str, Callable[[], Any]] = {
    "linear": lambda: Iterative(init="scratch"),
    "softmax": lambda: Iterative(init="scratch", weights="softmax", temperature=0.3),
    "shared": lambda: Iterative(init="scratch", share_forward=True),
    "mtl": lambda: MTL(init="scratch"),
    **{name: partial(MTL, init="scratch", lambda_backend=2.0, balance=name) for name in BALANCES},
}
WEIGHTINGS: dict[str, dict[str, Any]] = {
    "linear sgd": {},
    "linear adam": {},
    "softmax adam": {"weights": "softmax", "temperature": 0.3},
    "rank sgd": {"weights": "rank"},
    "clipped adam": {"weights": "clipped", "w_max": 0.2},
    "shuffled sgd": {"weights": "shuffled"},
    "shuffled adam": {"weights": "shuffled"},
    "running adam": {"normalise": "running"},
    "group sgd": {"weights": "shuffled", "group": 3},
}
RECIPES = {"sgd": SGD, "adam": Recipe(lr=1e-2)}
EPOCHS, SIZES = 4, (6, 6, 6, 6, 3)  # the last batch of an epoch is uneven


def share(batch: Batch, processes: Processes) -> Batch:
    """The clips of one process, as the training loop deals them out."""
    mine = slice(processes.rank, None, processes.world)
    tensors = {name: value[mine] for name, value in vars(batch).items() if isinstance(value, Tensor)}
    return replace(batch, **tensors, ids=batch.ids[mine])


def steps(name: str, processes: Processes) -> Weights:
    """All learners after a few steps with plain gradient descent."""
    frontend, backend = plain_pair()
    coupling = COUPLINGS[name]()
    (phase,) = coupling.phases(frontend, backend)
    named = {"frontend": frontend, "backend": backend, "coupling": coupling}
    parts = {name: named[name] for name in phase.learners}
    update = Update(parts, dict.fromkeys(parts, SGD), processes=processes)
    for number in range(STEPS):
        phase.step(share(batch_of(CLIPS, seed=number), processes), update)
    return {f"{part}.{key}": value for part, module in parts.items() for key, value in weights_of(module).items()}


class Told(Update):
    """An update that writes down the weights of the samples of this process in the order of their numbers, else nan."""

    def __init__(self, parts: dict[str, Any], recipe: Recipe, processes: Processes) -> None:
        super().__init__(parts, dict.fromkeys(parts, recipe), processes=processes)
        self.told: list[Tensor] = []

    def __call__(self, losses: Tensor, *learners: str, weights: Tensor | None = None, more: bool = False) -> Tensor:
        if weights is not None:
            self.told.append(torch.full((max(SIZES),), torch.nan))
            self.told[-1][self.processes.rank :: self.processes.world][: len(weights)] = weights
        return super().__call__(losses, *learners, weights=weights, more=more)


def weighed(name: str, processes: Processes) -> dict[str, Tensor]:
    """Both parts after twenty steps, and the weight of every sample in each."""
    frontend, backend = plain_pair()
    parts = {"frontend": frontend, "backend": backend}
    update = Told(parts, RECIPES[name.split()[1]], processes)
    (phase,) = Iterative(init="scratch", **WEIGHTINGS[name]).phases(frontend, backend)
    for epoch in range(EPOCHS):
        update.begin(epoch)
        with same_dropout(epoch):
            for number, size in enumerate(SIZES):
                torch.rand(1 + processes.rank)  # as dropout would on shares of unequal size
                phase.step(share(batch_of(size, seed=10 * epoch + number), processes), update)
            phase.close(update)
    moved = {f"{part}.{key}": value for part, module in parts.items() for key, value in weights_of(module).items()}
    return {**moved, "told": torch.stack(update.told)}


def run(folder: Path, pads: bool = True, damaged: tuple[int, ...] = (), size: int = 5, **options: Any) -> Weights:
    """Both parts after a whole run, best epochs put back; without padding some batches hold a single clip."""
    frontend, backend = plain_pair()
    frontend.pads = pads  # type: ignore[assignment]
    sgd = {"algorithm": "sgd", "lr": 0.05}
    coupling: Any = Iterative() if pads else MTL()
    Coupler(
        frontend, backend, coupling, lengths=Lengths(2, batch_size=size), training=Training(valid_snr=(5.0,)),
        optimiser={"frontend": sgd, "backend": sgd}, device="cpu", precision="32", folder=folder, **options,
    ).fit(material(damaged=damaged))  # fmt: skip
    return {**weights_of(frontend), **{f"backend.{key}": value for key, value in weights_of(backend).items()}}


class Answers(torch.nn.Module):
    """A branch that answers by the number of the clip, so that counts do not depend on what is learnt."""

    def __init__(self, wrong: int) -> None:
        super().__init__()
        self.wrong, self.scale = wrong, torch.nn.Parameter(torch.ones(()))

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        first = (waves[:, 0].abs() * 1e4).long() % self.wrong == 0
        return Prediction(torch.stack([first.float(), 1 - first.float()], 1) * self.scale)

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        return torch.nn.functional.cross_entropy(prediction.scores, batch.target, reduction="none")


def counted(folder: Path, size: int, damaged: tuple[int, ...] = ()) -> dict[str, Tensor]:
    """What a run with hard examples has counted, by the number of the clip, and what it has kept of every sample."""
    coupling = Independent(count_epochs=3, retrain_epochs=2, sees="clean")
    Coupler(
        Identity(1000), Answers(2), coupling, lengths=Lengths(batch_size=size), training=Training(valid_snr=(5.0,)),
        optimiser={"backend": {"lr": 0.0}}, device="cpu", precision="32", folder=folder,
    ).fit(material(damaged=damaged))  # fmt: skip
    miner = coupling.miner("backend")
    ids = sorted(miner.seen)
    hard = miner.hard_set()
    return {
        name: torch.tensor([float(known[i]) for i in ids])
        for name, known in (("seen", miner.seen), ("wrong", miner.wrong), ("h", {i: hard.get(i, -1.0) for i in ids}))
    }


def everything(folder: Path) -> dict[str, Weights]:
    """All of the above by name."""
    processes = Processes()
    laboratory = {name: weighed(name, processes) for name in WEIGHTINGS}
    runs = {
        "run": run(folder / "run"),
        "unpadded": run(folder / "unpadded", pads=False),
        "augmented": run(folder / "augmented", augment=Augment(speed=(0.9,), noise=0.5, crop=0.15)),
        "damaged": run(folder / "damaged", damaged=(2, 7, 9), size=2),
        "counted": counted(folder / "counted", size=5),
        "counted one by one": counted(folder / "one by one", size=1),
    }
    return {name: steps(name, processes) for name in COUPLINGS} | laboratory | runs


if __name__ == "__main__":
    torch.set_num_threads(1)
    place = Path(sys.argv[1])
    weights = everything(place)
    torch.save(weights, place / f"{Processes().rank}.pt")
    torch.distributed.destroy_process_group()
