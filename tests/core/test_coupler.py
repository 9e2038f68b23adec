"""The training loop over modules of one's own, without names."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from probes import Gain, Slope, Tones, material, pair, same
from torch import Tensor, nn

from sefront.core.checkpoint import weights_of
from sefront.core.coupler import Coupler, Material
from sefront.core.damages import Damages
from sefront.core.errors import DamagedAudioError, SefrontError
from sefront.core.phase_run import without_nan
from sefront.core.phases import learn_frontend
from sefront.core.progress import Quiet
from sefront.core.scoring import Judge
from sefront.core.training import Lengths, Training
from sefront.core.types import Phase
from sefront.couplings.augment import Augment
from sefront.couplings.baseline import Baseline
from sefront.couplings.cold_cascade import ColdCascade
from sefront.couplings.frontend_only import FrontendOnly
from sefront.couplings.frozen import Frozen
from sefront.couplings.iterative import Iterative
from sefront.couplings.mtl import MTL
from sefront.frontends.identity import Identity
from sefront.metrics.uar import UAR


class Notes(Quiet):
    """A watcher that writes down."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.records: list[Mapping[str, Any]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def record(self, values: Mapping[str, Any]) -> None:
        self.records.append(values)


class Stopped(KeyboardInterrupt):
    """Somebody pressed Ctrl-C."""


class Stopping(Quiet):
    """A watcher that interrupts after an epoch has been recorded."""

    def __init__(self, after: int) -> None:
        self.left = after

    def record(self, values: Mapping[str, Any]) -> None:
        self.left -= 1
        if self.left == 0:
            raise Stopped("in the middle")


class Still:
    """A coupling whose only phase moves nothing: what an epoch scores is what the test says."""

    chain = ("frontend",)

    def phases(self, frontend: Any, backend: Any) -> Sequence[Phase]:
        def step(batch: Any, update: Any) -> Mapping[str, Tensor]:
            with torch.no_grad():
                frontend.a += 1
            return {"loss": torch.zeros(())}

        return [Phase("frontend", ("frontend",), "noisy", step)]


def coupler(frontend: Any, backend: Any, coupling: Any, epochs: int = 2, **options: Any) -> Coupler:
    training = options.pop("training", Training(valid_snr=(5.0,)))
    by_phase = options.pop("by_phase", {})
    lengths = Lengths(epochs, by_phase, batch_size=4)
    return Coupler(frontend, backend, coupling, lengths, training, device="cpu", precision="32", **options)


def without_time(history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**record, "seconds": 0} for record in history]


@pytest.mark.parametrize(
    ("coupling", "phases"),
    [
        (FrontendOnly(), ["frontend"] * 2),
        (Baseline(), ["backend"] * 2),
        (Augment(), ["backend"] * 2),
        (ColdCascade(), ["frontend"] * 2 + ["backend"] * 2),
        (Frozen(), ["frontend"] * 2 + ["backend"] * 2),
        (MTL(), ["frontend"] * 2 + ["backend"] * 2 + ["joint"] * 2),
        (Iterative(), ["frontend"] * 2 + ["backend"] * 2 + ["joint"] * 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_modules_of_ones_own_without_a_folder(coupling: Any, phases: list[str]) -> None:
    frontend, backend = pair()
    history = coupler(frontend, backend, coupling).fit(material(), metric=UAR())
    assert [record["phase"] for record in history] == phases
    assert [record["epoch"] for record in history] == [1, 2] * (len(phases) // 2)
    numbers = [v for record in history for v in [*record.values(), *record["scores"].values()] if isinstance(v, float)]
    assert all(map(math.isfinite, numbers))
    grids = [["clean"] if p == "backend" and not isinstance(coupling, (Augment, Frozen)) else ["5"] for p in phases]
    assert [list(record["scores"]) for record in history] == grids
    assert not frontend.training
    assert not backend.training


def test_a_part_may_be_absent() -> None:
    assert len(coupler(pair()[0], None, FrontendOnly()).fit(material())) == 2
    assert len(coupler(None, pair()[1], Augment()).fit(material())) == 2


def test_training_learns() -> None:
    frontend, backend = pair(dropout=0.0)
    history = coupler(frontend, backend, Augment(), epochs=8).fit(material(), metric=UAR())
    assert history[-1]["loss_backend"] < history[0]["loss_backend"]
    assert max(record["score"] for record in history) > 90


def test_a_rerun_is_bit_identical_and_a_seed_matters() -> None:
    weights = []
    for seed in (0, 0, 1):
        frontend, backend = pair()
        coupler(frontend, backend, Iterative(), seed=seed).fit(material())
        weights.append({**weights_of(frontend), **weights_of(backend)})
    assert same(weights[0], weights[1])
    assert not same(weights[0], weights[2])


def test_epochs_by_phase() -> None:
    history = coupler(*pair(), MTL(), epochs=1, by_phase={"joint": 3, "backend": 2}).fit(material())
    assert [record["phase"] for record in history] == ["frontend", *["backend"] * 2, *["joint"] * 3]


def test_a_phase_may_bound_its_own_epochs() -> None:
    class Short(FrontendOnly):
        def phases(self, frontend: Any, backend: Any) -> Sequence[Phase]:
            phase = learn_frontend(frontend)
            return [Phase(phase.name, phase.learners, phase.sees, phase.step, epochs=1)]

    assert len(coupler(pair()[0], None, Short(), epochs=5).fit(material())) == 1


def test_a_phase_may_keep_some_clips_only() -> None:
    seen: list[str] = []

    class Picky(FrontendOnly):
        def phases(self, frontend: Any, backend: Any) -> Sequence[Phase]:
            def step(batch: Any, update: Any) -> Mapping[str, Tensor]:
                seen.extend(batch.ids)
                return learn_frontend(frontend).step(batch, update)

            return [Phase("frontend", ("frontend",), "noisy", step, keep=lambda: {"clip1", "clip5", "clip6"})]

    coupler(pair()[0], None, Picky(), epochs=1).fit(material())
    assert sorted(seen) == ["clip1", "clip5", "clip6"]


def test_the_frontend_may_learn_from_other_material() -> None:
    own = Material(Tones(count=4, seed=7).mixtures(), Tones(count=4, seed=8).mixtures())
    (one, backend), (other, _) = pair(), pair()
    coupler(one, backend, ColdCascade()).fit(material(), frontend_material=own)
    coupler(other, None, FrontendOnly()).fit(own)
    assert same(weights_of(one), weights_of(other))
    assert same(weights_of(backend), weights_of(trained_baseline()))


def trained_baseline() -> nn.Module:
    _, backend = pair()
    coupler(None, backend, Baseline()).fit(material())
    return backend


# Patience and the best epoch


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What epochs score, in turn."""
    upcoming: list[float] = []

    class Told(Judge):
        def score(self, phase: Any, mixtures: Any, batch_size: int) -> Any:
            from sefront.core.scoring import Score

            return Score(upcoming.pop(0))

    monkeypatch.setattr("sefront.core.coupler.Judge", Told)
    return upcoming


@pytest.mark.parametrize(
    ("values", "patience", "lasted", "best"),
    [
        ([1, 2, 3, 4, 5], 2, 5, 5),
        ([1, 3, 2, 2, 9], 2, 4, 2),
        ([1, 1, 1, 1, 1], 3, 4, 1),
        ([5, 4, 3, 2, 1], 1, 2, 1),
        ([math.nan, 1, 2, 1, 1], 2, 5, 3),
    ],
)
def test_patience(scores: list[float], values: list[float], patience: int, lasted: int, best: int) -> None:
    scores += map(float, values)
    gain = Gain(0.0)
    training = Training(patience=patience, valid_snr=(5.0,))
    history = coupler(gain, None, Still(), epochs=5, training=training).fit(material())
    assert len(history) == lasted
    assert float(gain.a.detach()) == 3 * best  # three batches an epoch, one each; the best epoch is put back


def test_a_tie_is_decided_by_the_loss() -> None:
    _, backend = pair(dropout=0.0)
    notes = Notes()
    history = coupler(None, backend, Augment(), epochs=8, progress=notes).fit(material(), metric=UAR())
    full = [record["best"] for record in history if record["score"] == 100]
    assert sum(full) > 1


def test_the_best_weights_are_put_back(tmp_path: Path) -> None:
    frontend, _ = pair()
    coupler(frontend, None, FrontendOnly(), epochs=3, folder=tmp_path).fit(material())
    from safetensors.torch import load_file

    assert same(weights_of(frontend), load_file(tmp_path / "checkpoint" / "best" / "frontend.safetensors"))


# What phases are judged by


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, str, bool]]:
    """SNR, signal, and whether the task decides, for every development score."""
    found: list[tuple[float, str, bool]] = []

    class Watching(Judge):
        def at(self, level: float, sees: Any, mixtures: Any, batch_size: int, task: bool) -> Any:
            found.append((level, sees, task))
            return super().at(level, sees, mixtures, batch_size, task)

    monkeypatch.setattr("sefront.core.coupler.Judge", Watching)
    return found


@pytest.mark.parametrize(
    ("coupling", "expected"),
    [
        (FrontendOnly(), [(9.0, "noisy", False), (3.0, "noisy", False)]),
        (Baseline(), [(math.inf, "clean", True)]),
        (Augment(), [(9.0, "noisy", True), (3.0, "noisy", True)]),
        (Frozen(), [(9.0, "noisy", False), (3.0, "noisy", False), (9.0, "enhanced", True), (3.0, "enhanced", True)]),
        (MTL(init="scratch"), [(9.0, "enhanced", True), (3.0, "enhanced", True)]),
        (Iterative(init="scratch"), [(9.0, "enhanced", True), (3.0, "enhanced", True)]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_phase_is_judged_on_what_it_sees(asked: list[Any], coupling: Any, expected: list[Any]) -> None:
    coupler(*pair(), coupling, epochs=1, training=Training(valid_snr=(9.0, 3.0))).fit(material(), metric=UAR())
    assert asked == expected


def test_a_phase_on_clean_waves_hears_no_noise() -> None:
    heard: list[bool] = []

    class Listening(Baseline):
        def phases(self, frontend: Any, backend: Any) -> Sequence[Phase]:
            (phase,) = super().phases(frontend, backend)

            def step(batch: Any, update: Any) -> Mapping[str, Tensor]:
                heard.append(torch.equal(batch.noisy, batch.clean) and bool(batch.snr.isinf().all()))
                return phase.step(batch, update)

            return [Phase(phase.name, phase.learners, phase.sees, step)]

    coupler(None, pair()[1], Listening(), epochs=1).fit(material())
    assert heard == [True] * 3


# Left out


@pytest.mark.parametrize(
    ("given", "phases"),
    [
        (("frontend",), ["backend", "joint"]),
        (("backend",), ["frontend", "joint"]),
        (("frontend", "backend"), ["joint"]),
        ((), ["frontend", "backend", "joint"]),
    ],
)
def test_given_parts_skip_their_own_training(given: tuple[str, ...], phases: list[str]) -> None:
    notes = Notes()
    history = coupler(*pair(), MTL(), epochs=1, given=given, progress=notes).fit(material())
    assert [record["phase"] for record in history] == phases
    left = [f"phase {name}: left out, because a trained {name} was given" for name in given]
    assert [note for note in notes.notes if "left out" in note] == left


@pytest.mark.parametrize("coupling", [Augment(), Frozen()], ids=["augment", "frozen"])
def test_a_given_backend_still_adapts_to_what_is_not_clean(coupling: Any) -> None:
    history = coupler(*pair(), coupling, epochs=1, given=("backend",)).fit(material())
    assert history[-1]["phase"] == "backend"


def test_a_frontend_with_nothing_to_train_skips_its_phase() -> None:
    notes = Notes()
    history = coupler(Identity(1000), pair()[1], ColdCascade(), epochs=1, progress=notes).fit(material())
    assert [record["phase"] for record in history] == ["backend"]
    assert "phase frontend: left out, because Identity has nothing to train" in notes.notes


def test_who_learns_and_how_far_it_moved_is_told() -> None:
    notes = Notes()
    coupler(*pair(), MTL(init="scratch"), epochs=1, progress=notes).fit(material())
    assert notes.notes[0] == "phase joint: frontend and backend learn from enhanced waves"
    assert notes.notes[1].startswith("phase joint: moved frontend by ")
    assert len(notes.records) == 1


# Damage


class Measuring(Gain):
    """A frontend that counts what it is shown before training."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shown", torch.zeros(()))
        self.seen: list[tuple[bool, int]] = []

    def fit(self, waves: Tensor, lengths: Tensor) -> None:
        assert not torch.is_grad_enabled()
        self.seen.append((bool((waves != 0).any()), len(lengths)))
        self.shown += len(lengths)


@pytest.mark.parametrize("coupling", [FrontendOnly(), Iterative(), MTL(init="scratch")], ids=type)
def test_statistics_are_gathered_once_before_the_first_phase_that_trains_a_part(coupling: Any) -> None:
    frontend = Measuring()
    backend = None if isinstance(coupling, FrontendOnly) else pair()[1]
    coupler(frontend, backend, coupling).fit(material())
    assert sum(clips for _, clips in frontend.seen) == len(material().train)
    assert all(sounding for sounding, _ in frontend.seen)


def test_a_part_that_came_trained_keeps_its_statistics() -> None:
    frontend = Measuring()
    coupler(frontend, pair()[1], Iterative(), given=["frontend"]).fit(material())
    assert not frontend.seen


def test_a_part_that_came_with_weights_is_trained_on_with_its_statistics() -> None:
    frontend = Measuring()
    history = coupler(frontend, None, FrontendOnly(), loaded=["frontend"]).fit(material())
    assert [record["phase"] for record in history] == ["frontend", "frontend"]
    assert not frontend.seen


def test_resuming_does_not_gather_again(tmp_path: Path) -> None:
    first, second = Measuring(), Measuring()
    with pytest.raises(Stopped):
        coupler(first, None, FrontendOnly(), folder=tmp_path, progress=Stopping(2)).fit(material())
    coupler(second, None, FrontendOnly(), folder=tmp_path).fit(material(), resume=True)
    assert not second.seen
    assert float(second.shown) == len(material().train)


def test_damaged_clips_are_left_out_and_counted() -> None:
    damages = Damages()
    history = coupler(*pair(), Iterative(), damages=damages).fit(material(damaged=(2, 7)))
    assert set(damages.reasons) == {"clip2", "clip7"}
    assert damages.summary() == "2 damaged clips were left out"
    assert len(history) == 6


def test_strict_stops_at_the_first_damaged_clip() -> None:
    with pytest.raises(DamagedAudioError, match=r"tone-\d.wav: truncated .without --strict it would be left out"):
        coupler(*pair(), Augment(), damages=Damages(strict=True)).fit(material(damaged=(2,)))


def test_nothing_but_damaged_clips() -> None:
    broken = Material(Tones(count=4, damaged=(0, 1, 2, 3)).mixtures(), Tones(count=4).mixtures())
    with pytest.raises(SefrontError, match="phase backend: no usable training clip was left"):
        coupler(None, pair()[1], Augment()).fit(broken)


def test_a_clip_left_alone_in_its_batch_stops_nothing() -> None:
    damaged = tuple(range(1, 12))
    history = coupler(*pair(), Iterative(), epochs=1).fit(material(damaged=damaged))
    assert [record["phase"] for record in history] == ["frontend", "backend", "joint"]


def test_a_frontend_that_cannot_mask_padding_learns_in_turns() -> None:
    frontend, backend = pair()
    frontend.pads = False  # type: ignore[assignment]
    few = Material(Tones(count=3).mixtures(), Tones(count=6, seed=1).mixtures())  # two of one length, one of another
    assert len(coupler(frontend, backend, Iterative(), epochs=1).fit(few)) == 3


@pytest.mark.parametrize("asked", [{}, {"optimiser": {"frontend": {"batch_size": 1}}}], ids=["asked", "recipe"])
def test_batches_of_one_are_refused_before_training(asked: dict[str, Any], tmp_path: Path) -> None:
    lengths = Lengths(1, batch_size=None if asked else 1)
    small = Coupler(*pair(), Iterative(), lengths, device="cpu", precision="32", folder=tmp_path, **asked)
    message = "phase joint of Iterative compares .* at least 2 a step, not 1; give it --batch-size 2 or more"
    with pytest.raises(SefrontError, match=message):
        small.fit(material())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SefrontError, match=message):
        small.phase_run(small.phases()[-1], material(), None)


# Numbers that are not finite


def test_a_score_that_is_not_defined_is_logged_as_none(scores: list[float], tmp_path: Path) -> None:
    scores += [math.nan, -math.inf]
    history = coupler(Gain(0.0), None, Still(), folder=tmp_path).fit(material())
    assert [record["score"] for record in history] == [None, None]
    assert "NaN" not in (tmp_path / "log.jsonl").read_text()
    assert without_nan({"a": 1.5, "b": {"c": math.nan, "d": 2}, "e": "nan"}) == {
        "a": 1.5,
        "b": {"c": None, "d": 2},
        "e": "nan",
    }


def test_a_loss_that_is_not_finite_names_a_lower_learning_rate() -> None:
    with pytest.raises(
        SefrontError, match=r"phase frontend, epoch 1: the loss is not finite; try -o optimiser.frontend.lr=1e\+37"
    ):
        coupler(Gain(), None, FrontendOnly(), optimiser={"frontend": {"algorithm": "sgd", "lr": 1e38}}).fit(material())


def test_the_suggestion_names_every_learner() -> None:
    settings = {part: {"algorithm": "sgd", "lr": 1e30} for part in ("frontend", "backend")}
    with pytest.raises(SefrontError, match=r"try -o optimiser.frontend.lr=1e\+29 -o optimiser.backend.lr=1e\+29$"):
        coupler(Gain(), Slope(), MTL(init="scratch"), optimiser=settings).fit(material())


# Folders and resuming


@pytest.mark.parametrize(
    ("coupling", "after"),
    [
        *((FrontendOnly(), after) for after in (1, 2, 3)),
        (Augment(), 2),
        *((Frozen(), after) for after in (3, 4, 6)),
        (MTL(), 7),
        *((Iterative(), after) for after in (2, 5, 8)),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else type(value).__name__,
)
def test_resuming_equals_an_uninterrupted_run(coupling: Any, after: int, tmp_path: Path) -> None:
    whole, parts = pair(), pair()
    history = coupler(*whole, coupling, epochs=3).fit(material(), metric=UAR())
    with pytest.raises(Stopped, match="in the middle"):
        coupler(*parts, coupling, epochs=3, folder=tmp_path, progress=Stopping(after)).fit(material(), metric=UAR())
    fresh = pair()
    resumed = coupler(*fresh, coupling, epochs=3, folder=tmp_path).fit(material(), metric=UAR(), resume=True)
    assert without_time(resumed) == without_time(history)
    assert all(same(weights_of(one), weights_of(other)) for one, other in zip(whole, fresh, strict=True))


def test_two_epochs_of_four_and_then_the_rest(tmp_path: Path) -> None:
    """Without a schedule that knows the end, a run may also be prolonged."""
    whole, parts, fresh = pair(), pair(), pair(seed=5)
    history = coupler(*whole, Iterative(init="scratch"), epochs=4).fit(material())
    coupler(*parts, Iterative(init="scratch"), epochs=2, folder=tmp_path).fit(material())
    resumed = coupler(*fresh, Iterative(init="scratch"), epochs=4, folder=tmp_path).fit(material(), resume=True)
    assert without_time(resumed) == without_time(history)
    assert all(same(weights_of(one), weights_of(other)) for one, other in zip(whole, fresh, strict=True))


def test_a_resumed_run_tells_how_far_it_moved_in_all(tmp_path: Path) -> None:
    whole, rest = Notes(), Notes()
    coupler(*pair(), MTL(init="scratch"), epochs=3, progress=whole).fit(material())
    with pytest.raises(Stopped, match="in the middle"):
        coupler(*pair(), MTL(init="scratch"), epochs=3, folder=tmp_path, progress=Stopping(3)).fit(material())
    coupler(*pair(), MTL(init="scratch"), epochs=3, folder=tmp_path, progress=rest).fit(material(), resume=True)
    assert rest.notes == whole.notes


def test_the_log_is_rewound_to_the_checkpoint(tmp_path: Path) -> None:
    coupler(pair()[0], None, FrontendOnly(), epochs=2, folder=tmp_path).fit(material())
    log = tmp_path / "log.jsonl"
    with log.open("a") as file:
        file.write(json.dumps({"phase": "frontend", "epoch": 99}) + "\n" + '{"phase": "fro')
    coupler(pair()[0], None, FrontendOnly(), epochs=3, folder=tmp_path).fit(material(), resume=True)
    assert [json.loads(line)["epoch"] for line in log.read_text().splitlines()] == [1, 2, 3]


def test_a_new_run_in_a_folder_starts_a_new_log(tmp_path: Path) -> None:
    for _ in range(2):
        coupler(pair()[0], None, FrontendOnly(), epochs=2, folder=tmp_path).fit(material())
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2


def test_resuming_what_never_began_begins(tmp_path: Path) -> None:
    assert len(coupler(pair()[0], None, FrontendOnly(), folder=tmp_path).fit(material(), resume=True)) == 2


def test_resuming_with_another_model_is_refused(tmp_path: Path) -> None:
    coupler(pair()[0], None, FrontendOnly(), folder=tmp_path).fit(material())
    with pytest.raises(SefrontError, match="the last frontend does not fit Gain"):
        coupler(Gain(), None, FrontendOnly(), epochs=4, folder=tmp_path).fit(material(), resume=True)


def test_the_clean_trained_backend_is_kept_as_the_original(tmp_path: Path) -> None:
    coupler(*pair(), MTL(), folder=tmp_path).fit(material())
    from safetensors.torch import load_file

    original = load_file(tmp_path / "checkpoint" / "original" / "backend.safetensors")
    assert same(original, weights_of(trained_baseline()))


def test_parts_that_all_came_trained_are_kept(tmp_path: Path) -> None:
    frontend, backend = pair()
    given = {"given": ("frontend", "backend"), "folder": tmp_path}
    assert coupler(frontend, backend, ColdCascade(), **given).fit(material()) == []
    from safetensors.torch import load_file

    for name, part in (("frontend", frontend), ("backend", backend)):
        for checkpoint in ("best", "last"):
            assert same(weights_of(part), load_file(tmp_path / "checkpoint" / checkpoint / f"{name}.safetensors"))
    assert coupler(*pair(seed=1), ColdCascade(), **given).fit(material(), resume=True) == []


def test_every_phase_has_random_numbers_of_its_own() -> None:
    drawn: dict[str, list[float]] = {"one": [], "other": []}

    class Rolling(Still):
        def phases(self, frontend: Any, backend: Any) -> Sequence[Phase]:
            def phase(name: str) -> Phase:
                def step(batch: Any, update: Any) -> Mapping[str, Tensor]:
                    drawn[name].append(float(torch.rand(())))
                    return {"loss": torch.zeros(())}

                return Phase(name, ("frontend",), "noisy", step)

            return [phase("one"), phase("other")]

    coupler(pair()[0], None, Rolling()).fit(material())
    rolled = [*drawn["one"], *drawn["other"]]
    assert len(set(rolled)) == len(rolled) == 12


def test_a_folder_changes_nothing(tmp_path: Path) -> None:
    one, other = pair(), pair()
    coupler(*one, Iterative(), folder=tmp_path).fit(material())
    coupler(*other, Iterative()).fit(material())
    assert all(same(weights_of(a), weights_of(b)) for a, b in zip(one, other, strict=True))


# What couplings remember, and their last word


class Remembering(Still):
    """Counts its steps and has a last word."""

    chain = ("frontend", "backend")

    def __init__(self, sees: Any = "noisy", **facts: Any) -> None:
        self.sees, self.facts, self.count = sees, facts, 0
        self.heard: list[Any] = []

    def phases(self, frontend: Any, backend: Any) -> Sequence[Phase]:
        def step(batch: Any, update: Any) -> Mapping[str, Tensor]:
            self.count += 1
            return {"loss": torch.tensor(float(self.count))}

        return [Phase("backend", ("backend",), self.sees, step, **self.facts)]

    def finish(self, frontend: Any, backend: Any, batches: Any) -> Any:
        assert not backend.training
        assert not torch.is_grad_enabled()
        self.heard = list(batches)
        with torch.no_grad():
            backend.head.bias.fill_(7.0)
        return backend

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.count = state["count"]


@pytest.mark.parametrize("after", [1, 2, 3])
def test_what_a_coupling_remembers_is_kept_with_the_checkpoint(after: int, tmp_path: Path) -> None:
    with pytest.raises(Stopped, match="in the middle"):
        coupler(*pair(), Remembering(), epochs=4, folder=tmp_path, progress=Stopping(after)).fit(material())
    coupling = Remembering()
    coupler(*pair(), coupling, epochs=4, folder=tmp_path).fit(material(), resume=True)
    assert coupling.count == 12  # three steps in each of four epochs, whatever was done in the one that was cut off


@pytest.mark.parametrize("sees", ["clean", "noisy"])
def test_the_last_word_of_a_coupling(sees: Any, tmp_path: Path) -> None:
    (frontend, backend), coupling = pair(), Remembering(sees)
    coupler(frontend, backend, coupling, folder=tmp_path).fit(material())
    assert sorted(name for batch in coupling.heard for name in batch.ids) == sorted(f"clip{i}" for i in range(12))
    assert all(torch.equal(batch.noisy, batch.clean) == (sees == "clean") for batch in coupling.heard)
    from safetensors.torch import load_file

    best = load_file(tmp_path / "checkpoint" / "best" / "backend.safetensors")
    assert same(best, weights_of(backend))
    assert best["head.bias"].tolist() == [7.0, 7.0]
    original = tmp_path / "checkpoint" / "original" / "backend.safetensors"
    assert original.exists() == (sees == "clean")
    assert sees == "noisy" or same(load_file(original), best)


def test_a_phase_may_say_why_it_is_left_out() -> None:
    notes, coupling = Notes(), Remembering(left_out="it is not needed")
    assert coupler(*pair(), coupling, progress=notes).fit(material()) == []
    assert notes.notes == ["phase backend: left out, because it is not needed"]
    assert len(coupling.heard) == 3


def test_a_phase_that_keeps_hardly_any_clip_is_left_out(tmp_path: Path) -> None:
    for kept in ((), ("clip1",), ("clip1", "clip99")):
        notes = Notes()
        facts = {"keep": lambda kept=kept: set(kept)}
        assert coupler(*pair(), Remembering(**facts), progress=notes, folder=tmp_path).fit(material()) == []
        assert notes.notes == ["phase backend: left out, because it keeps fewer than 2 clips"]


@pytest.mark.parametrize(("replaceable", "epochs"), [(True, 0), (False, 2)])
def test_a_phase_that_a_trained_part_replaces(replaceable: bool, epochs: int) -> None:
    coupling = Remembering("clean", replaceable=replaceable)
    assert len(coupler(*pair(), coupling, given=("backend",), loaded=("backend",)).fit(material())) == epochs
