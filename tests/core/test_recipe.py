from __future__ import annotations

import math
from typing import Any

import pytest
from probes import Gain
from torch import nn

from sefront.core.errors import BadOptionError, UnknownNameError
from sefront.core.recipe import Recipe


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("constant", [1, 1, 1, 1, 1, 1]),
        ("step", [1, 1, 0.1, 0.1, 0.1, 0.1]),
        ("stages", [1, 1, 0.1, 0.1, 0.01, 0.01]),
        ("plateau", [1, 1, 1, 1, 1, 1]),
        ("cosine", [0.5 * (1 + math.cos(math.pi * epoch / 6)) for epoch in range(6)]),
    ],
)
def test_factors(schedule: Any, factors: list[float]) -> None:
    recipe = Recipe(schedule=schedule, step=2)
    assert [recipe.factor_at(epoch, 6) for epoch in range(6)] == pytest.approx(factors)


def test_the_paper_of_m5_is_a_step() -> None:
    recipe = Recipe(lr=1e-2, schedule="step", step=20)
    assert [recipe.lr * recipe.factor_at(epoch, 100) for epoch in (0, 19, 20, 99)] == pytest.approx(
        [1e-2, 1e-2, 1e-3, 1e-3]
    )


def test_cosine_of_a_single_epoch() -> None:
    assert Recipe(schedule="cosine").factor_at(0, 0) == 1


def test_a_component_without_a_recipe_has_the_defaults() -> None:
    assert Recipe.of(nn.Identity(), {}, "frontend") == Recipe()


@pytest.mark.parametrize("own", [Recipe(lr=0.5, clip=1.0), {"lr": 0.5, "clip": 1.0}])
def test_options_stand_over_a_components_own(own: Any) -> None:
    component = Gain()
    component.recipe = own
    assert Recipe.of(component, {"lr": "1e-4"}, "frontend") == Recipe(lr=1e-4, clip=1.0)


def test_an_unknown_setting() -> None:
    with pytest.raises(UnknownNameError, match=r"optimiser\.backend has no option 'learning_rate'"):
        Recipe.of(Gain(), {"learning_rate": 1}, "backend")


def test_a_setting_of_the_wrong_type() -> None:
    with pytest.raises(BadOptionError, match=r"optimiser\.backend: option 'algorithm' is 'newton', which is not"):
        Recipe.of(Gain(), {"algorithm": "newton"}, "backend")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": -1.0}, "optimiser: lr must be at least 0.0, but is -1.0"),
        ({"lr": math.inf}, "optimiser: lr must be"),
        ({"weight_decay": math.nan}, "optimiser: weight_decay must be"),
        ({"momentum": -0.1}, "optimiser: momentum must be"),
        ({"batch_size": 0}, "optimiser: batch_size must be at least 1, but is 0"),
        ({"step": 0}, "optimiser: step must be"),
        ({"factor": 1.0}, "optimiser: factor must be above 0 and below 1, but is 1.0"),
        ({"factor": 0.0}, "optimiser: factor must be above 0 and below 1, but is 0.0"),
        ({"factor": math.nan}, "optimiser: factor must be"),
        ({"clip": 0.0}, "optimiser: clip must be above 0, or none, but is 0.0"),
    ],
)
def test_numbers_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(BadOptionError, match=message):
        Recipe(**settings)
