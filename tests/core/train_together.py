"""What `test_processes` runs in one process and in two, the latter as ``python train_together.py FOLDER``.

A few steps of several couplings on uneven shares of a batch, and a whole run; the first process writes the weights.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[1] / "couplings"))

from probes import RATE, SGD, TASK, batch_of, material, plain_pair, same_dropout

from sefront.core.augment import Augment
from sefront.core.balance import Balance
from sefront.core.checkpoint import Weights, weights_of
from sefront.core.coupler import Coupler
from sefront.core.joined import Joined, joined
from sefront.core.processes import Processes
from sefront.core.randomness import seeded
from sefront.core.recipe import Recipe
from sefront.core.training import Lengths, Training
from sefront.core.types import Batch, Prediction
from sefront.core.update import Update
from sefront.core.weighting import Weights as Weightings
from sefront.couplings.fused import Fused
from sefront.couplings.independent import Independent
from sefront.couplings.iterative import Iterative
from sefront.couplings.mtl import MTL
from sefront.frontends.identity import Identity
from sefront.testing.material import rows_of
from sefront.testing.probes import ProbeBackend

BALANCES = get_args(Balance)
LABORATORY: dict[str, dict[str, Any]] = {
    **{name: {"weights": name} for name in get_args(Weightings)},
    "sharp": {"weights": "softmax", "temperature": 0.3},
    "bounded": {"weights": "clipped", "w_max": 0.2},
    "literal_eq3": {"normalise": "literal_eq3"},
    "running": {"normalise": "running"},
    "running shuffled": {"normalise": "running", "weights": "shuffled"},
    "group": {"group": 3},
    "group shuffled": {"group": 3, "weights": "shuffled"},
    "warmup": {"warmup": 3},
    "stale": {"stale": True},
    "shared": {"share_forward": True},
    "turns": {"backend_steps": 2, "frontend_steps": 2},
    "alternate": {"alternate": "batch"},
}
COUPLINGS: dict[str, Callable[[], Any]] = {
    **{name: partial(Iterative, init="scratch", **options) for name, options in LABORATORY.items()},
    **{f"mtl {name}": partial(MTL, init="scratch", lambda_backend=2.0, balance=name) for name in BALANCES},
    "mtl warmup": partial(MTL, init="scratch", warmup=3),
    "independent": partial(Independent, hard_fraction=0.6),
    "fused": Fused,
}
RECIPES = {"sgd": SGD, "adam": Recipe(lr=1e-2)}
PLAIN: dict[str, Any] = {"dropout": 0.0, "normalise": False}
EPOCHS, SIZES = 4, (6, 6, 6, 6, 3)  # the last batch of an epoch is uneven


def share(batch: Batch, processes: Processes) -> Batch:
    """The clips of one process, as the training loop deals them out."""
    mine = slice(processes.rank, None, processes.world)
    tensors = {name: value[mine] for name, value in vars(batch).items() if isinstance(value, Tensor)}
    return replace(batch, **tensors, ids=batch.ids[mine])


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


def steps(name: str, recipe: str, processes: Processes) -> dict[str, Tensor]:
    """All parts after twenty steps of every phase in which a backend learns, and the weight of every sample in each."""
    frontend, backend = plain_pair()
    coupling: Any = COUPLINGS[name]()
    if isinstance(coupling, Fused):
        backend = branches()  # type: ignore[assignment]
    parts: dict[str, Any] = {"frontend": frontend, "backend": backend}
    parts |= {"coupling": coupling} if isinstance(coupling, torch.nn.Module) else {}
    told: list[Tensor] = []
    for phase in coupling.phases(frontend, backend):
        if phase.learners == ("frontend",):
            continue
        keep = phase.keep()
        update = Told({part: parts[part] for part in phase.learners}, RECIPES[recipe], processes)
        for epoch in range(EPOCHS):
            update.begin(epoch)
            with same_dropout(epoch):
                for number, size in enumerate(SIZES):
                    torch.rand(1 + processes.rank)  # as dropout would on shares of unequal size
                    batch = batch_of(size, seed=10 * epoch + number)
                    known = batch if keep is None else rows_of(batch, [i for i in range(size) if str(i) in keep])
                    phase.step(share(known, processes), update)
                phase.close(update)
        told += update.told
    moved = {f"{part}.{key}": value for part, module in parts.items() for key, value in weights_of(module).items()}
    return {**moved, "told": torch.stack(told or [torch.full((max(SIZES),), torch.nan)])}


def branches() -> Joined:
    """Two branches without BatchNorm and dropout."""
    options = {f"{name}.{key}": value for name in ("one", "two") for key, value in PLAIN.items()}
    with seeded(0, "branches"):
        return joined({"one": ProbeBackend, "two": ProbeBackend})(TASK, RATE, width=4, **options)


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
    stepped = {f"{name} {recipe}": steps(name, recipe, processes) for name in COUPLINGS for recipe in RECIPES}
    runs = {
        "run": run(folder / "run"),
        "unpadded": run(folder / "unpadded", pads=False),
        "augmented": run(folder / "augmented", augment=Augment(speed=(0.9,), noise=0.5, crop=0.15)),
        "damaged": run(folder / "damaged", damaged=(2, 7, 9), size=2),
        "counted": counted(folder / "counted", size=5),
        "counted one by one": counted(folder / "one by one", size=1),
    }
    return stepped | runs


if __name__ == "__main__":
    torch.set_num_threads(1)
    place = Path(sys.argv[1])
    weights = everything(place)
    torch.save(weights, place / f"{Processes().rank}.pt")
    torch.distributed.destroy_process_group()
