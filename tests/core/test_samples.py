"""What is kept of every sample, epoch by epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from probes import batch_of, material, pair
from torch import Tensor

from sefront.core.coupler import Coupler
from sefront.core.errors import SefrontError
from sefront.core.progress import Quiet
from sefront.core.samples import Samples, rounded
from sefront.core.store import Store
from sefront.core.training import Lengths, Training
from sefront.core.types import Batch
from sefront.couplings.augment import Augment
from sefront.couplings.baseline import Baseline
from sefront.couplings.iterative import Iterative
from sefront.couplings.mtl import MTL


def named(*ids: str, seed: int = 0) -> Batch:
    return replace(batch_of(len(ids), seed), ids=ids)


def test_values_per_sample_are_kept_and_others_are_not() -> None:
    samples = Samples()
    samples.show(named("a", "b"))
    samples.add({"loss": torch.tensor(0.1), "answer": torch.tensor([1, 0]), "task_loss": torch.tensor([0.5, math.nan])})
    assert samples.steps() == [
        [
            {"id": "a", "snr": 10.0, "answer": 1, "task_loss": 0.5},
            {"id": "b", "snr": 10.0, "answer": 0, "task_loss": None},
        ]
    ]


def test_a_group_speaks_of_all_its_batches() -> None:
    samples = Samples()
    for ids in (("a", "b"), ("c",), ("d",)):
        samples.show(named(*ids))
        samples.add({"loss": torch.tensor(0.0)})
    samples.add({"weight": torch.tensor([0.1, 0.2, 0.3, 0.4])})
    (step,) = samples.steps()
    assert [(row["id"], row["weight"]) for row in step] == [("a", 0.1), ("b", 0.2), ("c", 0.3), ("d", 0.4)]


def test_turns_on_batches_of_their_own_speak_of_the_last_one() -> None:
    samples = Samples()
    samples.show(named("a", "b"))
    samples.add({"loss": torch.tensor(0.0)})
    samples.show(named("c"))
    samples.add({"weight": torch.tensor([1.0])})
    samples.show(named("d", "e"))
    samples.add({"weight": torch.tensor([0.5, 0.5])})
    assert [[row["id"] for row in step] for step in samples.steps()] == [["c"], ["d", "e"]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"shares": [0.1, 0.2, 0.7]},
            "^a step on 2 samples returned 3 of shares; it returns one for each, or one number$",
        ),
        ({"one": [0.1], "two": [0.1, 0.2]}, "^a step on 2 samples returned 1 of one, 2 of two; "),
    ],
)
def test_values_that_are_not_one_for_each_sample(values: Mapping[str, list[float]], message: str) -> None:
    samples = Samples()
    samples.show(named("a", "b"))
    with pytest.raises(SefrontError, match=message):
        samples.add({name: torch.tensor(value) for name, value in values.items()})


@pytest.mark.parametrize(
    ("value", "expected"), [(0.12345678, 0.123457), (math.nan, None), (math.inf, None), (-math.inf, None), (7, 7)]
)
def test_numbers_are_short_and_finite(value: float, expected: float | None) -> None:
    assert rounded(value) == expected


def test_columns_of_steps_that_differ(tmp_path: Path) -> None:
    Store(tmp_path).samples("joint", 0, [[{"id": "a", "weight": 0.5}], [{"id": "b", "answer": 1}]])
    (line,) = (tmp_path / "samples" / "joint.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "epoch": 1, "step": [1, 2], "id": ["a", "b"], "weight": [0.5, None], "answer": [None, 1],
    }  # fmt: skip


# In training


class Stopping(Quiet):
    """Interrupts after some epochs."""

    def __init__(self, after: int) -> None:
        self.left = after

    def record(self, values: Mapping[str, Any]) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def run(coupling: Any, folder: Path, epochs: int = 2, after: int = 0, resume: bool = False, **options: Any) -> None:
    frontend, backend = pair()
    Coupler(
        frontend, backend, coupling, Lengths(epochs, batch_size=5), Training(valid_snr=(5.0,)), device="cpu",
        precision="32", folder=folder, progress=Stopping(after), **options,
    ).fit(material(), resume=resume)  # fmt: skip


def kept(folder: Path) -> dict[str, list[dict[str, Any]]]:
    places = sorted((folder / "samples").glob("*.jsonl"))
    return {place.stem: [json.loads(line) for line in place.read_text().splitlines()] for place in places}


CLIPS = sorted(f"clip{i}" for i in range(12))


@pytest.mark.parametrize(
    ("coupling", "phases", "columns"),
    [
        (Baseline, ["backend"], {"task_loss", "answer", "confidence"}),
        (Augment, ["backend"], {"task_loss", "answer", "confidence"}),
        (MTL, ["backend", "joint"], {"task_loss", "answer", "confidence"}),
        (Iterative, ["backend", "joint"], {"task_loss", "answer", "confidence", "weight"}),
    ],
)
def test_every_epoch_names_every_clip_once(coupling: Any, phases: list[str], columns: set[str], tmp_path: Path) -> None:
    run(coupling(), tmp_path)
    found = kept(tmp_path)
    assert sorted(found) == phases
    for name, lines in found.items():
        assert [line["epoch"] for line in lines] == [1, 2]
        for line in lines:
            assert sorted(line["id"]) == CLIPS
            assert {len(value) for key, value in line.items() if key != "epoch"} == {12}
            expected = columns if name == phases[-1] else columns - {"weight"}
            assert set(line) == {"epoch", "step", "id", "snr"} | expected
            sees_clean = coupling is Baseline or (name == "backend" and coupling is not Augment)
            assert all(snr is None for snr in line["snr"]) == sees_clean
            assert set(line["answer"]) <= {0, 1}
    weights = found[phases[-1]][0].get("weight")
    assert weights is None or sum(weights) == pytest.approx(max(found["joint"][0]["step"]), abs=1e-4)


@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_resumed_run_keeps_every_epoch_once(after: int, tmp_path: Path) -> None:
    run(Iterative(init="scratch", group=2), tmp_path / "whole", epochs=5)
    with pytest.raises(KeyboardInterrupt):
        run(Iterative(init="scratch", group=2), tmp_path / "parts", epochs=5, after=after)
    torn = tmp_path / "parts" / "samples" / "joint.jsonl"
    lines = torn.read_text()
    torn.write_text(lines + json.dumps({"epoch": after + 1, "id": []}) + '\n{"epoch": ')
    run(Iterative(init="scratch", group=2), tmp_path / "parts", epochs=5, resume=True)
    assert kept(tmp_path / "parts") == kept(tmp_path / "whole")


def test_a_new_run_in_a_folder_keeps_nothing_of_the_old_one(tmp_path: Path) -> None:
    run(Iterative(init="scratch"), tmp_path)
    run(Augment(), tmp_path, epochs=1)
    assert {name: len(lines) for name, lines in kept(tmp_path).items()} == {"backend": 1}


def test_damaged_clips_are_in_no_row(tmp_path: Path) -> None:
    frontend, backend = pair()
    Coupler(
        frontend, backend, Augment(), Lengths(1, batch_size=5), Training(valid_snr=(5.0,)), device="cpu",
        folder=tmp_path, precision="32",
    ).fit(material(damaged=(2, 7)))  # fmt: skip
    (line,) = kept(tmp_path)["backend"]
    assert sorted(line["id"]) == sorted(set(CLIPS) - {"clip2", "clip7"})


def test_nothing_of_it_reaches_the_log(tmp_path: Path) -> None:
    run(Augment(), tmp_path)
    record = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])
    assert not {"task_loss", "answer", "confidence"} & set(record)


def test_what_is_kept_is_what_the_model_said_before_the_step(tmp_path: Path) -> None:
    """The first step of the first epoch, by hand."""
    seen: list[Tensor] = []
    _, backend = pair(dropout=0.0, normalise=False)
    fresh = pair(dropout=0.0, normalise=False)[1]

    def remember(module: Any, arguments: Any, prediction: Any) -> None:
        if not seen:
            seen.append(fresh(*arguments).scores.detach())

    backend.register_forward_hook(remember)
    Coupler(
        None, backend, Augment(), Lengths(1, batch_size=5), Training(valid_snr=(5.0,)), device="cpu", folder=tmp_path,
        precision="32",
    ).fit(material())  # fmt: skip
    (line,) = kept(tmp_path)["backend"]
    first = [i for i, step in enumerate(line["step"]) if step == 1]
    assert [line["answer"][i] for i in first] == seen[0].argmax(1).tolist()
    target = torch.tensor([int(line["id"][i][4:]) % 2 for i in first])
    losses = torch.nn.functional.cross_entropy(seen[0], target, reduction="none")
    assert [line["task_loss"][i] for i in first] == pytest.approx(losses.tolist(), rel=1e-4)
