"""Fused scores, computed by hand."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from sefront.core.clips import Task
from sefront.core.errors import SefrontError
from sefront.core.fusion import FUSIONS, check_fusible, fuse_scores, fused_rows, normalised

TASK = Task("classification", ("a", "b"), "uar")
TRACE = Task("trace", ("x", "y"), "ccc", frame_rate=25.0)
ONE, OTHER, THIRD = [0.8, 0.2], [0.5, 0.5], [0.1, 0.9]


def test_the_mean_of_two() -> None:
    np.testing.assert_allclose(fuse_scores([(ONE, 1.0), (OTHER, 1.0)]), [0.65, 0.35], rtol=1e-15)
    np.testing.assert_allclose(fuse_scores([(ONE, 0.75), (OTHER, 0.25)]), [0.725, 0.275], rtol=1e-15)


def test_the_logarithms_of_two() -> None:
    # sqrt(0.8 * 0.5) : sqrt(0.2 * 0.5) = 2 : 1
    np.testing.assert_allclose(fuse_scores([(ONE, 1.0), (OTHER, 1.0)], "log"), [2 / 3, 1 / 3], rtol=1e-14)
    # 0.8^0.25 * 0.1^0.75 : 0.2^0.25 * 0.9^0.75 = 4^0.25 : 9^0.75
    share = 4**0.25 / (4**0.25 + 9**0.75)
    np.testing.assert_allclose(fuse_scores([(ONE, 1.0), (THIRD, 3.0)], "log"), [share, 1 - share], rtol=1e-14)


def test_the_two_fusions_can_decide_differently() -> None:
    sure, doubtful = [0.001, 0.999], [0.6, 0.4]
    members = [(sure, 1.0), (doubtful, 2.0)]
    assert fuse_scores(members).argmax() == fuse_scores(members, "log").argmax() == 1
    members = [(sure, 1.0), (doubtful, 20.0)]
    assert (fuse_scores(members).argmax(), fuse_scores(members, "log").argmax()) == (0, 0)
    members = [(sure, 1.0), (doubtful, 6.0)]
    assert (fuse_scores(members).argmax(), fuse_scores(members, "log").argmax()) == (0, 1)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_weights_count_by_their_share(fusion: str) -> None:
    small, large = ([(ONE, f * 0.25), (OTHER, f * 0.75)] for f in (1, 1024))
    np.testing.assert_array_equal(fuse_scores(small, fusion), fuse_scores(large, fusion))


@pytest.mark.parametrize("fusion", FUSIONS)
def test_one_member_is_the_identity(fusion: str) -> None:
    np.testing.assert_allclose(fuse_scores([(ONE, 7.0)], fusion), ONE, rtol=1e-15)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_equal_members_are_the_identity(fusion: str) -> None:
    np.testing.assert_allclose(fuse_scores([(THIRD, 0.2), (THIRD, 3.0), (THIRD, 1.0)], fusion), THIRD, rtol=1e-14)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_weight_of_zero_leaves_a_member_out(fusion: str) -> None:
    np.testing.assert_allclose(fuse_scores([(ONE, 1.0), ([1.0, 0.0], 0.0)], fusion), ONE, rtol=1e-15)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_order_does_not_matter(fusion: str) -> None:
    members = [(ONE, 0.5), (OTHER, 0.3), (THIRD, 0.2)]
    found = [fuse_scores(several, fusion) for several in permutations(members)]
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-14)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_posteriors_make_posteriors(fusion: str) -> None:
    rng = np.random.default_rng(0)
    members = [(rng.dirichlet(np.ones(5), (2, 3)).astype(np.float32), weight) for weight in (0.1, 2.0, 0.7)]
    fused = fuse_scores(members, fusion)
    assert fused.shape == (2, 3, 5)
    np.testing.assert_allclose(fused.sum(-1), 1.0, rtol=1e-6)
    assert (fused > 0).all()


def test_posteriors_of_zero() -> None:
    np.testing.assert_allclose(fuse_scores([([1.0, 0.0], 1.0), ([0.0, 1.0], 1.0)], "log"), [0.5, 0.5], rtol=1e-15)
    np.testing.assert_array_equal(fuse_scores([([1.0, 0.0], 1.0), ([1.0, 0.0], 1.0)], "log") > 0.5, [True, False])


def test_traces_are_averaged() -> None:
    members = [([[-1.0], [2.0]], 1.0), ([[0.0], [4.0]], 1.0)]
    np.testing.assert_array_equal(fuse_scores(members), [[-0.5], [3.0]])
    with pytest.raises(ValueError, match=r"fusion 'log' takes posteriors, but some scores are negative; use 'mean'"):
        fuse_scores(members, "log")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((1.0, -0.5), r"weights are 1, -0\.5; give numbers of at least 0, one of them above 0"),
        ((0.0, 0.0), r"weights are 0, 0; give numbers"),
        ((math.nan, 1.0), r"weights are nan, 1; give numbers"),
        ((math.inf, 1.0), r"weights are inf, 1; give numbers"),
    ],
)
def test_weights_that_are_none(weights: tuple[float, float], message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        fuse_scores(list(zip((ONE, OTHER), weights, strict=True)))


def test_mistakes() -> None:
    with pytest.raises(SefrontError, match=r"there is no fusion 'means'; did you mean 'mean'\? \(known: log, mean\)"):
        fuse_scores([(ONE, 1.0)], "means")
    with pytest.raises(ValueError, match=r"scores must be of one shape, but are \(2,\), \(3,\)"):
        fuse_scores([(ONE, 1.0), ([0.2, 0.3, 0.5], 1.0)])


def row(name: str, scores: list[float | None], **facts: Any) -> dict[str, Any]:
    return {"id": name, "snr": 0.0, "noise": "hum", "target": "b", "system": "x", "scores": scores, **facts}


def test_the_rows_of_clips() -> None:
    one = [row("1", [0.9, 0.1]), row("2", [0.25, 0.75]), row("3", [1.0, 0.0])]
    other = [row("3", [1.0, 0.0]), row("2", [0.75, 0.25]), row("1", [0.2, 0.8])]
    first, second, third = fused_rows([(one, 0.25), (other, 0.75)], "mean", TASK)
    assert first == {
        "id": "1", "snr": 0.0, "noise": "hum", "system": "fused", "target": "b", "prediction": "b",
        "scores": pytest.approx([0.375, 0.625]), "loss": pytest.approx(-math.log(0.625)),
    }  # fmt: skip
    assert (second["id"], second["prediction"], second["scores"]) == ("2", "a", pytest.approx([0.625, 0.375]))
    assert (third["prediction"], third["loss"]) == ("a", None)  # -ln 0 is not JSON


@pytest.mark.parametrize("fusion", FUSIONS)
def test_scores_without_a_finite_value_stay_so(fusion: str) -> None:
    (found,) = fused_rows([([row("1", [None, 0.5])], 1.0), ([row("1", [0.5, 0.5])], 1.0)], fusion, TASK)
    assert found["scores"][0] is None


def test_no_rows() -> None:
    assert fused_rows([([], 1.0), ([], 1.0)], "log", TASK) == []


def test_traces_are_averaged_over_the_frames_that_all_have() -> None:
    truth = np.zeros((3, 2))
    one, other = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 4.0]])
    rows = [[{"id": "1", "snr": 0.0, "noise": "hum", "target": truth[: len(x)], "prediction": x}] for x in (one, other)]
    (found,) = fused_rows([(rows[0], 1.0), (rows[1], 3.0)], "mean", TRACE)
    np.testing.assert_allclose(found["prediction"], [[2.5, 3.0], [0.5, 3.0]])
    assert found["target"].shape == (2, 2)
    assert (found["system"], found["loss"]) == ("fused", None)


def test_what_cannot_be_fused() -> None:
    check_fusible(TASK, "log")
    check_fusible(TRACE, "mean")
    with pytest.raises(SefrontError, match=r"^fusion 'log' is about posteriors, but these runs predict traces; leave"):
        check_fusible(TRACE, "log")
    with pytest.raises(SefrontError, match=r"^transcripts cannot be fused, only labels and traces; judge these runs"):
        check_fusible(Task("transcription", ("", "a"), "wer"), "mean")


def test_members_judged_on_different_clips() -> None:
    one, other = [row("1", ONE), row("2", ONE)], [row("1", ONE), row("3", ONE)]
    for members in ([(one, 1.0), (other, 1.0)], [(one, 1.0), (one[:1], 1.0)]):
        with pytest.raises(SefrontError, match=r"(2 clips were|1 clip was) judged for some members only; see"):
            fused_rows(members, "mean", TASK)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([], r"there are no weights for 2 members; give one for each"),
        ([1.0], r"there is one weight \(1\) for 2 members"),
        ([1.0, 0.5, 2.0], r"there are 3 weights \(1, 0\.5, 2\) for 2 members"),
    ],
)
def test_too_few_or_many_weights(weights: list[float], message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        normalised(weights, 2)
