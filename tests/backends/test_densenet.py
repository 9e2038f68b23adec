"""DenseNets: sizes, maps, the highway layer, and that they learn under bfloat16."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from sefront.backends.cnn_lstm import CNN, CNNLSTM
from sefront.backends.densenet import DenseBlock, DenseNet, DenseNetHighway, DenseNetLSTM, Highway, Transition
from sefront.core import Task
from sefront.core.recipe import Recipe
from sefront.core.segments import SegmentClassifier
from sefront.core.update import Update
from sefront.testing.material import example

TASK = Task("classification", tuple("abcd"), "uar")
SMALL: dict[type[SegmentClassifier], dict[str, Any]] = {
    DenseNetHighway: {"growth": 4, "layers": 2},
    DenseNet: {"growth": 4, "layers": 2},
    DenseNetLSTM: {"growth": 4, "layers": 2},
    CNNLSTM: {"width": 4},
    CNN: {"width": 4},
}


def small(component: type[SegmentClassifier]) -> SegmentClassifier:
    build: Any = component
    torch.manual_seed(0)
    network: SegmentClassifier = build(TASK, 16000, **SMALL[component])
    return network


@pytest.mark.parametrize(
    ("component", "options", "count"),
    [
        (DenseNetHighway, {}, 6_282_388),
        (DenseNetHighway, {"theta": 0.5}, 4_553_236),
        (DenseNetHighway, {"lstm_freq_pool": True}, 949_396),
        (DenseNet, {}, 3_395_340),
        (DenseNetLSTM, {}, 3_331_340),
        (CNNLSTM, {}, 721_252),
        (CNN, {}, 261_604),
    ],
)
def test_number_of_parameters(component: Any, options: dict[str, Any], count: int) -> None:
    assert sum(p.numel() for p in component(TASK, 16000, **options).parameters()) == count


def test_maps_of_a_segment() -> None:
    network = DenseNetHighway(TASK, 16000).eval()
    with torch.no_grad():
        stem = network.stem(torch.zeros(1, 1, 128, 256))
        first = network.first(stem)
        between = network.transition(first)
        second = network.second(between)
    shapes = [tuple(x.shape[1:]) for x in (stem, first, between, second)]
    assert shapes == [(48, 64, 128), (192, 64, 128), (192, 32, 64), (336, 32, 64)]


def test_a_dense_block_hands_on_all_that_it_was_given() -> None:
    block, x = DenseBlock(3, 2, 5).eval(), torch.randn(2, 3, 4, 6)
    y = block(x)
    assert y.shape == (2, 13, 4, 6)
    torch.testing.assert_close(y[:, :3], x)
    torch.testing.assert_close(y[:, 3:8], block.layers[0](x))
    torch.testing.assert_close(y[:, 8:], block.layers[1](y[:, :8]))


def test_pooling_before_the_convolution_of_a_transition_changes_nothing() -> None:
    transition, x = Transition(6, 0.5).eval(), torch.randn(2, 6, 4, 8)
    norm, relu, pool, convolution = transition
    torch.testing.assert_close(transition(x), pool(convolution(relu(norm(x)))))
    assert transition.maps == 3


def test_a_highway_layer_lets_pass_what_it_does_not_transform() -> None:
    layer, x = Highway(4), torch.randn(3, 4)
    torch.testing.assert_close(layer.gate.bias, torch.full((4,), -1.0))
    gate = torch.sigmoid(layer.gate(x))
    torch.testing.assert_close(layer(x), torch.relu(layer.transform(x)) * gate + x * (1 - gate))
    nn.init.constant_(layer.gate.bias, -50.0)
    torch.testing.assert_close(layer(x), x)


@pytest.mark.parametrize("component", SMALL)
def test_short_clips_are_told_apart_under_bfloat16(component: type[SegmentClassifier]) -> None:
    """A fifth of a segment is enough: an LSTM asked at the segment's end would have forgotten it."""
    network, batch = small(component).train(), example()
    network.fit(batch.noisy, batch.lengths)
    update = Update({"backend": network}, {"backend": Recipe.of(network, {}, "backend")}, bf16=True)
    losses = []
    for _ in range(12):
        with update.precision(torch.device("cpu")):
            losses.append(float(update(network.loss(network(batch.noisy, batch.lengths), batch), "backend")))
    assert min(losses[-3:]) < losses[0] - 0.1


@pytest.mark.parametrize("component", SMALL)
def test_the_papers_recipe(component: type[SegmentClassifier]) -> None:
    recipe = Recipe.of(component, {}, "backend")
    assert (recipe.algorithm, recipe.lr, recipe.schedule, recipe.step, recipe.factor) == (
        "adam",
        1e-3,
        "plateau",
        5,
        0.5,
    )


@pytest.mark.parametrize("component", [DenseNetHighway, DenseNet, DenseNetLSTM])
@pytest.mark.parametrize("options", [{"layers": 0}, {"growth": 0}, {"theta": 0.0}, {"theta": 1.1}, {"dropout": 1.0}])
def test_ranges_of_dense_networks(component: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="layers and growth must be at least 1, theta above 0 and at most 1"):
        component(TASK, 16000, **options)


@pytest.mark.parametrize("component", [CNN, CNNLSTM])
@pytest.mark.parametrize("options", [{"width": 0}, {"dropout": -0.1}])
def test_ranges_of_convolutional_networks(component: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"width must be at least 1 and dropout in \[0, 1\)"):
        component(TASK, 16000, **options)
