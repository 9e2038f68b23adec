"""Foreign classifiers as backends: classes in order, trained and saved with the chain, refused in one line."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from probes import RATE, SGD, TASK, Gain, batch_of, material, same
from recordings import voice
from torch import Tensor, nn

import sefront
from sefront.core.checkpoint import put_weights, weights_of
from sefront.core.clips import Task
from sefront.core.coupler import Coupler
from sefront.core.errors import SefrontError
from sefront.core.losses import cross_entropy
from sefront.core.modes import trainable
from sefront.core.training import Lengths
from sefront.core.wrapped_classifier import WrappedClassifier
from sefront.couplings.baseline import Baseline
from sefront.couplings.frozen import Frozen
from sefront.couplings.iterative import Iterative
from sefront.couplings.mtl import MTL
from sefront.testing import check_backend

DOCUMENT = Path(__file__).parents[2] / "docs/plugins.md"
THREE = Task("classification", ("a", "b", "c"), "uar")


class Powers(nn.Module):
    """A foreign network: (batch, time) to logits (batch, classes), from the mean powers of a filter bank."""

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        self.bank = nn.Conv1d(1, 8, 9, padding=4)
        self.head = nn.Linear(8, classes)

    def forward(self, waves: Tensor) -> Tensor:
        logits: Tensor = self.head(torch.log(self.bank(waves[:, None]).square().mean(-1) + 1e-4))
        return logits


def moments(waves: Tensor) -> Tensor:
    """A foreign function: three logits."""
    return torch.stack([waves.mean(1), waves.square().mean(1), waves[:, 0]], 1)


class WrappedPowers(WrappedClassifier):
    """A network at another rate.

    Source: none; a probe.
    """

    def __init__(self, task: Task, sample_rate: int) -> None:
        super().__init__(Powers(len(task.labels)), task, sample_rate, own_rate=8000)


class WrappedSums(WrappedClassifier):
    """A function that ignores padding and passes no gradient.

    Source: none; a probe.
    """

    def __init__(self, task: Task, sample_rate: int) -> None:
        def sums(waves: Tensor) -> Tensor:
            return waves.square().sum(1, keepdim=True) * torch.arange(float(len(task.labels)))

        super().__init__(sums, task, sample_rate, pads=True)


def full(waves: Tensor) -> Tensor:
    """The lengths of clips of which none is padded."""
    return torch.full((len(waves),), waves.shape[1])


@pytest.mark.parametrize("component", [WrappedPowers, WrappedSums])
def test_contract(component: type) -> None:
    check_backend(component)


def test_the_classes_take_the_order_of_the_labels() -> None:
    waves = torch.randn(4, 100, generator=torch.Generator().manual_seed(0))
    plain = sefront.wrap_classifier(moments, THREE, 8000)(waves, full(waves)).scores
    other = sefront.wrap_classifier(moments, THREE, 8000, labels=["c", "a", "b"])(waves, full(waves)).scores
    assert torch.equal(plain, moments(waves))
    assert torch.equal(other, moments(waves)[:, [1, 2, 0]])


def test_what_it_hears() -> None:
    given: list[Tensor] = []

    def listening(waves: Tensor) -> Tensor:
        given.append(waves.clone())
        return moments(waves.mul_(2.0))

    waves = torch.from_numpy(voice(3200, 150.0))[None].repeat(2, 1)
    before = waves.clone()
    backend = sefront.wrap_classifier(listening, THREE, 16000, own_rate=8000, pads=True)
    backend(waves.double(), torch.tensor([3200, 2001]))
    backend(waves, torch.tensor([3200, 2001]))
    assert torch.equal(waves, before)
    assert [(tuple(g.shape), g.dtype) for g in given] == [((2, 1600), torch.float32)] * 2
    assert given[0][1, 1000].abs() > 0
    assert not given[0][1, 1001:].any()
    torch.testing.assert_close(given[0][0, 100:-100], waves[0, 200:-200:2], atol=0.01, rtol=0.0)
    assert not backend.differentiable
    assert not sefront.wrap_classifier(moments, THREE, 16000).pads


def test_loss() -> None:
    backend, data = sefront.wrap_classifier(Powers(), TASK, RATE), batch_of()
    prediction = backend(data.noisy, data.lengths)
    torch.testing.assert_close(backend.loss(prediction, data), cross_entropy(prediction.scores, data))


def test_gradients_pass_through_a_module_and_its_weights() -> None:
    backend, data = sefront.wrap_classifier(Powers(), TASK, RATE, own_rate=2 * RATE), batch_of()
    waves = data.noisy.requires_grad_()
    backend.loss(backend(waves, data.lengths), data).sum().backward()
    assert waves.grad is not None
    assert waves.grad.any(dim=1).all()
    assert trainable(backend) == list(backend.classifier.parameters())
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in trainable(backend))


@pytest.mark.parametrize(("said", "passes"), [(None, False), (True, True), (False, False)])
def test_gradients_through_a_function_pass_if_it_is_said(said: bool | None, passes: bool) -> None:
    backend = sefront.wrap_classifier(moments, THREE, 8000, differentiable=said)
    scores = backend(torch.ones(1, 100, requires_grad=True), torch.tensor([100])).scores
    assert (scores.requires_grad, backend.differentiable) == (passes, passes)


def test_a_module_through_which_no_gradient_passes_is_frozen() -> None:
    backend = sefront.wrap_classifier(Powers(), TASK, 8000, differentiable=False)
    assert trainable(backend) == []
    assert not backend(torch.ones(1, 100, requires_grad=True), torch.tensor([100])).scores.requires_grad


def test_autocast_and_half_precision_stay_outside() -> None:
    backend = sefront.wrap_classifier(Powers(), TASK, 16000, own_rate=8000)
    waves = torch.from_numpy(voice(2000, 150.0))[None]
    plain = backend(waves, full(waves)).scores
    with torch.autocast("cpu", torch.bfloat16):
        cast = backend(waves, full(waves)).scores
    assert cast.dtype == torch.float32
    assert torch.equal(cast, plain)


def test_weights_are_saved_and_loaded() -> None:
    waves = torch.from_numpy(voice(800, 150.0))[None]
    one, other = (sefront.wrap_classifier(Powers(), TASK, 8000) for _ in range(2))
    assert set(weights_of(one)) == {f"classifier.{name}" for name in Powers().state_dict()}
    assert not torch.equal(one(waves, full(waves)).scores, other(waves, full(waves)).scores)
    put_weights(other, weights_of(one), "the wrapped network")
    assert torch.equal(one(waves, full(waves)).scores, other(waves, full(waves)).scores)


def trained_phases(backend: WrappedClassifier, coupling: Any) -> list[str]:
    """The phases in which something learnt."""
    recipe = {part: {"algorithm": "sgd", "lr": SGD.lr, "batch_size": 4} for part in ("frontend", "backend")}
    coupler = Coupler(
        Gain(), backend, coupling, lengths=Lengths(1), optimiser=recipe, device="cpu", precision="32"
    )  # fmt: skip
    return [record["phase"] for record in coupler.fit(material())]


@pytest.mark.parametrize(
    ("coupling", "phases"),
    [
        (Baseline, ["backend"]),
        (Frozen, ["frontend", "backend"]),
        (Iterative, ["frontend", "backend", "joint"]),
        (MTL, ["frontend", "backend", "joint"]),
    ],
)
def test_a_module_trains_in_a_chain(coupling: Any, phases: list[str]) -> None:
    shapes: set[int] = set()
    classifier = Powers()
    classifier.register_forward_pre_hook(lambda module, given: shapes.add(given[0].shape[1]))
    before = weights_of(classifier)
    assert trained_phases(sefront.wrap_classifier(classifier, TASK, RATE, labels=("high", "low")), coupling()) == phases
    assert not same(before, weights_of(classifier))
    assert shapes == {200, 240}  # clips of one length at a time, none padded


def test_a_module_that_was_frozen_stays_as_it_is() -> None:
    classifier = Powers().requires_grad_(False)
    before = weights_of(classifier)
    assert trained_phases(sefront.wrap_classifier(classifier, TASK, RATE), Frozen()) == ["frontend"]
    assert same(before, weights_of(classifier))


def test_a_function_in_a_chain() -> None:
    assert trained_phases(sefront.wrap_classifier(lambda w: moments(w)[:, :2], TASK, RATE), Frozen()) == ["frontend"]


def test_a_mode_that_sends_gradients_through_it_refuses_a_function() -> None:
    backend = sefront.wrap_classifier(lambda waves: moments(waves)[:, :2], TASK, RATE)
    with pytest.raises(
        SefrontError, match="mtl sends gradients through WrappedClassifier, which is not differentiable"
    ):
        trained_phases(backend, MTL())


GIVEN = (
    r"; it is given a float32 tensor of shape \(2, 800\) at 8000 Hz and returns real logits of shape \(2, 3\), "
    "one for each label of the task$"
)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (lambda w: moments(w)[:, :2], r"^classifier '<lambda>' returned the shape \(2, 2\)" + GIVEN),
        (lambda w: moments(w)[0], r"returned the shape \(3,\)" + GIVEN),
        (lambda w: moments(w)[..., None], r"returned the shape \(2, 3, 1\)" + GIVEN),
        (lambda w: moments(w)[:1], r"returned the shape \(1, 3\)" + GIVEN),
        (lambda w: SimpleNamespace(logits=moments(w)), "returned a SimpleNamespace" + GIVEN),
        (lambda w: moments(w).numpy(), "returned a ndarray" + GIVEN),
        (lambda w: moments(w).argmax(1), r"returned values of type torch\.int64" + GIVEN),
        (lambda w: moments(w) / 0, r"returned values that are not finite \(NaN or infinity\)" + GIVEN),
    ],
)
def test_what_no_classifier_returns(found: Any, message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        sefront.wrap_classifier(found, THREE, 8000)(torch.ones(2, 800), torch.tensor([800, 800]))


def test_the_advice_to_who_wants_three_dimensions() -> None:
    model = nn.Sequential(nn.Conv1d(1, 3, 8), nn.AdaptiveAvgPool1d(1), nn.Flatten(1))
    with pytest.raises(SefrontError, match=r"classifier 'Sequential' raised RuntimeError: .* \(2, 800\) at") as caught:
        sefront.wrap_classifier(model, THREE, 8000)(torch.ones(2, 800), torch.tensor([800, 800]))
    assert "\n" not in str(caught.value)
    _, _, advice = str(caught.value).partition("one that wants (batch, 1, time) is wrapped as ")
    names: dict[str, Any] = {"torch": torch, "model": model}
    exec(f"advised = {advice}", names)
    backend = sefront.wrap_classifier(names["advised"], THREE, 8000)
    assert backend(torch.ones(2, 800), torch.tensor([800, 800])).scores.shape == (2, 3)


@pytest.mark.parametrize(
    ("classifier", "task", "options", "message"),
    [
        (3, THREE, {}, "classifier must be a torch module or a function from waves to logits, but is a int"),
        (Powers, THREE, {}, "function from waves to logits, but is the class Powers"),
        (moments, Task("trace", ("arousal",), "ccc"), {}, "needs a classification, but the task is a trace"),
        (moments, THREE, {"own_rate": 0}, "own_rate must be at least 1 Hz, but they are 8000 and 0"),
        (moments, THREE, {"labels": ("a", "b")}, "each once, .* they are a, b, the task's a, b, c"),
        (moments, THREE, {"labels": ("a", "b", "b")}, "each once, .* they are a, b, b, the task's a, b, c"),
        (moments, THREE, {"labels": 3}, "option 'labels' is 3, which is not"),
    ],
)
def test_mistakes(classifier: Any, task: Task, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SefrontError, match="^wrap_classifier: .*" + message):
        sefront.wrap_classifier(classifier, task, 8000, **options)


def test_as_in_the_document() -> None:
    section = DOCUMENT.read_text(encoding="utf-8").split("## A classifier that exists already")[1]
    code = re.findall(r"```python\n(.*?)```", section, re.DOTALL)[0]
    names: dict[str, Any] = {}
    exec(code, names)
    waves = torch.from_numpy(voice(1600, 150.0))[None]
    assert names["backend"](waves, full(waves)).scores.shape == (1, 2)
