"""What a run writes about itself can be read, recomputed and believed."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recordings import TASK, mixtures, voices

import sefront
from sefront.cli import main
from sefront.core.aggregation import Evaluation
from sefront.core.batches import load
from sefront.core.clips import MetricCard
from sefront.core.epochs import in_order
from sefront.core.evaluation import Chain, Judgement, judge
from sefront.core.experiment import Experiment
from sefront.core.lock import version
from sefront.core.run import Run
from sefront.core.types import Batch, Enhanced, Prediction
from sefront.metrics.si_sdr import SISDR
from sefront.metrics.uar import UAR

ROW = {"system", "snr", "metric", "value", "ci95", "n", "failed", "noise"}


def refused(constant: str) -> float:
    raise AssertionError(f"{constant} is not JSON")


@pytest.fixture(scope="module")
def predictions(trained: Path) -> list[dict[str, Any]]:
    lines = (trained / "predictions.jsonl").read_text().splitlines()
    return [json.loads(line, parse_constant=refused) for line in lines]


@pytest.fixture(scope="module")
def evaluation(trained: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((trained / "evaluation.json").read_text(), parse_constant=refused)
    return found


@pytest.mark.parametrize("name", ["lock.json", "log.jsonl"])
def test_everything_is_json(trained: Path, name: str) -> None:
    text = (trained / name).read_text()
    for part in text.splitlines() if name.endswith("l") else [text]:
        assert json.loads(part, parse_constant=refused)


def test_the_schema(evaluation: dict[str, Any]) -> None:
    assert set(evaluation) == {"schema", "task", "split", "rows"}
    assert evaluation["schema"] == 1
    assert evaluation["task"]["labels"] == ["high", "low"]
    assert all(set(row) == ROW for row in evaluation["rows"])
    assert {row["system"] for row in evaluation["rows"]} == {"noisy", "original", "bypass", "coupled"}
    assert {row["snr"] for row in evaluation["rows"]} == {"clean", 5.0, 0.0}
    assert {row["metric"] for row in evaluation["rows"]} == {"uar", "si_sdr", "stoi", "pesq"}
    assert {row["noise"] for row in evaluation["rows"]} == {"all", "hiss", "rumble"}


def test_which_system_has_which_metric(evaluation: dict[str, Any]) -> None:
    has: dict[str, set[str]] = {}
    for row in evaluation["rows"]:
        has.setdefault(row["system"], set()).add(row["metric"])
    signal = {"si_sdr", "stoi", "pesq"}
    assert has == {"noisy": signal, "original": {"uar"}, "bypass": {"uar"}, "coupled": {"uar", *signal}}
    clean = {row["system"] for row in evaluation["rows"] if row["snr"] == "clean"}
    assert clean == {"original", "bypass", "coupled"}


def test_intervals_are_ordered(evaluation: dict[str, Any]) -> None:
    for row in evaluation["rows"]:
        if row["ci95"] is not None:
            low, high = row["ci95"]
            assert low <= row["value"] <= high
        assert (row["value"] is None) == (row["n"] == 0)


def test_every_clip_has_a_row_of_every_system(predictions: list[dict[str, Any]]) -> None:
    keys = [(row["id"], row["snr"], row["system"]) for row in predictions]
    assert len(keys) == len(set(keys))
    assert len(keys) == 2 * (3 + 4 + 4)
    assert all((row["noise"] is None) == (row["snr"] == "clean") for row in predictions)


def test_a_row_of_a_clip(predictions: list[dict[str, Any]]) -> None:
    coupled = next(row for row in predictions if row["system"] == "coupled" and row["snr"] == 0.0)
    assert coupled["target"] in ("high", "low")
    assert coupled["prediction"] == ("high", "low")[int(np.argmax(coupled["scores"]))]
    assert sum(coupled["scores"]) == pytest.approx(1.0, abs=1e-5)
    assert coupled["loss"] == pytest.approx(
        -math.log(coupled["scores"][("high", "low").index(coupled["target"])]), rel=1e-4
    )
    assert set(coupled["signal"]) | set(coupled["failed"]) == {"si_sdr", "stoi", "pesq"}
    assert set(coupled["signal"]) & set(coupled["failed"]) == set()


def uar(rows: list[dict[str, Any]]) -> float:
    recalls = [
        np.mean([row["prediction"] == label for row in rows if row["target"] == label])
        for label in {row["target"] for row in rows}
    ]
    return 100.0 * float(np.mean(recalls))


def test_the_table_follows_from_the_rows(evaluation: dict[str, Any], predictions: list[dict[str, Any]]) -> None:
    for cell in evaluation["rows"]:
        rows = [
            row
            for row in predictions
            if (row["system"], row["snr"]) == (cell["system"], cell["snr"]) and cell["noise"] in ("all", row["noise"])
        ]
        if cell["metric"] == "uar":
            assert (cell["value"], cell["n"], cell["failed"]) == (pytest.approx(uar(rows)), len(rows), 0)
            continue
        values = [row["signal"][cell["metric"]] for row in rows if cell["metric"] in row["signal"]]
        assert (cell["n"], cell["failed"]) == (len(values), len(rows) - len(values))
        assert cell["value"] == (pytest.approx(np.mean(values)) if values else None)


def test_the_snr_of_every_test_mixture(trained: Path) -> None:
    run = sefront.open_run(trained)
    job = sefront.plan(**vars(run.experiment))
    for level in (5.0, 0.0, -5.0):
        for batch in load(job.test, in_order(job.test, 4, level)):
            assert batch.clean is not None
            noise = (batch.noisy.double() - batch.clean.double()).square().sum(1)
            ratio = 10 * torch.log10(batch.clean.double().square().sum(1) / noise)
            assert torch.allclose(ratio, torch.full_like(ratio, level), atol=1e-3)


class Halving(torch.nn.Module):
    """A frontend that makes everything quieter."""

    def forward(self, waves: torch.Tensor, lengths: torch.Tensor) -> Enhanced:
        return Enhanced(0.5 * waves)

    def loss(self, enhanced: Enhanced, batch: Batch) -> torch.Tensor:
        return torch.zeros(len(batch.ids))


class Loudness(torch.nn.Module):
    """A backend that tells loud from quiet, and cannot say how sure it is."""

    def __init__(self, bound: float = 0.05) -> None:
        super().__init__()
        self.bound = bound

    def forward(self, waves: torch.Tensor, lengths: torch.Tensor) -> Prediction:
        level = waves.square().mean(1).sqrt() - self.bound
        return Prediction(torch.stack([level, -level], dim=1))

    def loss(self, prediction: Prediction, batch: Batch) -> torch.Tensor:
        return torch.full((len(batch.ids),), math.inf)


class Fussy:
    """A metric that fails for every second clip it sees."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, truth: Any, estimate: Any, **facts: Any) -> float:
        assert facts == {"sample_rate": 16000}
        self.calls += 1
        return math.nan if self.calls % 2 else float(np.max(np.abs(estimate)) / np.max(np.abs(truth)))

    def card(self) -> MetricCard:
        return MetricCard("waves", "clip", "", (0.0, math.inf), True, "nobody")


def judged(chain: Chain, **how: Any) -> Evaluation:
    metrics = {"uar": UAR(), "fussy": Fussy()}
    rows = judge(chain, mixtures(voices(6)), Judgement(metrics, how.get("levels", [math.inf, 0.0]), jobs=1))
    from sefront.core.aggregation import aggregated

    return Evaluation(rows, aggregated(rows, metrics), metrics)


def systems(found: Evaluation) -> set[tuple[str, Any, str]]:
    return {(row["system"], row["snr"], row["metric"]) for row in found.rows}


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        (
            Chain(Halving(), None, None),
            {("noisy", 0.0, "fussy"), ("coupled", 0.0, "fussy"), ("coupled", "clean", "fussy")},
        ),
        (
            Chain(None, Loudness(), None),
            {("noisy", 0.0, "fussy"), ("coupled", 0.0, "uar"), ("coupled", "clean", "uar")},
        ),
        (
            Chain(None, Loudness(), Loudness()),
            {("noisy", 0.0, "fussy"), *((s, n, "uar") for s in ("coupled", "original") for n in (0.0, "clean"))},
        ),
        (
            Chain(Halving(), Loudness(), None),
            {
                ("noisy", 0.0, "fussy"), ("coupled", 0.0, "fussy"), ("coupled", "clean", "fussy"),
                *((s, n, "uar") for s in ("coupled", "bypass") for n in (0.0, "clean")),
            },
        ),
    ],
    ids=["frontend", "backend", "backend and original", "chain without an original"],
)  # fmt: skip
def test_systems_there_are(chain: Chain, expected: set[tuple[str, Any, str]]) -> None:
    assert systems(judged(chain)) == expected


def test_failures_are_counted_and_never_imputed() -> None:
    (cell,) = [
        row
        for row in judged(Chain(Halving(), None, None), levels=[math.inf]).rows
        if row["noise"] == "all" and row["system"] == "coupled"
    ]
    assert (cell["n"], cell["failed"]) == (3, 3)
    assert cell["value"] == pytest.approx(0.5)


def test_the_original_hears_the_mixture_and_the_backend_the_enhanced_wave() -> None:
    found = judged(Chain(Halving(), Loudness(), Loudness()), levels=[math.inf]).predictions
    scores = {system: [row["scores"] for row in found if row["system"] == system] for system in ("original", "bypass")}
    assert scores["original"] == scores["bypass"]
    assert scores["original"] != [row["scores"] for row in found if row["system"] == "coupled"]


def test_a_part_that_cannot_mask_padding_gets_clips_of_one_length() -> None:
    class Rigid(Halving):
        """A frontend for which padding is audio."""

        pads = False

        def forward(self, waves: torch.Tensor, lengths: torch.Tensor) -> Enhanced:
            assert len(set(lengths.tolist())) == 1
            return super().forward(waves, lengths)

    metrics = {"si_sdr": SISDR()}
    clips = mixtures(voices(6, [800, 1600, 1200]))
    rows = {
        part: judge(Chain(part, None, None), clips, Judgement(metrics, [0.0], jobs=1)) for part in (Rigid(), Halving())
    }
    one, other = ({(row["id"], row["system"]): row for row in found} for found in rows.values())
    assert one == other


def test_a_loss_without_a_finite_value_is_null(tmp_path: Path) -> None:
    found = judged(Chain(None, Loudness(), None))
    found.save(tmp_path)
    for line in (tmp_path / "predictions.jsonl").read_text().splitlines():
        row = json.loads(line, parse_constant=refused)
        assert "loss" not in row or row["loss"] is None


def test_judging_does_not_depend_on_the_number_of_processes() -> None:
    chain, metrics = Chain(Halving(), None, None), {"si_sdr": SISDR()}
    rows = [judge(chain, mixtures(voices(4)), Judgement(metrics, [0.0], jobs=jobs)) for jobs in (1, 2)]
    assert len(rows[0]) == 8
    assert rows[0] == rows[1]


def test_the_log_and_the_experiment(trained: Path) -> None:
    records = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    assert [(record["phase"], record["epoch"]) for record in records] == [("frontend", 1), ("backend", 1), ("joint", 1)]
    assert {"loss_frontend", "loss_backend", "weight_entropy", "weight_max", "norm_frontend", "score"} <= set(
        records[-1]
    )
    experiment = Experiment.read(trained / "experiment.toml")
    assert experiment.corpus.startswith("folder:/")
    assert experiment.options["frontend.width"] == 1


def test_the_lock(trained: Path, audio: Path) -> None:
    lock = json.loads((trained / "lock.json").read_text())
    assert lock["seed"] == 0
    assert lock["packages"]["sefront"] == sefront.__version__
    assert "couple" in lock["command"] or lock["command"]
    assert set(lock["data"]) == {"train", "valid", "test"}
    assert lock["data"]["train"]["clips"] == 12
    assert len({each["blake2b"] for each in lock["data"].values()}) == 3
    assert lock["trained"] >= lock["created"]


def test_a_package_that_is_missing() -> None:
    assert version("sefront-of-nobody") == "not installed"


def test_the_table_of_a_run(trained: Path) -> None:
    lines = sefront.open_run(trained).table().splitlines()
    assert lines[0].split() == ["metric", "system", "clean", "5", "dB", "0", "dB", "average"]
    assert [line.split()[:3] for line in lines[1:4]] == [["uar", "[%]", s] for s in ("original", "bypass", "coupled")]
    assert any(line.startswith("at 0 dB") for line in lines)


def test_a_run_that_was_never_judged(trained: Path) -> None:
    run = sefront.open_run(trained)
    run.path = trained.parent / "elsewhere"
    with pytest.raises(sefront.core.errors.SefrontError, match=r"elsewhere: not judged yet; use `sefront evaluate"):
        run.table()


def test_the_parts_of_a_run(trained: Path) -> None:
    run = sefront.open_run(trained)
    assert isinstance(run, Run)
    assert run.task is not None
    assert run.task.labels == ("high", "low")
    assert isinstance(run.frontend, torch.nn.Module)
    assert isinstance(run.backend, torch.nn.Module)
    assert isinstance(run.original, torch.nn.Module)
    assert not any(module.training for part in (run.frontend, run.backend, run.original) for module in part.modules())


def test_a_scene_has_signal_metrics() -> None:
    clips = mixtures(voices(2), task=replace(TASK, wanted="scene"))
    rows = judge(Chain(Halving(), None, None), clips, Judgement({"si_sdr": SISDR()}, [0.0], jobs=1))
    assert all("si_sdr" in row["signal"] for row in rows)


def listed(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "mixtures.jsonl").read_text().splitlines()]


def test_the_list_of_the_test_mixtures(trained: Path, predictions: list[dict[str, Any]]) -> None:
    rows = listed(trained)
    assert all(
        list(row) == ["id", "clean", "noise", "offset", "snr", "measured_snr", "seed"] and row["id"] == row["clean"]
        for row in rows
    )
    noisy = {(row["id"], row["snr"]) for row in predictions if row["snr"] != "clean"}
    assert [(row["id"], row["snr"]) for row in rows] == sorted(noisy, key=lambda key: (-key[1], key[0]))
    assert max(abs(row["measured_snr"] - row["snr"]) for row in rows) < 1e-3


@pytest.fixture(scope="module")
def another(audio: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of another mode, frontend and seed on the same data as `trained`."""
    out = tmp_path_factory.mktemp("runs") / "another"
    words = ("--mode", "augment", "--frontend", "identity", "--seed", "5", "-o", "backend.width=2", "--epochs", "1")
    corpora = ("--corpus", str(audio / "speech"), "--noise", str(audio / "noise"), "--test-snr", "5,0")
    conditions = ("-o", "mixing.degrade=packet_loss", "-o", "test_mixing.degrade=")
    assert main(["couple", *words, *corpora, *conditions, "--device", "cpu", "--out", str(out)]) == 0
    return out


def test_runs_on_the_same_data_have_the_same_list(trained: Path, another: Path) -> None:
    assert (trained / "mixtures.jsonl").read_bytes() == (another / "mixtures.jsonl").read_bytes()
    options = Experiment.read(another / "experiment.toml").options
    assert (options["mixing.degrade"], options["test_mixing.degrade"]) == (["packet_loss"], [])


def test_judging_on_the_mixtures_of_another_run(trained: Path, another: Path, tmp_path: Path) -> None:
    before = (another / "evaluation.json").read_bytes()
    words = ("evaluate", str(another), "--mixtures", str(trained), "--out", str(tmp_path / "same"))
    assert main(list(words)) == 0
    assert (tmp_path / "same" / "evaluation.json").read_bytes() == before
    moved = [
        {**row, "offset": round(8000 * row["offset"]) / 16000, "mixing": {"degrade": ["clip"]}}
        for row in listed(trained)
    ]
    (tmp_path / "moved.jsonl").write_text("".join(json.dumps(row) + "\n" for row in moved))
    words = ("evaluate", str(another), "--mixtures", str(tmp_path / "moved.jsonl"), "--out", str(tmp_path / "other"))
    assert main(list(words)) == 0
    assert [(row["id"], row["offset"]) for row in listed(tmp_path / "other")] == [(r["id"], r["offset"]) for r in moved]
    assert listed(tmp_path / "other")[0]["mixing"] == {"degrade": ["clip"]}
    assert (tmp_path / "other" / "evaluation.json").read_bytes() != before
    assert (another / "evaluation.json").read_bytes() == before


def test_other_mixtures_never_replace_the_runs_own_evaluation(another: Path, trained: Path) -> None:
    before = (another / "mixtures.jsonl").stat().st_mtime_ns
    assert main(["evaluate", str(another), "--mixtures", str(trained)]) == 0
    assert (another / "mixtures.jsonl").stat().st_mtime_ns == before


def test_a_finished_run_under_other_conditions(another: Path, tmp_path: Path) -> None:
    words = ("evaluate", str(another), "-o", "test_mixing.noises=2", "--test-snr", "0", "--out", str(tmp_path))
    assert main(list(words)) == 0
    assert {len(row["noise"]) for row in listed(tmp_path)} == {2}
    assert {row["noise"] for row in json.loads((tmp_path / "evaluation.json").read_text())["rows"]} == {
        "all",
        "several",
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--mixtures", "{tmp}"), "mixtures.jsonl: no such file; name a list of mixtures"),
        (("--mixtures", "{run}", "--split", "valid"), "mixes clips that are not among those to be judged: "),
        (("--mixtures", "{run}", "--test-snr", "20"), "has no mixture at 20 dB of clips that are to be judged: "),
        (("-o", "test_mixing.nosies=2"), "test_mixing has no option 'nosies'; did you mean 'noises'?"),
        (("-o", "mixing.noises=2"), "mixing.noises does not change what the run decides"),
    ],
)
def test_lists_that_do_not_fit_a_run(
    another: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    assert main(["evaluate", str(another), *(word.format(tmp=tmp_path, run=another) for word in words)]) == 2
    assert message in capsys.readouterr().err
