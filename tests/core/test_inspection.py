"""What the kept samples say: ranks, answers, and labels that are probably wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sefront.core.errors import SefrontError
from sefront.core.inspection import Sample, inspected, phases_in, ranked

LABELS = ("joy", "rage", "calm")
TARGETS = {"a": "joy", "b": "rage", "c": "calm", "d": "joy"}


def written(run: Path, **phases: Sequence[Mapping[str, Any]]) -> Path:
    """A run folder with samples: a list of epochs for each phase, each with columns."""
    (run / "samples").mkdir()
    log = [{"phase": name, "epoch": i + 1} for name, epochs in phases.items() for i in range(len(epochs))]
    (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    for name, epochs in phases.items():
        whole = [{"epoch": i + 1, **standard(columns), **columns} for i, columns in enumerate(epochs)]
        if any(len(columns) for columns in epochs):
            text = "".join(json.dumps(line) + "\n" for line in whole)
            (run / "samples" / f"{name}.jsonl").write_text(text)
    return run


def standard(columns: Mapping[str, Any]) -> dict[str, Any]:
    count = len(columns.get("id", TARGETS))
    return {"step": [1] * count, "id": list(TARGETS)[:count], "snr": [10.0] * count}


def answering(*epochs: str) -> list[dict[str, Any]]:
    """An epoch for each word, whose letters are the initials of what was answered to a, b, c and d."""
    initials = [label[0] for label in LABELS]
    return [{"answer": [initials.index(x) for x in word], "task_loss": [1.0] * len(word)} for word in epochs]


def found_in(run: Path, **options: Any) -> dict[str, Sample]:
    return {sample.id: sample for sample in inspected(run, LABELS, TARGETS, **options)}


def test_answers_and_the_hard_index(tmp_path: Path) -> None:
    found = found_in(written(tmp_path, backend=answering("jrcr", "jjcr", "jrrr", "jjrr")))
    assert {name: (s.wrong, s.presented, s.hard_index) for name, s in found.items()} == {
        "a": (0, 4, 0.0), "b": (2, 4, 1.0), "c": (2, 4, 1.0), "d": (4, 4, 1.0),
    }  # fmt: skip
    assert found["b"].answers == {"rage": 2, "joy": 2}
    assert found["c"].answers == {"calm": 2, "rage": 2}
    assert [s.label for s in found.values()] == ["joy", "rage", "calm", "joy"]


@pytest.mark.parametrize(
    ("epochs", "suspect"),
    [
        (["rrrr"] * 4, "rage"),
        (["jjjj", "cccc", "rrrr", "rrrr"], "rage"),
        (["rrrr", "rrrr", "cccc", "rrrr"], None),
        (["rrrr", "rrrr", "jjjj", "rrrr"], None),
        (["jjjj"] * 4, None),
        (["rrrr"] * 3, None),
        (["jjjj", "jjjj", "rrrr", "rrrr", "rrrr"], "rage"),
    ],
    ids=["always", "late", "two others", "right once", "always right", "too few", "odd"],
)
def test_a_label_is_suspect_where_all_late_answers_name_another(
    epochs: list[str], suspect: str | None, tmp_path: Path
) -> None:
    assert found_in(written(tmp_path, backend=answering(*epochs)))["a"].suspect == suspect


def test_losses_and_snr(tmp_path: Path) -> None:
    epochs = [
        {"id": ["a", "b"], "task_loss": [1.0, None], "snr": [0.0, None]},
        {"id": ["b", "a"], "task_loss": [2.0, 3.0], "snr": [None, 10.0]},
    ]
    found = found_in(written(tmp_path, joint=epochs))
    assert (found["a"].losses, found["a"].loss, found["a"].snr) == ([1.0, 3.0], 2.0, 5.0)
    assert (found["b"].losses, found["b"].loss, found["b"].snr) == ([None, 2.0], 2.0, None)
    assert (found["a"].wrong, found["a"].hard_index, found["a"].answers) == (None, None, {})


# Importance


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [
        ([{"weight": [0.25] * 4}] * 3, [3, 3, 3, 3]),
        ([{"weight": [0.1, 0.2, 0.3, 0.4]}], [0.4, 0.8, 1.2, 1.6]),
        ([{"step": [1, 1, 1, 2], "weight": [1 / 3, 1 / 3, 1 / 3, 1.0]}], [1, 1, 1, 1]),
        ([{"step": [1, 1, 2, 2], "weight": [0.1, 0.9, 0.5, 0.5]}], [0.2, 1.8, 1.0, 1.0]),
        ([{"weight": [0.025, 0.05, 0.075, 0.1]}], [0.4, 0.8, 1.2, 1.6]),
        ([{"step": [1, 2, 3, 4], "weight": [0.5, 1.5, 1.0, 1.0]}], [0.5, 1.5, 1, 1]),
        ([{"weight": [0.0] * 4}], [1, 1, 1, 1]),
        ([{"weight": [None, 0.5, 0.25, 0.25]}], [0, 2, 1, 1]),
    ],
    ids=[
        "uniform",
        "linear",
        "uneven batches",
        "two steps",
        "equation 3 to the letter",
        "running",
        "none",
        "not finite",
    ],
)
def test_importance_is_one_an_epoch_where_all_weigh_alike(
    epochs: list[dict[str, Any]], expected: list[float], tmp_path: Path
) -> None:
    found = found_in(written(tmp_path, joint=epochs))
    assert [sample.importance for sample in found.values()] == pytest.approx(expected)


# Phases


def test_the_phase_that_weighs_is_looked_at(tmp_path: Path) -> None:
    weighing = [{"weight": [0.1, 0.2, 0.3, 0.4]}]
    run = written(tmp_path, frontend=[{}], backend=answering("jrcj"), joint=weighing, last=answering("rrrr"))
    assert phases_in(run) == ["backend", "joint", "last"]
    assert found_in(run)["a"].importance == pytest.approx(0.4)
    assert found_in(run, chosen="backend")["a"].answers == {"joy": 1}


def test_the_last_phase_with_all_clips_is_looked_at(tmp_path: Path) -> None:
    run = written(tmp_path, backend=answering("jrcj"), joint=answering("rrrr"), joint_hard=answering("cccc"))
    assert found_in(run)["a"].answers == {"rage": 1}


def test_branches_are_looked_at_together(tmp_path: Path) -> None:
    run = written(
        tmp_path, one=answering("rjcj", "rrcj", "rrcj", "rjcj"), one_hard=answering("rr"),
        two=answering("rrcc", "rrcr", "rrcr", "rjcr"),
    )  # fmt: skip
    found = found_in(run, branches=["one", "two"])
    assert (found["a"].presented, found["a"].wrong, found["a"].answers) == (8, 8, {"rage": 8})
    assert (found["a"].hard_index, found["a"].suspect) == (1.0, "rage")
    assert (found["b"].hard_index, found["b"].wrong, found["b"].suspect) == (1.0, 3, None)
    assert (found["d"].hard_index, found["d"].suspect, found["d"].wrong) == (0.5, None, 4)
    assert len(found["d"].losses) == 8


def test_a_clip_that_one_branch_lacks(tmp_path: Path) -> None:
    one, two = {"id": ["a"], "answer": [0]}, {"id": ["b", "a"], "answer": [0, 0]}
    found = found_in(written(tmp_path, one=[one], two=[two]), branches=["one", "two"])
    assert {name: (s.presented, s.wrong) for name, s in found.items()} == {"a": (2, 0), "b": (1, 1)}


def test_nothing_was_kept(tmp_path: Path) -> None:
    run = written(tmp_path, frontend=[{}])
    (run / "samples" / "frontend.jsonl").unlink(missing_ok=True)
    with pytest.raises(
        SefrontError, match=r": has kept nothing of its samples; only a run that trains a backend does$"
    ):
        phases_in(run)


def test_a_phase_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r" has no phase 'backnd'; did you mean 'backend'\?"):
        found_in(written(tmp_path, backend=answering("jrcj")), chosen="backnd")


# Ranks


def samples() -> list[Sample]:
    return [
        Sample("a", losses=[1.0], hard_index=0.2, importance=1.0),
        Sample("b", losses=[2.0], hard_index=0.9, importance=0.5),
        Sample("c", losses=[3.0], hard_index=0.2, importance=1.0),
        Sample("d", losses=[3.0], hard_index=0.2, importance=1.0),
    ]


@pytest.mark.parametrize(("by", "expected"), [(None, "cdab"), ("weight", "cdab"), ("hard", "bcda"), ("loss", "cdba")])
def test_ranks(by: Any, expected: str) -> None:
    assert "".join(sample.id for sample in ranked(samples(), by)) == expected


def test_the_first_rank_that_is_known() -> None:
    bare = [Sample("a", losses=[1.0]), Sample("b", losses=[4.0]), Sample("c")]
    assert [sample.id for sample in ranked(bare)] == ["b", "a", "c"]
    with pytest.raises(SefrontError, match=r"^--by hard: this phase knows nothing of the kind; it knows loss$"):
        ranked(bare, "hard")
    with pytest.raises(SefrontError, match=r"^there is no rank 'losss'; did you mean 'loss'\?"):
        ranked(bare, "losss")  # type: ignore[arg-type]
    assert ranked([Sample("z"), Sample("y")])[0].id == "y"


def test_everything_as_a_dictionary() -> None:
    assert samples()[0].as_dict() == {
        "id": "a", "label": None, "speaker": None, "presented": 0, "wrong": None, "hard_index": 0.2, "importance": 1.0,
        "snr": None, "losses": [1.0], "answers": {}, "suspect": None, "loss": 1.0,
    }  # fmt: skip
