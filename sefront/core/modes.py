"""Who learns and who only looks on, buffers included."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


@contextmanager
def judging(*modules: Any) -> Iterator[None]:
    """A block in which `modules` are in eval mode and no gradient is recorded.

    ``requires_grad_(False)`` alone would not freeze the running statistics of BatchNorm, nor switch dropout off.
    """
    with mode(False, *modules), torch.no_grad():
        yield


@contextmanager
def learning(*modules: Any) -> Iterator[None]:
    """A block in which `modules` are in train mode."""
    with mode(True, *modules):
        yield


@contextmanager
def passing(*modules: Any) -> Iterator[None]:
    """A block in which `modules` judge, but let gradients through: nothing of them moves, and nothing is random.

    All is in eval mode but recurrent layers, which cuDNN cannot go back through then: these are in train mode, with
    their dropout at zero, which is the same.
    """
    roots = [root for root in modules if isinstance(root, nn.Module)]
    recurrent = [m for root in roots for m in root.modules() if isinstance(m, nn.RNNBase)]
    dropout = [layer.dropout for layer in recurrent]
    with mode(False, *roots):
        try:
            for layer in recurrent:
                layer.training, layer.dropout = True, 0.0
            yield
        finally:
            for layer, share in zip(recurrent, dropout, strict=True):
                layer.dropout = share


@contextmanager
def mode(train: bool, *modules: Any) -> Iterator[None]:
    """A block in train or eval mode; each submodule's own mode is restored afterwards.

    A module's own ``train()`` is asked, since it may keep parts of itself, such as a frozen encoder, in eval mode.
    """
    roots = [root for root in modules if isinstance(root, nn.Module)]
    before = [(module, module.training) for root in roots for module in root.modules()]
    was = [root.training for root in roots]
    try:
        for root in roots:
            root.train(train)
        yield
    finally:
        for root, training in zip(roots, was, strict=True):
            root.train(training)
        for module, training in before:
            module.training = training


def trainable(module: Any) -> list[nn.Parameter]:
    """The parameters of `module` that can learn; none for anything that is not a torch module."""
    return [p for p in module.parameters() if p.requires_grad] if isinstance(module, nn.Module) else []
