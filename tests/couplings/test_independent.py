"""Independent training: branches that know nothing of each other, counts, and a second lesson on hard clips."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from probes import RATE, SGD, TASK, Gain, Tones, Watched, batch_of, material, pair, plain_pair, same, same_dropout
from torch import Tensor

from sefront.core.checkpoint import weights_of
from sefront.core.coupler import Coupler
from sefront.core.data import Material
from sefront.core.errors import SefrontError
from sefront.core.hard_examples import hard_index
from sefront.core.joined import Joined, joined
from sefront.core.progress import Quiet
from sefront.core.randomness import seeded
from sefront.core.recipe import Recipe
from sefront.core.training import Lengths, Training
from sefront.core.types import Batch, Phase
from sefront.core.update import Update
from sefront.couplings.independent import Independent
from sefront.frontends.identity import Identity
from sefront.metrics.uar import UAR
from sefront.testing.material import TASK as FOUR
from sefront.testing.material import example, rows_of
from sefront.testing.probes import ProbeBackend, ProbeFrontend


class Other(ProbeBackend):
    """Another branch."""


def branches(*names: str, **options: Any) -> Joined:
    """A joined backend of probes."""
    kinds = {"one": ProbeBackend, "other": Other}
    with seeded(0, "backend"):
        return joined({name: kinds[name] for name in names})(
            TASK, RATE, width=6, **{f"{name}.{key}": value for name in names for key, value in options.items()}
        )


class Stopping(Quiet):
    """Writes down, and interrupts after some epochs."""

    def __init__(self, after: int = 0) -> None:
        self.left = after
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def record(self, values: Mapping[str, Any]) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def coupler(backend: Any, coupling: Any, frontend: Any = None, **options: Any) -> Coupler:
    lengths = options.pop("lengths", Lengths(3, dict.fromkeys(("one", "other", "backend"), 3), batch_size=5))
    return Coupler(
        frontend or Identity(RATE), backend, coupling, lengths, Training(valid_snr=(5.0,)), device="cpu",
        precision="32", **options,
    )  # fmt: skip


def phase_of(coupling: Independent, backend: Any, name: str, frontend: Any = None) -> Phase:
    return next(p for p in coupling.phases(frontend or Identity(RATE), backend) if p.name == name)


def trained(
    *names: str, given: Material | None = None, **options: Any
) -> tuple[Joined, list[dict[str, Any]], Independent]:
    """Branches after a whole run."""
    backend, coupling = branches(*names), Independent(retrain_epochs=2, **options)
    history = coupler(backend, coupling).fit(given or material(), metric=UAR())
    return backend, history, coupling


# Phases


def alike(one: Any, other: Any) -> bool:
    """Whether two states hold the same, tensors by their values."""
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)


def test_phases_of_branches_and_of_a_backend_alone() -> None:
    found = Independent().phases(Gain(), branches("one", "other"))
    assert [(p.name, p.learners, p.epochs) for p in found] == [
        ("frontend", ("frontend",), None),
        ("one", ("backend.one",), 800),
        ("one_hard", ("backend.one",), 50),
        ("other", ("backend.other",), 800),
        ("other_hard", ("backend.other",), 50),
    ]
    alone = Independent(schedule=0.1, retrain_epochs=80).phases(Gain(), pair()[1])
    assert [(p.name, p.learners, p.epochs) for p in alone[1:]] == [
        ("backend", ("backend",), 80),
        ("backend_hard", ("backend",), 8),
    ]
    assert [p.name for p in Independent(retrain_epochs=0).phases(Gain(), pair()[1])] == ["frontend", "backend"]
    assert Independent(schedule=1e-9).phases(Gain(), pair()[1])[-1].epochs == 1


@pytest.mark.parametrize("kind", ["transcription", "trace"])
def test_answers_that_are_neither_right_nor_wrong(kind: str) -> None:
    class Writing(ProbeBackend):
        """Does not classify."""

    Writing.kind = kind  # type: ignore[attr-defined]
    with pytest.raises(SefrontError, match=f"^independent counts wrong answers, of which a task of {kind} has none; "):
        Independent().phases(Gain(), Writing(TASK, RATE))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": 1.0}, r"^beta must be in \[0, 1\), or none, but is 1$"),
        ({"beta": float("nan")}, r"^beta must be in \[0, 1\), or none, but is nan$"),
        ({"hard_fraction": 0.0}, "^hard_fraction must be above 0 and at most 1, but is 0$"),
        ({"count_epochs": 0}, "^count_epochs must be at least 1 and retrain_epochs at least 0, but they are 0 and 50$"),
        ({"retrain_epochs": -1}, "but they are 800 and -1$"),
        ({"gamma": -1.0}, "^gamma must be at least 0, schedule and svm_c above 0, but they are -1, 1 and 1$"),
        ({"schedule": float("inf")}, "but they are 2, inf and 1$"),
        ({"svm_c": 0.0}, "but they are 2, 1 and 0$"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Independent(**options)


# Branches know nothing of each other


@pytest.mark.parametrize(("learner", "beside"), [("one", "other"), ("other", "one")])
def test_the_loss_of_a_branch_has_no_gradient_on_another(learner: str, beside: str) -> None:
    backend = branches("one", "other")
    update = Watched({f"backend.{name}": backend.branches[name] for name in ("one", "other")})
    update.learners = {name: known for name, known in update.learners.items() if name == f"backend.{learner}"}
    phase_of(Independent(), backend, learner).step(batch_of(), update)
    (call,) = update.calls
    assert all(gradient is None for gradient in call.gradients[f"backend.{beside}"].values())
    assert all(gradient is not None for gradient in call.gradients[f"backend.{learner}"].values())
    assert call.left == []


@pytest.mark.parametrize(("name", "company"), [("one", ("one", "other")), ("other", ("one", "other"))])
def test_a_branch_learns_the_same_with_or_without_company(name: str, company: tuple[str, ...]) -> None:
    """Initial weights, order, dropout, counts and hard clips: all to the last bit."""
    (alone, first, counts), (beside, second, others) = trained(name), trained(*company)
    assert same(weights_of(alone.branches[name]), weights_of(beside.branches[name]))
    assert counts.miner(name).state_dict() == others.miner(name).state_dict()
    logs = [[{**r, "seconds": 0} for r in h if r["phase"].startswith(name)] for h in (first, second)]
    assert logs[0] == logs[1]


def test_company_that_cannot_be_padded_does_not_matter() -> None:
    class Unpadded(Other):
        """Clips of one length only."""

        pads = False

    with seeded(0, "backend"):
        backend = joined({"one": ProbeBackend, "other": Unpadded})(TASK, RATE)
    assert not backend.pads
    coupler(backend, Independent(retrain_epochs=2)).fit(material(), metric=UAR())
    assert same(weights_of(backend.branches["one"]), weights_of(trained("one")[0].branches["one"]))


def test_branches_differ_from_each_other() -> None:
    backend = branches("one", "other")
    assert not same(weights_of(backend.branches["one"]), weights_of(backend.branches["other"]))


# One step by hand


def by_hand(branch: ProbeBackend, losses: Any, batch: Batch) -> Tensor:
    """The head's bias after one step of plain gradient descent."""
    with same_dropout():
        branch.train()
        loss = losses(branch(batch.noisy, batch.lengths).scores)
    (gradient,) = torch.autograd.grad(loss.mean(), [branch.head.bias])
    return (branch.head.bias - SGD.lr * gradient).detach()


def test_one_step_on_all_clips() -> None:
    (_, backend), (_, copy), batch = pair(), pair(), batch_of()
    expected = by_hand(copy, lambda s: torch.nn.functional.cross_entropy(s, batch.target, reduction="none"), batch)
    phase = phase_of(Independent(), backend, "backend")
    with same_dropout():
        logged = phase.step(batch, Watched({"backend": backend}))
    torch.testing.assert_close(backend.head.bias.detach(), expected)
    assert logged["answer"].shape == logged["task_loss"].shape == (4,)
    assert logged["wrong"] == (logged["answer"] != batch.target).float().mean()
    assert same(dict(backend.norm.named_buffers()), dict(copy.norm.named_buffers()))


@pytest.mark.parametrize("loss", ["he", "focal", "ce"])
@pytest.mark.parametrize("alpha_from", ["hard", "full"])
def test_one_step_on_hard_clips(loss: Any, alpha_from: Any) -> None:
    (_, backend), (_, copy), batch = pair(), pair(), batch_of()
    coupling = Independent(loss=loss, alpha_from=alpha_from, hard_fraction=1.0)
    ids, wrong = ["0", "1", "2", "3", "4"], [[1, 1], [1, 0], [1, 0], [0, 0], [1, 0]]
    for epoch in (0, 1):
        coupling.miner("backend").count(ids, [w[epoch] for w in wrong], [0, 1, 0, 1, 1])
    h = torch.tensor(hard_index([sum(w) for w in wrong], [2] * 5)).float()
    alpha = torch.tensor([0.4, 0.6, 0.4, 0.6])

    def expected(scores: Tensor) -> Tensor:
        p = scores.softmax(1)[range(4), batch.target]
        return {"he": -h[:4] * (1 - alpha) * p.log(), "focal": -((1 - p) ** 2) * p.log(), "ce": -p.log()}[loss]

    phase = phase_of(coupling, backend, "backend_hard")
    assert sorted(phase.keep() or ()) == ids
    with same_dropout():
        logged = phase.step(batch, Watched({"backend": backend}))
    torch.testing.assert_close(backend.head.bias.detach(), by_hand(copy, expected, batch))
    assert logged["hard_index"].tolist() == h[:4].tolist()
    assert (logged["hard"], logged["hard_share_0"], logged["hard_share_1"]) == (
        5,
        pytest.approx(0.4),
        pytest.approx(0.6),
    )


def test_the_share_of_a_class_among_hard_clips_or_all() -> None:
    _, backend = pair()
    for alpha_from, expected in (("hard", [0.5, 0.5]), ("full", [0.75, 0.25])):
        coupling = Independent(alpha_from=alpha_from, beta=0.5)  # type: ignore[arg-type]
        coupling.miner("backend").count(["a", "b", "c", "d"], [True, False, False, True], [0, 0, 0, 1])
        lesson = phase_of(coupling, backend, "backend_hard").keep.__self__  # type: ignore[attr-defined]
        assert sorted(lesson.keep()) == ["a", "d"]
        assert lesson.shares.tolist() == expected


# Counts


def test_answers_are_counted_once_for_every_presentation() -> None:
    _, backend = plain_pair()
    coupling, batch = Independent(), batch_of()
    double = Batch(*(torch.cat([v, v]) if isinstance(v, Tensor) else v + v for v in vars(batch).values()))
    phase, update = phase_of(coupling, backend, "backend"), Watched({"backend": backend})
    answers = [phase.step(one, update)["answer"].tolist() for one in (batch, double)]
    assert coupling.miner("backend").seen.total() == 0
    phase.close(update)
    phase.close(update)
    target = batch.target.tolist()
    expected = {i: sum(row[k] != target[k % 4] for row in answers for k in range(i, len(row), 4)) for i in range(4)}
    assert dict(coupling.miner("backend").seen) == {str(i): 3 for i in range(4)}
    assert dict(coupling.miner("backend").wrong) == {str(i): count for i, count in expected.items()}


@pytest.mark.parametrize("count", ["train_pass", "eval_pass"])
def test_answers_may_be_counted_with_or_without_dropout(count: Any) -> None:
    """The step is the same to the last bit; what is counted is said before it, in train or in eval mode."""
    (_, backend), (_, other), batch = pair(dropout=0.9), pair(dropout=0.9), batch_of(12)
    with same_dropout(), torch.no_grad():
        mode = other.train() if count == "train_pass" else other.eval()
        said = mode(batch.noisy, batch.lengths).scores
    coupling, (_, again) = Independent(count=count), pair(dropout=0.9)
    phase = phase_of(coupling, backend, "backend")
    update = Watched({"backend": backend})
    with same_dropout():
        logged = phase.step(batch, update)
    phase.close(update)
    wrong = said.argmax(1) != batch.target
    assert torch.equal(logged["answer"], said.argmax(1))
    torch.testing.assert_close(logged["confidence"], said.softmax(1).max(1).values)
    assert logged["wrong"] == wrong.float().mean()
    assert [coupling.miner("backend").wrong[name] for name in batch.ids] == wrong.int().tolist()
    with same_dropout():
        phase_of(Independent(), again, "backend").step(batch, Watched({"backend": again}))
    assert same(weights_of(backend), weights_of(again))


def test_counts_are_of_the_first_lesson_alone() -> None:
    _, history, coupling = trained("one", "other")
    for name in ("one", "other"):
        miner = coupling.miner(name)
        assert dict(miner.seen) == dict.fromkeys([f"clip{i}" for i in range(12)], 3)
        wrong = [record["wrong"] for record in history if record["phase"] == name]
        assert miner.wrong.total() == pytest.approx(12 * sum(wrong), abs=1.5)  # a mean over batches of 5, 5 and 2


def test_easy_clips_are_not_in_the_second_lesson(tmp_path: Path) -> None:
    backend, coupling = branches("one"), Independent(retrain_epochs=2, hard_fraction=0.3)
    history = coupler(backend, coupling, folder=tmp_path).fit(material(), metric=UAR())
    hard = coupling.miner("one").hard_set(None, 0.3)
    lines = [json.loads(line) for line in (tmp_path / "samples" / "one_hard.jsonl").read_text().splitlines()]
    assert [sorted(line["id"]) for line in lines] == [sorted(hard)] * 2
    assert 2 <= len(hard) < 12
    found = [record for record in history if record["phase"] == "one_hard"]
    assert {record["hard"] for record in found} == {float(len(hard))}
    shares = coupling.miner("one").shares(hard)
    assert {name[11:]: share for name, share in found[0].items() if name.startswith("hard_share_")} == {
        str(label): pytest.approx(share) for label, share in shares.items()
    }
    assert dict(zip(lines[0]["id"], lines[0]["hard_index"], strict=True)) == pytest.approx(hard, abs=1e-5)


@pytest.mark.parametrize("after", [1, 2, 3, 4, 5, 7, 9, 10])
def test_counts_are_exact_after_an_interruption(after: int, tmp_path: Path) -> None:
    whole, expected, counted = trained("one", "other")
    with pytest.raises(KeyboardInterrupt):
        coupler(
            branches("one", "other"), Independent(retrain_epochs=2), folder=tmp_path, progress=Stopping(after)
        ).fit(material(), metric=UAR())  # fmt: skip
    backend, coupling = branches("one", "other"), Independent(retrain_epochs=2)
    history = coupler(backend, coupling, folder=tmp_path).fit(material(), metric=UAR(), resume=True)
    assert [{**record, "seconds": 0} for record in history] == [{**record, "seconds": 0} for record in expected]
    assert alike(coupling.state_dict(), counted.state_dict())
    assert same(weights_of(backend), weights_of(whole))


def test_a_coupling_that_goes_on_itself_counts_nothing_twice(tmp_path: Path) -> None:
    counted = trained("one")[2]
    coupling, backend = Independent(retrain_epochs=2), branches("one")
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            coupler(backend, coupling, folder=tmp_path, progress=Stopping(2)).fit(material(), metric=UAR(), resume=True)
    coupler(backend, coupling, folder=tmp_path).fit(material(), metric=UAR(), resume=True)
    assert alike(coupling.state_dict(), counted.state_dict())


def test_too_few_hard_clips_leave_the_second_lesson_out(tmp_path: Path) -> None:
    """With a threshold that nobody reaches, training ends well."""

    class Sure(Independent):
        """Counts no mistakes."""

        def miner(self, branch: str) -> Any:
            found = super().miner(branch)
            found.wrong.clear()
            return found

    progress, backend = Stopping(), branches("one")
    history = coupler(backend, Sure(beta=0.5), folder=tmp_path, progress=progress).fit(material(), metric=UAR())
    assert [record["phase"] for record in history] == ["one"] * 3
    assert "phase one_hard: left out, because it keeps fewer than 2 clips" in progress.notes
    assert int(backend.decision) == 1


# What branches learn from


@pytest.mark.parametrize("sees", ["clean", "noisy", "enhanced"])
def test_the_waves_of_the_branches(sees: Any) -> None:
    heard: list[Tensor] = []

    class Ear(ProbeBackend):
        """Writes down what it hears."""

        def forward(self, waves: Tensor, lengths: Tensor) -> Any:
            heard.append(waves.detach().clone())
            return super().forward(waves, lengths)

    (frontend, _), batch, backend = pair(), batch_of(), Ear(TASK, RATE)
    phase = phase_of(Independent(sees=sees), backend, "backend", frontend)
    assert phase.sees == sees
    before = weights_of(frontend)
    phase.step(batch, Watched({"backend": backend}))
    with torch.no_grad():
        enhanced = frontend.eval()(batch.noisy, batch.lengths).waves
    assert torch.equal(heard[0], {"clean": batch.clean, "noisy": batch.noisy, "enhanced": enhanced}[sees])
    assert same(before, weights_of(frontend))


def test_a_frontend_learns_first_and_stays_as_it_is() -> None:
    (one, _), (other, _) = pair(), pair()
    coupler(branches("one", "other"), Independent(retrain_epochs=2), one).fit(material(), metric=UAR())
    from sefront.couplings.frontend_only import FrontendOnly

    coupler(None, FrontendOnly(), other).fit(material())
    assert same(weights_of(one), weights_of(other))


# The support vector machine


@pytest.mark.parametrize("sees", ["clean", "noisy"])
def test_the_machine_decides_from_all_embeddings_of_all_clips(sees: Any, tmp_path: Path) -> None:
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    backend, coupling = branches("one", "other"), Independent(retrain_epochs=1, sees=sees, svm_c=0.5)
    coupler(backend, coupling, folder=tmp_path).fit(material(), metric=UAR())
    run = coupler(backend, Independent(sees=sees))
    batches = list(run.phase_run(phase_of(Independent(sees=sees), backend, "one"), material()).heard())
    with torch.no_grad():
        waves = [batch.clean if sees == "clean" else batch.noisy for batch in batches]
        x = torch.cat([backend.embeddings(w, b.lengths) for w, b in zip(waves, batches, strict=True)])
        margins = torch.cat([backend(w, b.lengths).scores for w, b in zip(waves, batches, strict=True)])
    assert len(x) == 12
    scaled = StandardScaler().fit_transform(x.double().numpy())
    machine = LinearSVC(C=0.5, random_state=0, max_iter=10000).fit(
        scaled, torch.cat([b.target for b in batches]).numpy()
    )
    torch.testing.assert_close(
        margins[:, 1], torch.tensor(machine.decision_function(scaled)).float(), atol=5e-3, rtol=1e-2
    )
    assert (tmp_path / "checkpoint" / "original").exists() == (sees == "clean")
    from safetensors.torch import load_file

    assert same(load_file(tmp_path / "checkpoint" / "best" / "backend.safetensors"), weights_of(backend))


def test_a_backend_alone_keeps_its_own_decision() -> None:
    _, backend = pair()
    history = coupler(backend, Independent(retrain_epochs=2)).fit(material(), metric=UAR())
    assert [record["phase"] for record in history] == ["backend"] * 3 + ["backend_hard"] * 2


def test_each_branch_is_scored_by_its_own_head() -> None:
    backend, history, _ = trained("one", "other")
    assert all(record["scores"] for record in history)
    first = next(record for record in history if record["phase"] == "one")
    assert set(first) >= {"loss_backend", "wrong", "lr_backend.one", "norm_backend.one", "score"}
    assert int(backend.decision) == 1


# Counts of another run


def test_counts_of_another_run_take_the_place_of_the_first_lesson() -> None:
    _, _, counted = trained("one", "other")
    coupling, progress = Independent(retrain_epochs=2), Stopping()
    coupling.adopt(counted.state_dict(), [f"clip{i}" for i in range(12)])
    history = coupler(branches("one", "other"), coupling, progress=progress).fit(material(), metric=UAR())
    assert [record["phase"] for record in history] == ["one_hard"] * 2 + ["other_hard"] * 2
    assert alike(coupling.state_dict(), counted.state_dict())
    reason = "left out, because its answers were counted in the run that the backend comes from"
    assert {f"phase {name}: {reason}" for name in ("one", "other")} <= set(progress.notes)


def test_nothing_counted_is_nothing_adopted() -> None:
    coupling = Independent()
    coupling.adopt({"counts": {}, "optimisers": {}}, ["clip0"])
    assert [phase.left_out for phase in coupling.phases(Gain(), pair()[1])] == [""] * 3


def test_counts_of_other_clips_are_refused() -> None:
    counted = trained("one")[2]
    message = (
        r"^--init-backend: that run has counted 2 clips that are not among those to learn from now, such as clip10; "
    )
    with pytest.raises(SefrontError, match=message):
        Independent().adopt(counted.state_dict(), [f"clip{i}" for i in range(10)])


def test_the_machine_alone_may_be_fitted_anew() -> None:
    """All lessons left out, with another weight of errors."""
    backend, _, counted = trained("one", "other")
    before = weights_of(backend)
    coupling = Independent(retrain_epochs=0, svm_c=0.01)
    coupling.adopt(counted.state_dict(), [f"clip{i}" for i in range(12)])
    assert coupler(backend, coupling).fit(material(), metric=UAR()) == []
    changed = {name for name, weight in weights_of(backend).items() if not torch.equal(weight, before[name])}
    assert changed == {"svms.joined.weight", "svms.joined.bias"}


def test_clips_of_one_class_are_refused_in_one_line() -> None:
    low = Tones().mixtures()
    low.clips = [clip for clip in low.clips if clip.target == "low"]
    low.durations = [clip.audio.duration() for clip in low.clips]
    with pytest.raises(SefrontError, match=r"^all training clips are of one class, so no support vector machine"):
        trained("one", given=Material(low, Tones(count=6, seed=1).mixtures()))


def test_the_optimiser_goes_on_with_the_hard_clips() -> None:
    coupling, backend = Independent(count_epochs=2, retrain_epochs=1, hard_fraction=0.5), ProbeBackend(FOUR, RATE)
    frontend = ProbeFrontend(RATE)
    _, learn, again = coupling.phases(frontend, backend)
    recipes = {"backend": Recipe(lr=1e-2)}
    first, second, fresh = (Update({"backend": backend}, recipes) for _ in range(3))
    for _ in range(3):
        learn.step(example(), first)
    learn.close(first)
    again.keep()
    known = [i for i, name in enumerate(example().ids) if name in (again.keep() or ())]
    again.step(rows_of(example(), known), second)
    steps = [float(state["step"]) for state in second.learners["backend"].optimiser.state.values()]
    assert set(steps) == {4.0}
    other = Update({"backend": backend}, {"backend": Recipe(algorithm="sgd", lr=0.5)})
    other.learners["backend"].go_on(first.state()["backend"])
    assert not other.learners["backend"].optimiser.state
    fresh.learners["backend"].go_on(first.state()["backend"])
    assert fresh.learners["backend"].lr == 1e-2
