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
from train_together import COUPLINGS, RECIPES, everything

from sefront.core.processes import Processes

SCRIPT = Path(__file__).with_name("train_together.py")


def test_one_process_alone() -> None:
    processes = Processes()
    value = torch.tensor([1.0, 2.0])
    assert processes.main
    assert processes.total(value) is value
    everyone, own = processes.gathered(value)
    assert everyone is value
    assert own.tolist() == [0, 1]
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


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[0.0, 2.0, 4.0], [1.0, 3.0]], [0.0, 1.0, 2.0, 3.0, 4.0]),
        ([[0.0, 1.0], [2.0]], [0.0, 2.0, 1.0]),
        ([[0.0], [1.0, 3.0, 4.0]], [0.0, 1.0, 3.0, 4.0]),  # where clips of one process were damaged
        ([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0]),
        ([[0.0, 3.0], [1.0], [2.0]], [0.0, 1.0, 2.0, 3.0]),
    ],
)
def test_values_are_gathered_as_clips_were_dealt_out(
    values: list[list[float]], expected: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = max(map(len, values))
    told = {
        torch.int64: torch.tensor([len(each) for each in values]),
        torch.float32: torch.tensor([[*each, *[0.0] * (longest - len(each))] for each in values]).flatten(),
    }
    monkeypatch.setattr("accelerate.utils.gather", lambda value: told[value.dtype])
    for rank, each in enumerate(values):
        processes = Processes()
        processes.world, processes.rank = len(values), rank
        everyone, own = processes.gathered(torch.tensor(each))
        assert everyone.tolist() == expected
        assert everyone[own].tolist() == each


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
        said = [child.communicate(timeout=400)[0] for child in children]
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


def log(folder: Path, run: str = "run") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / run / "log.jsonl").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run", "unpadded", "augmented"])
def test_two_processes_come_to_what_one_does(name: str, together: Path, alone: Path) -> None:
    first, second, expected = weights(together, 0, name), weights(together, 1, name), weights(alone, 0, name)
    for key, value in expected.items():
        torch.testing.assert_close(first[key], value, rtol=0, atol=1e-5)
        assert torch.equal(first[key], second[key])


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("name", COUPLINGS)
def test_two_processes_step_as_one_does(name: str, recipe: str, together: Path, alone: Path) -> None:
    first, second, expected = (weights(*of, f"{name} {recipe}") for of in ((together, 0), (together, 1), (alone, 0)))
    own, others = first.pop("told"), second.pop("told")
    assert not (own.isfinite() & others.isfinite()).any()
    torch.testing.assert_close(
        torch.where(own.isnan(), others, own), expected.pop("told"), rtol=0, atol=1e-6, equal_nan=True
    )
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
    ("run", "name"),
    [
        *(("run", name) for name in ("loss_frontend", "loss_weighted", "loss_backend", "weight_entropy", "weight_max")),
        *(("run", name) for name in ("norm_frontend", "norm_backend", "cosine", "score")),
        *(("unpadded", name) for name in ("loss", "loss_frontend", "loss_backend", "norm_frontend", "cosine")),
        *(("counted", name) for name in ("wrong", "loss_backend", "hard", "hard_share_0")),
    ],
)
def test_two_processes_log_what_one_does(run: str, name: str, together: Path, alone: Path) -> None:
    found, expected = ([record.get(name) for record in log(folder, run)] for folder in (together, alone))
    assert any(value is not None for value in expected)
    assert found == [value if value is None else pytest.approx(value, abs=1e-4) for value in expected]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["counted", "counted one by one"])
def test_two_processes_count_what_one_does(name: str, together: Path, alone: Path) -> None:
    first, second, expected = weights(together, 0, name), weights(together, 1, name), weights(alone, 0, name)
    assert expected["seen"].tolist() == [3.0] * 12
    assert 0 < expected["wrong"].sum() < 36
    assert all(torch.equal(first[key], value) and torch.equal(second[key], value) for key, value in expected.items())


def samples(folder: Path, run: str) -> dict[str, list[list[tuple[Any, ...]]]]:
    """The rows of every epoch by phase, in the order of their ids."""
    found = {}
    for place in (folder / run / "samples").iterdir():
        lines = [json.loads(line) for line in place.read_text().splitlines()]
        columns = ("id", "step", "answer", "task_loss")
        found[place.stem] = [sorted(zip(*(line[name] for name in columns), strict=True)) for line in lines]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("run", ["counted", "one by one"])
def test_two_processes_keep_every_sample_once(run: str, together: Path, alone: Path) -> None:
    found, expected = samples(together, run), samples(alone, run)
    assert found.keys() == expected.keys() == {"backend", "backend_hard"}
    assert all(len(epoch) == 12 for epoch in found["backend"])
    for name, epochs in expected.items():
        assert [[row[:3] for row in epoch] for epoch in found[name]] == [[row[:3] for row in epoch] for epoch in epochs]


@pytest.mark.slow
def test_two_processes_keep_the_weight_of_every_sample(together: Path, alone: Path) -> None:
    lines = [
        [json.loads(line) for line in (folder / "run" / "samples" / "joint.jsonl").read_text().splitlines()]
        for folder in (together, alone)
    ]
    for one, other in zip(*lines, strict=True):
        assert sorted(one["id"]) == sorted(other["id"])
        weights = [dict(zip(line["id"], line["weight"], strict=True)) for line in (one, other)]
        assert weights[0] == pytest.approx(weights[1], abs=1e-4)
