"""Metrics are had by name, where they fit."""

from __future__ import annotations

import pytest

from sefront.core.clips import Task
from sefront.core.errors import SefrontError
from sefront.core.measures import metric_of
from sefront.plugins import Catalogue

CLASSES = Task("classification", ("a", "b"), "uar")
TEXT = Task("transcription", ("_", "a"), "wer")
AFFECT = Task("trace", ("arousal",), "ccc", frame_rate=25.0)


@pytest.mark.parametrize(
    ("name", "task", "message"),
    [
        ("wer", CLASSES, "metric 'wer' compares transcripts, but the task here is classification; use .* such as uar$"),
        ("ccc", TEXT, "metric 'ccc' compares traces, but the task here is transcription; use another, such as wer$"),
        (
            "accuracy",
            AFFECT,
            "metric 'accuracy' compares labels, but the task here is trace; use another, such as ccc$",
        ),
    ],
)
def test_metrics_of_other_tasks(name: str, task: Task, message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        metric_of(name, Catalogue.installed(), task=task)


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("uar", CLASSES),
        ("wer", TEXT),
        ("cer", TEXT),
        ("accuracy", TEXT),
        ("rmse", AFFECT),
        ("si_sdr", AFFECT),
        ("wer", None),
    ],
)
def test_metrics_that_fit(name: str, task: Task | None) -> None:
    assert metric_of(name, Catalogue.installed(), 16000, task).card().citation
