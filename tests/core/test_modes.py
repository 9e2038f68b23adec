from __future__ import annotations

import pytest
import torch
from probes import Gain, batch_of, pair, same
from torch import nn

from sefront.core.checkpoint import weights_of
from sefront.core.modes import judging, learning, mode, trainable


def test_judging_freezes_statistics_and_records_no_gradient() -> None:
    frontend, _ = pair()
    before, batch = weights_of(frontend), batch_of()
    with judging(frontend):
        one = frontend(batch.noisy, batch.lengths).waves
        other = frontend(batch.noisy, batch.lengths).waves
    assert same(weights_of(frontend), before)
    assert torch.equal(one, other)
    assert not one.requires_grad
    assert frontend.training


def test_learning_moves_statistics_and_records_gradients() -> None:
    frontend, _ = pair()
    frontend.eval()
    before, batch = weights_of(frontend), batch_of()
    with learning(frontend):
        assert frontend(batch.noisy, batch.lengths).waves.requires_grad
    assert not same(weights_of(frontend), before)
    assert not frontend.training


@pytest.mark.parametrize("train", [True, False])
def test_each_submodule_gets_its_own_mode_back(train: bool) -> None:
    frontend, backend = pair()
    frontend.norm.eval()
    backend.eval()
    backend.dropout.train()
    before = [m.training for root in (frontend, backend) for m in root.modules()]
    with mode(train, frontend, backend):
        assert {m.training for root in (frontend, backend) for m in root.modules()} == {train}
    assert [m.training for root in (frontend, backend) for m in root.modules()] == before


def test_modes_come_back_after_an_error() -> None:
    frontend, _ = pair()
    with pytest.raises(RuntimeError, match="in the middle"), judging(frontend):
        raise RuntimeError("in the middle")
    assert frontend.training
    assert torch.is_grad_enabled()


def test_what_is_no_module_has_no_mode_and_nothing_to_train() -> None:
    with judging(None, "identity"), learning(3):
        assert not torch.is_grad_enabled()
    assert trainable(None) == []


def test_only_what_requires_a_gradient_is_trainable() -> None:
    module = nn.ModuleDict({"one": Gain(), "other": Gain().requires_grad_(False)})
    assert trainable(module) == [module["one"].a]
