"""Who learns when in iterative optimisation: groups of batches, steps per turn, batches of one's own, and resuming."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from probes import SGD, Watched, batch_of, material, pair, plain_pair, same, same_dropout
from torch import Tensor

from sefront.core.checkpoint import weights_of
from sefront.core.coupler import Coupler
from sefront.core.errors import SefrontError
from sefront.core.modes import judging
from sefront.core.progress import Quiet
from sefront.core.recipe import Recipe
from sefront.core.training import Lengths, Training
from sefront.core.types import Batch, Phase
from sefront.core.update import Update
from sefront.couplings.iterative import Iterative

Make = Callable[[], tuple[Any, Any]]
HALF = ("backend",), ("frontend",)


def one(batch: Batch, index: int) -> Batch:
    """A single clip of `batch`, with its padding."""
    tensors = {name: value[index : index + 1] for name, value in vars(batch).items() if isinstance(value, Tensor)}
    return replace(batch, **tensors, ids=batch.ids[index : index + 1])


def joint(make: Make = pair, **options: Any) -> tuple[Phase, Watched]:
    """The joint phase and what watches it."""
    frontend, backend = make()
    update = Watched({"frontend": frontend, "backend": backend})
    return Iterative(init="scratch", **options).phases(frontend, backend)[0], update


def stepped(batches: Sequence[Batch], make: Make = pair, **options: Any) -> tuple[Watched, list[Mapping[str, Tensor]]]:
    """An epoch of `batches`."""
    phase, update = joint(make, **options)
    with same_dropout():
        logged = [phase.step(batch, update) for batch in batches]
        return update, [*logged, phase.close(update)]


def learners(update: Watched) -> list[tuple[str, ...]]:
    return [call.learners for call in update.calls]


# Groups


def test_the_frontend_takes_one_step_a_group() -> None:
    batches = [batch_of(seed=number) for number in range(4)]
    update, _ = stepped(batches, group=2)
    assert learners(update) == [("backend",), *HALF, ("frontend",)] * 2
    frontends = [call.states["frontend"] for call in update.calls]
    assert same(frontends[0], frontends[1])
    moved = [not torch.equal(a["out.weight"], b["out.weight"]) for a, b in pairwise(frontends)]
    assert moved == [False, False, True, False, False, False, True]


@pytest.mark.parametrize(
    "options", [{}, {"weights": "rank"}, {"weights": "softmax"}, {"weights": "shuffled"}, {"normalise": "running"}]
)
def test_clips_in_a_group_are_as_clips_in_a_batch(options: dict[str, Any]) -> None:
    """But for the backend, which learns from each: here it stands still."""
    still = Recipe(algorithm="sgd", lr=1e-30)
    frontends = []
    for group in (1, 4):
        frontend, backend = plain_pair()
        update = Update({"frontend": frontend, "backend": backend}, {"frontend": SGD, "backend": still})
        phase = Iterative(init="scratch", group=group, **options).phases(frontend, backend)[0]
        for number in range(3):
            batch = batch_of(seed=number)
            with same_dropout(number):
                for part in [batch] if group == 1 else [one(batch, i) for i in range(4)]:
                    phase.step(part, update)
        frontends.append(weights_of(frontend))
    for name, value in frontends[0].items():
        torch.testing.assert_close(frontends[1][name], value, rtol=0, atol=1e-6)


def test_a_group_is_judged_by_the_backend_as_it_then_is() -> None:
    batches = [batch_of(2, seed=number) for number in range(2)]
    frontend, backend = plain_pair()
    update = Watched({"frontend": frontend, "backend": backend})
    phase = Iterative(init="scratch", group=2).phases(frontend, backend)[0]
    for number, batch in enumerate(batches):
        before = weights_of(frontend)
        phase.step(batch, update)
        assert same(before, weights_of(frontend)) == (number == 0)
    judge, fresh = plain_pair()
    fresh.load_state_dict(weights_of(backend))
    with judging(judge, fresh):
        losses = torch.cat([fresh.loss(fresh(judge(b.noisy, b.lengths).waves, b.lengths), b) for b in batches])
    weights = torch.cat([call.weights for call in update.calls if call.weights is not None])
    torch.testing.assert_close(weights, losses / losses.sum())
    assert float(weights.sum()) == pytest.approx(1)


def test_invariants_hold_in_a_group() -> None:
    frontend, _ = pair()
    update, _ = stepped([batch_of(seed=number) for number in range(3)], group=3)
    taught, steps = update.calls[:3], update.calls[3:]
    assert all(same(call.states["frontend"], weights_of(frontend)) for call in taught)
    assert all(same(call.states["backend"], taught[-1].states["backend"]) for call in steps)
    assert all(call.weights is not None and not call.weights.requires_grad for call in steps)
    assert all(set(call.gradients["backend"].values()) == {None} for call in steps)
    assert [bool(call.moved_by) for call in steps] == [False, False, True]
    assert steps[-1].left == []


def test_what_the_end_of_an_epoch_cuts_off_takes_its_step_there() -> None:
    batches = [batch_of(seed=number) for number in range(3)]
    phase, update = joint(plain_pair, group=2)
    for batch in batches:
        phase.step(batch, update)
    before = weights_of(update.parts["frontend"])
    logged = phase.close(update)
    last = update.calls[-1]
    assert not same(before, weights_of(update.parts["frontend"]))
    assert last.weights is not None
    assert float(last.weights.sum()) == pytest.approx(1)
    assert torch.equal(logged["weight"], last.weights)
    assert phase.close(update) == {}
    calls = len(update.calls)
    phase.step(batches[0], update)
    assert len(update.calls) == calls + 1  # of the backend alone: nothing has leaked


def test_what_a_group_logs() -> None:
    _, logged = stepped([batch_of(size) for size in (3, 2, 4)], group=2)
    assert [set(values) >= {"loss_backend"} for values in logged] == [True, True, True, False]
    assert [len(values["weight"]) if "weight" in values else 0 for values in logged] == [0, 5, 0, 4]
    assert float(logged[1]["loss_weighted"]) == pytest.approx(float(logged[1]["loss_frontend"]), rel=0.5)


# Steps and batches


def test_steps_per_turn() -> None:
    update, _ = stepped([batch_of()], backend_steps=3, frontend_steps=2)
    assert learners(update) == [("backend",)] * 3 + [("frontend",)] * 2
    first, second = (call.weights for call in update.calls[3:])
    assert first is not None
    assert second is not None
    assert not torch.equal(first, second)  # judged again, after the first step


def test_steps_on_one_batch_move_on() -> None:
    update, _ = stepped([batch_of()], plain_pair, backend_steps=3)
    losses = [call.loss for call in update.calls[:3]]
    assert losses == sorted(losses, reverse=True)
    assert len(set(losses)) == 3


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [*HALF, *HALF, *HALF]),
        ({"backend_steps": 2}, [("backend",), *HALF, ("backend",), *HALF]),
        ({"frontend_steps": 2}, [*HALF, ("frontend",), *HALF, ("frontend",)]),
    ],
)
def test_each_step_may_have_a_batch_of_its_own(options: dict[str, Any], expected: list[Any]) -> None:
    batches = [batch_of(seed=number) for number in range(6)]
    update, logged = stepped(batches, alternate="batch", **options)
    assert learners(update) == expected
    assert [("loss_backend" in values) for values in logged[:-1]] == [name == ("backend",) for name in expected]


def test_turns_go_on_over_epochs_so_that_a_lone_batch_starves_nobody() -> None:
    phase, update = joint(alternate="batch")
    for epoch in range(4):
        update.begin(epoch)
        phase.step(batch_of(), update)
        phase.close(update)
    assert learners(update) == [*HALF, *HALF]


def test_stale_weights_are_from_before_the_backends_step() -> None:
    heard: list[bool] = []
    frontend, backend = pair()
    backend.dropout.register_forward_hook(lambda module, *_: heard.append(module.training))
    update = Watched({"frontend": frontend, "backend": backend})
    Iterative(init="scratch", stale=True).phases(frontend, backend)[0].step(batch_of(), update)
    first, second = update.calls
    assert second.weights is not None
    assert torch.equal(second.weights, first.losses / first.losses.sum())
    assert heard == [True]


def test_weights_warm_up() -> None:
    phase, update = joint(plain_pair, warmup=2)
    for epoch, share in enumerate((0.0, 0.5, 1.0, 1.0)):
        update.begin(epoch)
        logged = phase.step(batch_of(), update)
        full = logged["task_loss"] / logged["task_loss"].sum()
        torch.testing.assert_close(logged["weight"], (1 - share) / 4 + share * full)


# In the training loop


class Stopped(KeyboardInterrupt):
    """Somebody pressed Ctrl-C."""


class Stopping(Quiet):
    """A watcher that interrupts when an epoch's number is recorded for the last time."""

    def record(self, values: Mapping[str, Any]) -> None:
        if values["epoch"] == 3:
            raise Stopped


def coupler(parts: tuple[Any, Any], options: dict[str, Any], **more: Any) -> Coupler:
    return Coupler(
        *parts, Iterative(init="scratch", **options), Lengths(4, batch_size=more.pop("batch_size", 4)),
        Training(valid_snr=(5.0,)), device="cpu", precision="32", **more,
    )  # fmt: skip


RESUMED: list[dict[str, Any]] = [
    {"normalise": "running"},
    {"weights": "shuffled", "normalise": "running", "group": 2},
    {"weights": "shuffled"},
    {"alternate": "batch", "backend_steps": 3},
    {"group": 2, "warmup": 4},
]


@pytest.mark.parametrize("options", RESUMED, ids=lambda o: " ".join(map(str, o.values())))
def test_a_resumed_run_is_bit_identical(options: dict[str, Any], tmp_path: Path) -> None:
    whole, broken, later = pair(), pair(), pair()
    expected = coupler(whole, options, folder=tmp_path / "whole").fit(material())
    with pytest.raises(Stopped):
        coupler(broken, options, folder=tmp_path / "broken", progress=Stopping()).fit(material())
    found = coupler(later, options, folder=tmp_path / "broken").fit(material(), resume=True)
    for one_part, other in zip(whole, later, strict=True):
        assert same(weights_of(one_part), weights_of(other))
    assert [r | {"seconds": 0} for r in found] == [r | {"seconds": 0} for r in expected]
    assert (tmp_path / "whole/samples/joint.jsonl").read_text() == (tmp_path / "broken/samples/joint.jsonl").read_text()


@pytest.mark.parametrize("options", [{"group": 5}, {"normalise": "running"}, {"weights": "uniform"}])
def test_batches_of_one_can_be_learnt_from(options: dict[str, Any], tmp_path: Path) -> None:
    parts = plain_pair()
    before = weights_of(parts[0])
    history = coupler(parts, options, batch_size=1, folder=tmp_path).fit(material())
    assert len(history) == 4
    assert not same(before, weights_of(parts[0]))
    for line in (tmp_path / "samples/joint.jsonl").read_text().splitlines():
        known = json.loads(line)
        assert sorted(known["id"]) == sorted(f"clip{i}" for i in range(12))
        assert len(set(known["weight"])) > 1 or options == {"weights": "uniform"}


def test_batches_of_one_are_refused() -> None:
    message = (
        "needs at least 2 a step, not 1; .*, or -o coupling.normalise=running or -o coupling.group=8, since a clip"
    )
    with pytest.raises(SefrontError, match=f"^phase joint of Iterative compares the clips of a batch, .*{message}"):
        coupler(pair(), {}, batch_size=1).fit(material())


def test_an_epoch_knows_every_sample(tmp_path: Path) -> None:
    coupler(pair(), {"group": 2}, folder=tmp_path).fit(material())
    for line in (tmp_path / "samples/joint.jsonl").read_text().splitlines():
        known = json.loads(line)
        assert sorted(known["id"]) == sorted(f"clip{i}" for i in range(12))
        assert sum(known["weight"]) == pytest.approx(2, abs=1e-4)  # a group of two batches, and one cut off
        assert set(known["answer"]) <= {0, 1}
