"""The contract of metrics, with examples of labels, waves, transcripts and traces."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, get_args, get_type_hints

import numpy as np

from sefront.core.clips import MetricCard
from sefront.core.protocols import Additive, Metric
from sefront.testing.constructor import built, check_citation, check_constructor, check_rebuild
from sefront.testing.material import RATE, harmonics, noise
from sefront.testing.verdict import ConformanceError, require

NEAR = 1e-3  # how close identity comes to the best bound, as a share of it

Example = tuple[Any, Sequence[Any]]  # a truth, and estimates of it that are worse


def check_metric(component: type, /, **options: Any) -> None:
    """Check a metric that is built with `options`.

    Raises:
        ConformanceError: It breaks the contract.
    """
    check_constructor(component, 0)
    metric = built(component, options=options)
    require(isinstance(metric, Metric), component, "lacks methods of Metric: __call__ and card")
    card = metric.card()
    check_metric_card(component, card)
    check_citation(component, card)
    examples = {"labels": labels, "waves": waves, "transcripts": transcripts, "traces": traces}
    if card.compares not in examples:
        return
    truth, estimates = examples[card.compares]()
    facts = {"sample_rate": RATE} if card.compares == "waves" else {}
    check_identity(component, metric, truth, facts)
    check_estimates(component, metric, truth, estimates, facts)
    if card.compares in ("transcripts", "traces") and card.over == "set":
        check_sums(component, metric, truth, estimates)

    def same(one: Any, other: Any) -> bool:
        return repr([one(truth, e, **facts) for e in estimates]) == repr([other(truth, e, **facts) for e in estimates])

    check_rebuild(component, options=options, same=same)


def labels() -> Example:
    """Class ids, and estimates with one and with all of them wrong."""
    truth = [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    return truth, [[1, *truth[1:]], [(label + 1) % 4 for label in truth]]


def waves() -> Example:
    """Three seconds of bursts, and what noise of 26 and of 6 dB less than full scale makes of them."""
    truth = harmonics(3 * RATE, 1)
    estimates = [truth + gain * noise(len(truth)) for gain in (1.0, 10.0)]
    return truth.numpy(), [estimate.clamp(-1, 1).numpy() for estimate in estimates]


def transcripts() -> Example:
    """Texts, one of them empty, and estimates with one error and with nothing right."""
    truth = ["the cat sat on the mat", "yes", ""]
    return truth, [["the cat sat on a mat", "yes", ""], ["", "no", "one two"]]


def traces() -> Example:
    """Two dimensions along recordings of 50 and of 80 frames, and estimates that are noisy and that run against it."""
    phases = np.array([0.0, 1.0], dtype=np.float32)
    truth = [0.5 * np.sin(0.1 * np.arange(frames, dtype=np.float32)[:, None] + phases) for frames in (50, 80)]
    noisy = [trace + 4 * noise(*trace.shape, seed=i).numpy() for i, trace in enumerate(truth)]
    return truth, [noisy, [0.2 - trace for trace in truth]]


def check_metric_card(component: type, card: Any) -> None:
    """The card says what is compared and how to read the number."""
    require(isinstance(card, MetricCard), component, f"its card is a {type(card).__name__}, not a MetricCard")
    hints = get_type_hints(MetricCard)
    for name in ("compares", "over", "of"):
        value, known = getattr(card, name), get_args(hints[name])
        require(value in known, component, f"its card {name} '{value}', which is none of {', '.join(known)}")
    low, high = card.bounds
    require(low < high, component, f"its bounds are {card.bounds}; the smallest value comes first")


def called(component: type, metric: Any, truth: Any, estimate: Any, facts: Mapping[str, Any]) -> float:
    """The value, a float within its bounds or nan."""
    copies = deepcopy((truth, estimate))
    try:
        value = metric(truth, estimate, **facts)
    except TypeError as error:
        raise ConformanceError(
            f"{component.__name__}: cannot be called as metric(truth, estimate, **facts): {error}"
        ) from error
    require(type(value) is float, component, f"returns a {type(value).__name__}; a metric returns a float")
    untouched = alike(copies[0], truth) and alike(copies[1], estimate)
    require(untouched, component, "changes what it was given; work on a copy")
    low, high = metric.card().bounds
    inside = math.isnan(value) or low - NEAR <= value <= high + NEAR
    require(inside, component, f"returns {value:g}, which is outside its bounds {low:g} to {high:g}")
    return float(value)


def alike(one: Any, other: Any) -> bool:
    """Whether two truths or estimates are the same, item by item."""
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    return len(one) == len(other) and all(map(np.array_equal, one, other))


def check_identity(component: type, metric: Any, truth: Any, facts: Mapping[str, Any]) -> None:
    """Nothing is better than the truth itself."""
    value, card = called(component, metric, truth, truth, facts), metric.card()
    best = card.bounds[1] if card.higher_is_better else card.bounds[0]
    require(
        value == best or math.isclose(value, best, rel_tol=NEAR, abs_tol=NEAR), component,
        f"gives {value:g} when the estimate is the truth, where its card promises {best:g}; is higher_is_better right?",
    )  # fmt: skip


def check_estimates(
    component: type, metric: Any, truth: Any, estimates: Sequence[Any], facts: Mapping[str, Any]
) -> None:
    """Any other estimate is worse than the truth, and has the same value each time."""
    values = [called(component, metric, truth, estimate, facts) for estimate in (truth, *estimates)]
    again = [called(component, metric, truth, estimate, facts) for estimate in (truth, *estimates)]
    same = repr(values) == repr(again)  # nan is nan
    require(same, component, f"gives {again} after {values} for the same estimates")
    sign = 1 if metric.card().higher_is_better else -1
    best, *others = [sign * value for value in values]
    require(
        all(other < best for other in others if not math.isnan(other)), component,
        f"gives {values} for the truth and two estimates that are worse; is higher_is_better right?",
    )  # fmt: skip


def check_sums(component: type, metric: Any, truth: Sequence[Any], estimates: Sequence[Any]) -> None:
    """The value of a set follows from the sum of what is counted in its clips, so that intervals can be had."""
    require(
        isinstance(metric, Additive), component,
        "lacks methods of Additive: counts and value, from whose sums over clips intervals follow",
    )  # fmt: skip
    for estimate in (truth, *estimates):
        counts = [np.asarray(metric.counts(*pair), dtype=np.float64) for pair in zip(truth, estimate, strict=True)]
        shapes = {count.shape for count in counts}
        require(len(shapes) == 1, component, f"counts {' and '.join(map(str, sorted(shapes)))} numbers in two clips")
        value, summed = metric(truth, estimate), metric.value(np.sum(counts, axis=0))
        require(
            math.isclose(summed, value, rel_tol=NEAR, abs_tol=NEAR), component,
            f"gives {value:g} for a set, but {summed:g} from the sum of its clips' counts",
        )  # fmt: skip
