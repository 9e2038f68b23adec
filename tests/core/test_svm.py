"""A linear support vector machine as a layer."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch import Tensor

from sefront.core import svm as module
from sefront.core.errors import SefrontError
from sefront.core.svm import LinearSVM


def examples(classes: int, count: int = 60, features: int = 5) -> tuple[Tensor, Tensor]:
    """Clusters that overlap, on scales of their own; the last feature is always the same."""
    generator = torch.Generator().manual_seed(classes)
    target = torch.arange(count) % classes
    centres = torch.randn(classes, features, generator=generator)
    x = (centres[target] + torch.randn(count, features, generator=generator)) * torch.logspace(-2, 3, features) + 7
    x[:, -1] = 3.0
    return x, target


def reference(x: Tensor, target: Tensor, c: float = 1.0) -> np.ndarray:
    """What scikit-learn says of standardised features."""
    scaled = StandardScaler().fit_transform(x.double().numpy())
    return np.asarray(
        LinearSVC(C=c, random_state=0, max_iter=10000).fit(scaled, target.numpy()).decision_function(scaled)
    )


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("c", [0.1, 1.0])
def test_its_margins_are_those_of_scikit_learn(classes: int, c: float) -> None:
    x, target = examples(classes)
    machine = LinearSVM(5, classes)
    machine.fit(x, target, c)
    margins, expected = machine(x).numpy(), reference(x, target, c)
    assert margins.shape == (60, classes)
    np.testing.assert_allclose(margins[:, 1] if classes == 2 else margins, expected, atol=2e-3, rtol=1e-3)
    if classes == 2:
        np.testing.assert_array_equal(margins[:, 0], -margins[:, 1])
    assert (margins.argmax(1) == (expected > 0 if classes == 2 else expected.argmax(1))).all()


@pytest.mark.parametrize("present", [[0, 2, 3], [1, 4]])
def test_a_class_that_training_lacks_is_never_the_answer(present: list[int]) -> None:
    x, target = examples(len(present))
    machine = LinearSVM(5, 5)
    machine.fit(x, torch.tensor(present)[target])
    margins = machine(x)
    assert set(margins.argmax(1).tolist()) <= set(present)
    expected = LinearSVM(5, len(present))
    expected.fit(x, target)
    torch.testing.assert_close(margins[:, present], expected(x))
    assert margins.softmax(1).isfinite().all()


def test_it_is_numbers_and_nothing_else(tmp_path: Path) -> None:
    x, target = examples(3)
    machine, other = LinearSVM(5, 3), LinearSVM(5, 3)
    machine.fit(x, target)
    save_file(machine.state_dict(), tmp_path / "svm.safetensors")
    other.load_state_dict(load_file(tmp_path / "svm.safetensors"))
    assert torch.equal(machine(x), other(x))
    assert list(machine.parameters()) == []


def test_it_may_be_fitted_again() -> None:
    machine, fresh = LinearSVM(5, 4), LinearSVM(5, 4)
    machine.fit(*examples(4))
    for one in (machine, fresh):
        one.fit(*examples(2))
    assert all(torch.equal(one, other) for one, other in zip(machine.buffers(), fresh.buffers(), strict=True))


def test_margins_are_precise_under_autocast() -> None:
    x, target = examples(3)
    machine = LinearSVM(5, 3)
    machine.fit(x, target)
    expected = machine(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(machine(x), expected)
        assert machine(x.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize(
    ("x", "target", "message"),
    [
        (torch.randn(4, 5), torch.zeros(4), "^all training clips are of one class, so no support vector machine"),
        (
            torch.full((4, 5), torch.nan),
            torch.tensor([0, 1, 0, 1]),
            "^an embedding is not finite, so no support vector",
        ),
    ],
    ids=["one class", "nan"],
)
def test_what_nothing_can_be_fitted_to(x: Tensor, target: Tensor, message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        LinearSVM(5, 2).fit(x, target)


def test_a_solver_that_is_not_done_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROUNDS", 1)
    x, target = examples(3, count=4)
    with pytest.warns(
        UserWarning, match="^the support vector machine was not done after 1 rounds and is used as it is"
    ):
        LinearSVM(5, 3).fit(x, target, 1000.0)


def test_a_solver_that_is_done_says_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LinearSVM(5, 3).fit(*examples(3))
