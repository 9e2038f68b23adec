"""Several backends as one, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from probes import RATE, TASK, Detached, batch_of, material, pair, same
from torch import Tensor

from sefront.core.checkpoint import put_weights, weights_of
from sefront.core.clips import Task
from sefront.core.coupler import Coupler
from sefront.core.errors import SefrontError
from sefront.core.joined import joined
from sefront.core.parameters import build, parameters
from sefront.core.randomness import seeded
from sefront.core.training import Lengths, Training
from sefront.core.types import Prediction
from sefront.couplings.augment import Augment
from sefront.couplings.baseline import Baseline
from sefront.couplings.frozen import Frozen
from sefront.couplings.iterative import Iterative
from sefront.couplings.mtl import MTL
from sefront.metrics.uar import UAR
from sefront.plugins import Catalogue
from sefront.plugins.description import description
from sefront.testing import check_backend
from sefront.testing.probes import ProbeBackend

BACKENDS = Catalogue.installed().backends


class Numb(ProbeBackend):
    """Passes no gradient on, cannot be padded, and has an option that may change."""

    differentiable = False
    pads = False
    adjustable = ("dropout",)
    toy = "commands"


class Terse(ProbeBackend):
    """Gives no embedding."""

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        return Prediction(super().forward(waves, lengths).scores)


class Writing(ProbeBackend):
    """Transcribes."""

    kind = "transcription"


PAIR = joined({"one": ProbeBackend, "other": ProbeBackend})


class Steady(ProbeBackend):
    """Without dropout."""

    def __init__(self, task: Task, sample_rate: int) -> None:
        super().__init__(task, sample_rate, dropout=0.0)


class Two(joined({"one": Steady, "other": Steady})):  # type: ignore[misc]
    """Two probes.

    Source: none; a probe.

    Args:
        width: Units.
    """

    parameter_table = None

    def __init__(self, task: Task, sample_rate: int, *, width: int = 8) -> None:
        super().__init__(task, sample_rate, width=width)


def test_it_conforms() -> None:
    check_backend(Two)


def test_its_options_are_those_of_its_branches() -> None:
    assert list(parameters(PAIR)) == ["width", "one.dropout", "one.normalise", "other.dropout", "other.normalise"]
    assert parameters(PAIR)["other.dropout"].meaning == "Share of activations dropped."
    found = build(PAIR, TASK, RATE, options={"one.dropout": "0", "other.normalise": "false", "width": "5"}, owner="it")
    assert [found.branches[name].dropout.p for name in ("one", "other")] == [0.0, 0.2]
    assert isinstance(found.branches["other"].norm, torch.nn.Identity)
    assert found.fuse.out_features == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"one.dropuot": 0}, r"^it has no option 'one.dropuot'; did you mean 'one.dropout'\?"),
        ({"onee.dropout": 0}, r"^it has no option 'onee.dropout'; did you mean 'one.dropout'\?"),
        ({"dropout": 0}, r"^it has no option 'dropout'"),
        ({"one.dropout": "much"}, "^it: option 'one.dropout' is 'much', which is not float"),
        ({"width": 0}, "^it: width must be at least 1, but is 0$"),
    ],
)
def test_options_that_it_does_not_have(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        build(PAIR, TASK, RATE, options=options, owner="it")


def test_a_branch_is_the_same_whatever_stands_beside_it() -> None:
    found = []
    for members in ({"one": ProbeBackend}, {"one": ProbeBackend, "other": Numb}, {"other": Numb, "one": ProbeBackend}):
        with seeded(3, "init"):
            found.append(weights_of(joined(members)(TASK, RATE).branches["one"]))
    assert same(found[0], found[1])
    assert same(found[0], found[2])
    assert not same(weights_of(PAIR(TASK, RATE)), weights_of(PAIR(TASK, RATE)))


def test_what_it_says_of_itself() -> None:
    class Fitting(ProbeBackend):
        """Has statistics."""

        heard = 0

        def fit(self, waves: Tensor, lengths: Tensor) -> None:
            self.heard += len(waves)

    plain, numb = PAIR(TASK, RATE), joined({"one": Fitting, "other": Numb})(TASK, RATE)
    assert (plain.differentiable, plain.pads, plain.adjustable) == (True, True, ())
    assert (numb.differentiable, numb.pads, numb.adjustable) == (False, False, ("other.dropout",))
    assert numb.recipe == numb.branches["one"].recipe
    assert (type(numb).__name__, getattr(type(numb), "toy", None)) == ("one+other", "commands")
    assert not hasattr(PAIR, "toy")
    numb.fit(batch_of().noisy, batch_of().lengths)
    assert numb.branches["one"].heard == 4


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            {"one": ProbeBackend, "ctc": Writing},
            "^backend 'ctc' is made for transcription; only those that classify can",
        ),
        ({"a.b": ProbeBackend, "one": ProbeBackend}, "^backend 'a.b' cannot be joined with others: its name cannot be"),
        (
            {"type": ProbeBackend, "one": ProbeBackend},
            "^backend 'type' cannot be joined with others: its name cannot be",
        ),
    ],
)
def test_backends_that_cannot_be_joined(members: dict[str, type], message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        joined(members)


def test_a_branch_without_an_embedding() -> None:
    with pytest.raises(
        SefrontError, match=r"^it: branch 'terse' gives no embedding, so it cannot be joined with others$"
    ):
        build(joined({"one": ProbeBackend, "terse": Terse}), TASK, RATE, options={}, owner="it")


# Decisions


@pytest.mark.parametrize(("decision", "features"), [("joined", 16), ("fused", 256)])
def test_a_machine_takes_the_place_of_the_softmax(decision: Any, features: int) -> None:
    backend, batch = PAIR(TASK, RATE).eval(), batch_of(6)
    before = backend(batch.noisy, batch.lengths)
    with torch.no_grad():
        together = backend.embeddings(batch.noisy, batch.lengths)
        x = together if decision == "joined" else backend.fused(together)
    assert x.shape == (6, features)
    backend.svms[decision].fit(x, batch.target)
    assert torch.equal(backend(batch.noisy, batch.lengths).scores, before.scores)
    backend.decide_by(decision)
    found = backend(batch.noisy, batch.lengths)
    assert torch.equal(found.scores, backend.svms[decision](x))
    assert torch.equal(found.embedding, x)
    assert backend.loss(found, batch).isfinite().all()

    other = PAIR(TASK, RATE).eval()
    put_weights(other, weights_of(backend), "it")
    assert torch.equal(other(batch.noisy, batch.lengths).scores, found.scores)
    fresh = backend.train()(batch.noisy, batch.lengths)
    assert fresh.scores.requires_grad  # the softmax learns, a machine does not
    assert fresh.embedding.shape == (6, 256)
    backend.decide_by("softmax")
    assert torch.equal(backend.eval()(batch.noisy, batch.lengths).scores, before.scores) is False  # statistics moved


@pytest.mark.parametrize("coupling", [Baseline, Augment, Frozen, MTL, Iterative])
def test_every_mode_trains_it_as_one(coupling: Any) -> None:
    (frontend, _), backend = pair(), PAIR(TASK, RATE)
    before = weights_of(backend)
    backend.decide_by("fused")  # as if it came from another run
    history = Coupler(
        frontend,
        backend,
        coupling(),
        Lengths(2, batch_size=5),
        Training(valid_snr=(5.0,)),
        device="cpu",
        precision="32",
    ).fit(material(), metric=UAR())
    after = weights_of(backend)
    assert {"branches.one.bank.weight", "branches.other.bank.weight", "fuse.weight", "head.weight"} <= {
        name for name in after if not torch.equal(before[name], after[name])
    }
    assert same({n: w for n, w in before.items() if "svms" in n}, {n: w for n, w in after.items() if "svms" in n})
    assert int(backend.decision) == 0
    assert history[-1]["loss_backend"] > 0


def test_mtl_names_what_passes_no_gradient() -> None:
    with pytest.raises(SefrontError, match=r"^mtl sends gradients through one\+other, which is not differentiable; "):
        MTL().phases(pair()[0], joined({"one": ProbeBackend, "other": Numb})(TASK, RATE))
    with pytest.raises(SefrontError, match=r"^mtl sends gradients through Detached"):
        MTL().phases(Detached(RATE), PAIR(TASK, RATE))


# Names


def test_a_name_that_joins_two() -> None:
    found = BACKENDS["scr_m5+ser_cnn"]
    assert found.__name__ == "scr_m5+ser_cnn"
    assert {"width", "ser_cnn.width"} <= set(parameters(found))
    assert found.toy == BACKENDS["scr_m5"].toy


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("scr_m5+ser_cn", r"^there is no backend 'ser_cn'; did you mean 'ser_cnn'\?"),
        ("ser_cnn+ser_cnn", r"^backend 'ser_cnn\+ser_cnn': 'ser_cnn' stands twice; join backends that differ$"),
        ("ser_cnn+", r"^backend 'ser_cnn\+': a \+ stands between two names, as in acln\+fcn384$"),
        ("+", r"^backend '\+': a \+ stands between two names"),
        ("ser_cnn+asr_ds2", "^backend 'asr_ds2' is made for transcription; only those that classify can be joined$"),
    ],
)
def test_names_that_join_nothing(name: str, message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        BACKENDS[name]


def test_only_backends_are_joined() -> None:
    with pytest.raises(SefrontError, match=r"^there is no frontend 'unet\+unet'"):
        Catalogue.installed().frontends["unet+unet"]


def test_every_pair_of_the_catalogue_can_be_told_apart() -> None:
    def members(name: str) -> Sequence[str]:
        return list(BACKENDS[name].members)

    assert members("acln+fcn384") == ["acln", "fcn384"]
    assert members("fcn384+acln+ser_cnn") == ["fcn384", "acln", "ser_cnn"]


def test_a_joined_backend_is_described_like_any_other() -> None:
    (offer,) = Catalogue.installed().named("scr_m5+ser_cnn")
    facts = description(offer, {"ser_cnn.width": 2})
    assert (facts["name"], facts["family"], facts["distribution"]) == ("scr_m5+ser_cnn", "backend", "sefront")
    assert facts["summary"] == "Branches whose embeddings are classified together."
    assert "ser_cnn.width" in [option["name"] for option in facts["options"]]
    assert 0 < facts["trainable_parameters"] < description(offer, {})["trainable_parameters"]
