"""What `test_processes` runs in one process and in two, the latter as ``python train_together.py FOLDER``.

A few steps of several couplings on uneven shares of a batch, and a whole run; the first process writes the weights.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[1] / "couplings"))

from probes import SGD, batch_of, material, plain_pair

from sefront.core.checkpoint import Weights, weights_of
from sefront.core.coupler import Coupler
from sefront.core.processes import Processes
from sefront.core.training import Lengths, Training
from sefront.core.types import Batch
from sefront.core.update import Update
from sefront.couplings.iterative import Iterative
from sefront.couplings.mtl import MTL

STEPS, CLIPS = 5, 5
COUPLINGS: dict[str, Callable[[], Any]] = {
    "linear": lambda: Iterative(init="scratch"),
    "softmax": lambda: Iterative(init="scratch", weights="softmax", temperature=0.3),
    "shared": lambda: Iterative(init="scratch", share_forward=True),
    "mtl": lambda: MTL(init="scratch"),
}


def share(batch: Batch, processes: Processes) -> Batch:
    """The clips of one process, as the training loop deals them out."""
    mine = slice(processes.rank, None, processes.world)
    tensors = {name: value[mine] for name, value in vars(batch).items() if isinstance(value, Tensor)}
    return replace(batch, **tensors, ids=batch.ids[mine])


def steps(name: str, processes: Processes) -> Weights:
    """Both parts after a few steps with plain gradient descent."""
    frontend, backend = plain_pair()
    parts = {"frontend": frontend, "backend": backend}
    update = Update(parts, dict.fromkeys(parts, SGD), processes=processes)
    (phase,) = COUPLINGS[name]().phases(frontend, backend)
    for number in range(STEPS):
        phase.step(share(batch_of(CLIPS, seed=number), processes), update)
    return {f"{part}.{key}": value for part, module in parts.items() for key, value in weights_of(module).items()}


def run(folder: Path, pads: bool = True, damaged: tuple[int, ...] = (), size: int = 5) -> Weights:
    """Both parts after a whole run, best epochs put back; without padding some batches hold a single clip."""
    frontend, backend = plain_pair()
    frontend.pads = pads  # type: ignore[assignment]
    sgd = {"algorithm": "sgd", "lr": 0.05}
    coupling: Any = Iterative() if pads else MTL()
    Coupler(
        frontend, backend, coupling, lengths=Lengths(2, batch_size=size), training=Training(valid_snr=(5.0,)),
        optimiser={"frontend": sgd, "backend": sgd}, device="cpu", precision="32", folder=folder,
    ).fit(material(damaged=damaged))  # fmt: skip
    return {**weights_of(frontend), **{f"backend.{key}": value for key, value in weights_of(backend).items()}}


def everything(folder: Path) -> dict[str, Weights]:
    """All of the above by name."""
    processes = Processes()
    return {name: steps(name, processes) for name in COUPLINGS} | {
        "run": run(folder / "run"),
        "unpadded": run(folder / "unpadded", pads=False),
        "damaged": run(folder / "damaged", damaged=(2, 7, 9), size=2),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    place = Path(sys.argv[1])
    weights = everything(place)
    torch.save(weights, place / f"{Processes().rank}.pt")
    torch.distributed.destroy_process_group()
