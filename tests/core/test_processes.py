"""Two processes train as one does, but for rounding."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from train_together import COUPLINGS, everything

from sefront.core.processes import Processes

SCRIPT = Path(__file__).with_name("train_together.py")


def test_one_process_alone() -> None:
    processes = Processes()
    value = torch.tensor([1.0, 2.0])
    assert processes.main
    assert processes.total(value) is value
    assert processes.largest(value) is value
    assert processes.same(3.0) == 3.0
    assert processes.all_have("a batch", torch.device("cpu"))
    assert not processes.all_have(None, torch.device("cpu"))
    assert processes.device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize(
    ("world", "rank", "keys", "share"),
    [
        (1, 0, [1, 2, 3], [1, 2, 3]),
        (2, 0, [1, 2, 3], [1, 3]),
        (2, 1, [1, 2, 3], [2]),
        (2, 1, [1], [1]),
        (3, 2, [1, 2], [1, 2]),
    ],
)
def test_no_process_misses_a_step(world: int, rank: int, keys: list[int], share: list[int]) -> None:
    processes = Processes()
    processes.world, processes.rank = world, rank
    assert processes.share(keys) == share


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two processes have left their weights."""
    folder = tmp_path_factory.mktemp("together")
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "OMP_NUM_THREADS": "1"}
    children = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder)], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2"},
        )
        for rank in (0, 1)
    ]  # fmt: skip
    try:
        said = [child.communicate(timeout=120)[0] for child in children]
    finally:
        for child in children:
            child.kill()
            child.wait()
    assert [child.returncode for child in children] == [0, 0], "\n".join(said)
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where one process has left its own."""
    folder = tmp_path_factory.mktemp("alone")
    torch.save(everything(folder), folder / "0.pt")
    return folder


def weights(folder: Path, rank: int, name: str) -> dict[str, Tensor]:
    return dict(torch.load(folder / f"{rank}.pt", weights_only=True)[name])


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*COUPLINGS, "run", "unpadded"])
def test_two_processes_come_to_what_one_does(name: str, together: Path, alone: Path) -> None:
    first, second, expected = weights(together, 0, name), weights(together, 1, name), weights(alone, 0, name)
    for key, value in expected.items():
        torch.testing.assert_close(first[key], value, rtol=0, atol=1e-5)
        assert torch.equal(first[key], second[key])


@pytest.mark.slow
def test_a_share_without_a_usable_clip_keeps_nobody_waiting(together: Path) -> None:
    first, second = weights(together, 0, "damaged"), weights(together, 1, "damaged")
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.slow
def test_only_the_first_process_writes(together: Path) -> None:
    assert [record["phase"] for record in log(together)] == ["frontend"] * 2 + ["backend"] * 2 + ["joint"] * 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["loss_weighted", "loss_backend", "weight_entropy", "weight_max", "norm_frontend", "score"]
)
def test_two_processes_log_what_one_does(name: str, together: Path, alone: Path) -> None:
    found, expected = ([record.get(name) for record in log(folder)] for folder in (together, alone))
    assert found[-1] is not None
    assert found == [value if value is None else pytest.approx(value, abs=1e-4) for value in expected]
