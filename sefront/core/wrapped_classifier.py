"""Somebody else's classifier as a backend: any ``waves -> logits`` module or callable, with a rate of its own.

    s = P g(A(x)),   l = -ln softmax(s)[target]

A resamples from the chain's rate to the classifier's, g is the classifier and P puts its classes into the order of the
task's labels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sefront.core.clips import Task
from sefront.core.errors import SefrontError
from sefront.core.foreign import called, check_callable, heard, own_terms, told
from sefront.core.losses import cross_entropy
from sefront.core.types import Batch, Prediction

UPRIGHT = "torch.nn.Sequential(torch.nn.Unflatten(1, (1, -1)), model)"


class WrappedClassifier(nn.Module):
    """A backend around any classifier; `sefront.wrap_classifier` builds it, a plugin may derive from it.

    The classifier always runs in float32, as it need not know of autocast. Where it is a torch module, it is part of
    this one: it moves, trains and is saved with it.

    Args:
        classifier: A torch module or callable from float32 tensors (batch, time) to logits (batch, classes).
        task: What it is asked to predict, a classification.
        sample_rate: Rate of the chain's waves in Hz.
        own_rate: Rate in Hz that the classifier works at; None means the chain's.
        labels: The task's labels in the order of the classifier's classes; None means the task's order.
        differentiable: Whether gradients pass; None means that they pass through torch modules only. The parameters of
            a module through which none pass are frozen.
        pads: Whether the classifier ignores padding; otherwise batches hold clips of one length.
    """

    order: Tensor

    def __init__(
        self,
        classifier: Callable[..., Any],
        task: Task,
        sample_rate: int,
        *,
        own_rate: int | None = None,
        labels: tuple[str, ...] | None = None,
        differentiable: bool | None = None,
        pads: bool = False,
    ) -> None:
        super().__init__()
        check_callable(classifier, "classifier", "from waves to logits")
        if task.kind != "classification":
            raise ValueError(f"a classifier needs a classification, but the task is a {task.kind}")
        own_rate = sample_rate if own_rate is None else own_rate
        if min(sample_rate, own_rate) < 1:
            raise ValueError(
                f"sample_rate and own_rate must be at least 1 Hz, but they are {sample_rate} and {own_rate}"
            )
        labels = task.labels if labels is None else labels
        if sorted(labels) != sorted(task.labels):
            raise ValueError(
                "labels must be the task's, each once, in the order of the classifier's classes; they are "
                f"{', '.join(labels) or 'none'}, the task's {', '.join(task.labels)}"
            )
        self.classifier, self.sample_rate, self.own_rate, self.pads = classifier, sample_rate, own_rate, pads
        self.register_buffer("order", torch.tensor([labels.index(name) for name in task.labels]), persistent=False)
        self.differentiable = isinstance(classifier, nn.Module) if differentiable is None else differentiable
        if not self.differentiable:
            self.requires_grad_(False)

    def forward(self, waves: Tensor, lengths: Tensor) -> Prediction:
        """Logits (batch, classes) from `waves` (batch, time), of which `lengths` (batch,) samples are valid.

        Raises:
            SefrontError: The classifier failed, or returned something else than a finite logit for each clip and class.
        """
        hint = f"; one that wants (batch, 1, time) is wrapped as {UPRIGHT}"
        with own_terms(waves, self.differentiable):
            given = heard(waves, lengths, self.sample_rate, self.own_rate)[0].clone()  # which it may write on
            found = called(self.classifier, given, "classifier", self.own_rate, hint)
            fault = self.fault(found, len(waves))
            if fault:
                known = told(self.classifier, fault, given, "classifier", self.own_rate)
                shape = (len(waves), len(self.order))
                raise SefrontError(f"{known} and returns real logits of shape {shape}, one for each label of the task")
            return Prediction(found.to(given)[:, self.order])

    def fault(self, found: Any, count: int) -> str:
        """What is wrong with `found` in place of the logits of `count` clips, or nothing."""
        if not isinstance(found, Tensor):
            return f"returned a {type(found).__name__}"
        if not found.is_floating_point():
            return f"returned values of type {found.dtype}"
        if found.shape != (count, len(self.order)):
            return f"returned the shape {tuple(found.shape)}"
        return "" if found.isfinite().all() else "returned values that are not finite (NaN or infinity)"

    def loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        """Cross-entropy per sample, (batch,)."""
        return cross_entropy(prediction.scores, batch)
