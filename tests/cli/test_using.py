"""``sefront evaluate`` and ``predict``: using a trained run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from recordings import SMALL, noise_folder, speech_folder, voice

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def augmented(audio: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of mode ``augment``, which has no original."""
    from sefront.cli import main

    out = tmp_path_factory.mktemp("runs") / "augmented"
    corpora = ("--corpus", str(audio / "speech"), "--noise", str(audio / "noise"))
    assert main(["couple", *SMALL, *corpora, "--mode", "augment", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def deaf(audio: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of mode ``frontend_only``, which has no backend."""
    from sefront.cli import main

    out = tmp_path_factory.mktemp("runs") / "deaf"
    corpora = ("--corpus", str(audio / "speech"), "--noise", str(audio / "noise"))
    assert main(["couple", *SMALL, *corpora, "--mode", "frontend_only", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def decoding(audio: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of mode ``cold_cascade`` whose frontend enhances otherwise with other options."""
    from sefront.cli import main

    out = tmp_path_factory.mktemp("runs") / "decoding"
    corpora = ("--corpus", str(audio / "speech"), "--noise", str(audio / "noise"))
    small = ("-o", "backend.width=2", "--epochs", "1", "--test-snr", "0", "--device", "cpu", "--precision", "32")
    words = ("--frontend", "spectral_subtraction", "--mode", "cold_cascade", "--out", str(out))
    assert main(["couple", *small, *corpora, *words]) == 0
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows(out: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(out)
    return found


def test_evaluating_again_gives_the_same(trained: Path, run_here: Run) -> None:
    before = contents(trained)
    code, out, err = run_here("evaluate", str(trained), "--json")
    assert code == 0, err
    assert contents(trained) == before
    expected = json.loads((trained / "evaluation.json").read_text())["rows"]
    assert rows(out) == [{"run": str(trained), **row} for row in expected]


@pytest.mark.parametrize(
    "asked",
    [
        ("--test-snr", "-5"),
        ("--metrics", "accuracy,si_sdr"),
        ("--split", "all"),
        ("--noise", "{more}"),
        ("--corpus", "{audio}/speech/low/..", "--split", "train"),
        ("--original", "{run}"),
    ],
)
def test_something_else_does_not_overwrite(
    trained: Path, audio: Path, tmp_path: Path, run_here: Run, asked: tuple[str, ...]
) -> None:
    noise_folder(tmp_path / "more", seed=50)
    before = contents(trained)
    filled = [word.format(more=tmp_path / "more", audio=audio, run=trained) for word in asked]
    code, out, err = run_here("evaluate", str(trained), *filled)
    assert code == 0, err
    assert out.startswith(f"{trained}\n\nmetric ")
    assert contents(trained) == before


def test_what_was_asked_for_is_scored(trained: Path, run_here: Run) -> None:
    asked = ("--test-snr", "-5,20", "--metrics", "accuracy", "--split", "all", "--json")
    code, out, _ = run_here("evaluate", str(trained), *asked)
    assert code == 0
    found = rows(out)
    assert {row["snr"] for row in found} == {"clean", -5.0, 20.0}
    assert {row["metric"] for row in found} == {"accuracy"}
    assert {row["n"] for row in found if row["noise"] == "all"} == {16}


def test_rows_go_where_they_are_wanted(trained: Path, augmented: Path, run_here: Run, here: Path) -> None:
    code, _, err = run_here("evaluate", str(trained), str(augmented), "--test-snr", "3", "--out", "scores")
    assert code == 0, err
    assert sorted(path.name for path in (here / "scores").iterdir()) == ["augmented", "trained"]
    assert json.loads((here / "scores" / "trained" / "evaluation.json").read_text())["schema"] == 1


def test_the_original_of_another_run(trained: Path, augmented: Path, run_here: Run) -> None:
    def systems(*words: str) -> set[object]:
        code, out, err = run_here("evaluate", str(augmented), "--metrics", "uar", "--json", *words)
        assert code == 0, err
        return {row["system"] for row in rows(out)}

    assert systems() == {"coupled"}
    assert systems("--original", str(trained)) == {"coupled", "original"}


def test_a_run_without_an_original_cannot_lend_one(trained: Path, augmented: Path, run_here: Run) -> None:
    code, _, err = run_here("evaluate", str(augmented), "--original", str(augmented))
    assert code == 2
    assert "mode 'augment' has no clean-trained backend to serve as the original; name a run of baseline" in err


def test_nothing_but_damaged_files(trained: Path, run_here: Run, here: Path) -> None:
    Path("b.wav").write_text("no audio")
    code, out, err = run_here("enhance", "b.wav", "-o", "out", "--frontend", "identity")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == "sefront: nothing was enhanced; 1 damaged clip was left out"
    code, out, err = run_here("predict", str(trained), "b.wav")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == "sefront: nothing was predicted; 1 damaged clip was left out"


def test_a_run_without_a_frontend_cannot_enhance(augmented: Path, audio: Path, run_here: Run, here: Path) -> None:
    file = str(audio / "speech" / "low" / "00.wav")
    code, _, err = run_here("enhance", file, "-o", "out", "--run", str(augmented))
    assert (code, err) == (2, "sefront: there is no frontend to enhance with; couple one, in a mode that uses it\n")


def test_a_run_without_a_backend_cannot_predict(deaf: Path, audio: Path, run_here: Run) -> None:
    code, out, err = run_here("predict", str(deaf), str(audio / "speech" / "low" / "00.wav"))
    assert (code, out) == (2, "")
    assert err == "sefront: there is no backend to predict with; couple one, in a mode that uses it\n"


def test_predicting(trained: Path, audio: Path, run_here: Run) -> None:
    code, out, _ = run_here("predict", str(trained), str(audio / "speech"))
    assert code == 0
    lines = [line.split("\t") for line in out.splitlines()]
    assert len(lines) == 16
    assert {label for _, label, _ in lines} <= {"high", "low"}
    assert all(0.5 <= float(score) <= 1.0 for *_, score in lines)


def test_predicting_as_json(trained: Path, here: Path, run_here: Run) -> None:
    soundfile.write("a b.wav", np.stack([voice(48000, 150.0, 48000)] * 2, axis=1), 48000)
    Path("bad.wav").touch()
    code, out, err = run_here("predict", str(trained), "a b.wav", "bad.wav", "--json")
    assert code == 0
    (line,) = [json.loads(line) for line in out.splitlines()]
    assert line["path"] == "a b.wav"
    assert set(line["scores"]) == {"high", "low"}
    assert sum(line["scores"].values()) == pytest.approx(1.0, abs=1e-5)
    assert line["label"] == max(line["scores"], key=line["scores"].get)
    assert "left out: bad.wav: the file is empty (0 bytes)" in err
    assert "1 damaged clip was left out" in err
    assert run_here("predict", str(trained), "bad.wav", "--strict")[0] == 2


def test_evaluating_the_same_corpus_by_another_path(trained: Path, audio: Path, run_here: Run) -> None:
    """It is the run's own test, so the rows go where they were."""
    before = contents(trained)
    (trained / "evaluation.json").write_text("{}")
    code, _, err = run_here("evaluate", str(trained), "--corpus", os.path.relpath(audio / "speech"))
    assert code == 0, err
    assert contents(trained) == before


def test_evaluating_with_noise_that_was_trained_on(trained: Path, audio: Path, run_here: Run) -> None:
    before = contents(trained)
    code, out, err = run_here("evaluate", str(trained), "--noise", os.path.relpath(audio / "noise"))
    assert (code, out) == (2, "")
    assert f"noise recordings are in both what {trained} has learnt from and test noise (" in err
    assert contents(trained) == before


def test_a_named_original_takes_the_place_of_the_own_one(trained: Path, augmented: Path, run_here: Run) -> None:
    code, _, err = run_here("evaluate", str(trained), "--original", str(augmented))
    assert code == 2
    assert "mode 'augment' has no clean-trained backend to serve as the original" in err


def saved(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of clips in a folder, by system."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in (folder / "predictions.jsonl").read_text().splitlines():
        row = json.loads(line)
        found.setdefault(row.pop("system"), []).append(row)
    return found


def test_fusing_decodings_of_a_run(decoding: Path, run_here: Run, here: Path) -> None:
    before = contents(decoding)
    code, out, err = run_here("evaluate", str(decoding), "--fuse", "frontend.floor=0.5,0.01")
    assert (code, err) == (0, "")
    assert (contents(decoding), contents(here)) == (before, {})
    title, _, table = out.partition("\n\n")
    assert title == str(decoding)
    lines = [line.split()[:3] for line in table.split("\n\n")[0].splitlines()[1:]]
    assert lines == [["uar", "[%]", system] for system in ("original", "bypass", "0.5", "0.01", "fused")]


def test_fused_rows_follow_from_those_of_the_members(decoding: Path, run_here: Run, here: Path) -> None:
    asked = ("--fuse", "frontend.floor=0.01,0.5", "--weights", "3,1", "--test-snr", "5,-5", "--split", "all")
    code, out, err = run_here("evaluate", str(decoding), *asked, "--out", "rows", "--json")
    assert code == 0, err
    found = saved(here / "rows")
    assert list(found) == ["original", "bypass", "0.01", "0.5", "fused"]
    assert found["0.01"] != found["0.5"]
    assert len(found["fused"]) == 3 * 16
    for first, second, fused in zip(found["0.01"], found["0.5"], found["fused"], strict=True):
        scores = [0.75 * a + 0.25 * b for a, b in zip(first["scores"], second["scores"], strict=True)]
        assert fused == {
            "id": first["id"], "snr": first["snr"], "noise": first["noise"], "target": first["target"],
            "prediction": ("high", "low")[int(np.argmax(scores))], "scores": pytest.approx(scores, rel=1e-12),
            "loss": pytest.approx(-np.log(scores[("high", "low").index(first["target"])]), rel=1e-12),
        }  # fmt: skip
    written = json.loads((here / "rows" / "evaluation.json").read_text())["rows"]
    assert rows(out) == [{"run": str(decoding), **row} for row in written]
    assert {row["system"] for row in written} == set(found)


def test_a_decoding_is_judged_as_if_it_were_alone(decoding: Path, run_here: Run, here: Path) -> None:
    import sefront

    assert run_here("evaluate", str(decoding), "--fuse", "frontend.floor=0.5,0.01", "--out", "rows")[0] == 0
    for value in ("0.5", "0.01"):
        sefront.open_run(decoding, {"frontend.floor": value}).evaluate(metrics="uar", out=here / value)
        assert saved(here / value)["coupled"] == saved(here / "rows")[value]


def test_a_run_under_other_settings_leaves_its_own_rows(decoding: Path, run_here: Run, here: Path) -> None:
    before = contents(decoding)
    asked = ("evaluate", str(decoding), "-o", "frontend.floor=0.5", "-o", "frontend.mix=0.2", "--json")
    code, out, err = run_here(*asked)
    assert code == 0, err
    assert (contents(decoding), contents(here)) == (before, {})
    assert run_here(*asked, "--out", "rows") == (0, out, err)
    assert contents(decoding) == before
    import sefront

    alone = sefront.open_run(decoding, {"frontend.floor": 0.5, "frontend.mix": 0.2}).evaluate(metrics="uar")
    scores = [row["scores"] for row in alone.predictions if row["system"] == "coupled"]
    assert [row["scores"] for row in saved(here / "rows")["coupled"]] == scores
    assert scores != [row["scores"] for row in saved(decoding)["coupled"]]


def test_settings_of_all_that_is_fused(decoding: Path, run_here: Run, here: Path) -> None:
    before = contents(decoding)
    copy = shutil.copytree(decoding, here / "copy")
    asked = ("-o", "frontend.mix=0.2", "--metrics", "uar")
    for number, fuse in enumerate([(f"{decoding},{copy}",), ("frontend.floor=0.5,0.01", str(decoding))]):
        code, _, err = run_here("evaluate", "--fuse", *fuse, *asked, "--out", f"rows{number}")
        assert code == 0, err
    assert run_here("evaluate", str(decoding), *asked, "--out", "mixed")[0] == 0
    for value in ("0.5", "0.01"):
        words = ("-o", f"frontend.floor={value}", "--out", value)
        assert run_here("evaluate", str(decoding), *asked, *words)[0] == 0
        assert saved(here / value)["coupled"] == saved(here / "rows1")[value]
    runs = saved(here / "rows0")
    assert list(runs) == ["original", "bypass", "decoding", "copy", "fused"]
    assert runs["decoding"] == runs["copy"] == saved(here / "mixed")["coupled"]
    assert contents(decoding) == before


def test_predicting_under_other_settings(decoding: Path, audio: Path, run_here: Run) -> None:
    import sefront

    path = audio / "speech" / "low" / "00.wav"
    words = ("predict", str(decoding), str(path), "--json")
    found = [json.loads(run_here(*words, *more)[1]) for more in ((), ("-o", "frontend.mix=0.9"))]
    assert found[0]["scores"] != found[1]["scores"]
    wanted = sefront.open_run(decoding, {"frontend.mix": 0.9}).predict(*soundfile.read(path))
    assert found[1] == {"path": str(path), **wanted}
    code, out, err = run_here(*words, "-o", "mix=0.9")
    assert (code, out) == (2, "")
    assert err == "sefront: -o mix=0.9: write settings as SECTION.NAME=VALUE, such as -o frontend.width=16\n"


@pytest.mark.parametrize("fusion", ["mean", "log"])
def test_a_run_fused_with_itself_is_itself(trained: Path, run_here: Run, here: Path, fusion: str) -> None:
    words = ("--fuse", f"{trained},{trained}", "--fusion", fusion)
    code, out, err = run_here("evaluate", *words, "--out", "rows", "--json")
    assert code == 0, err
    found = saved(here / "rows")
    assert list(found) == ["original", "bypass", "trained", "trained-2", "fused"]
    assert found["trained"] == found["trained-2"]
    alone = [{k: v for k, v in row.items() if k not in ("signal", "failed")} for row in saved(trained)["coupled"]]
    assert found["trained"] == alone
    for row, fused in zip(alone, found["fused"], strict=True):
        scores = row["scores"] if fusion == "mean" else pytest.approx(row["scores"], rel=1e-6)
        assert fused == {**row, "scores": scores, "loss": pytest.approx(row["loss"], rel=1e-6)}
    cells = [{**row, "run": "", "system": ""} for row in rows(out) if row["system"] == "fused"]
    own = json.loads((trained / "evaluation.json").read_text())["rows"]
    own = [row for row in own if (row["system"], row["metric"]) == ("coupled", "uar")]
    assert cells == [{**row, "run": "", "system": ""} for row in own]
    assert {row["run"] for row in rows(out)} == {f"{trained},{trained}"}


def test_several_runs_on_the_test_of_the_first(trained: Path, decoding: Path, augmented: Path, run_here: Run) -> None:
    asked = ("--fuse", f"{trained},{decoding},{augmented}", "--weights", "1,0,0", "--metrics", "accuracy,si_sdr")
    code, out, err = run_here("evaluate", *asked, "--json")
    assert code == 0, err
    found = rows(out)
    assert {row["snr"] for row in found} == {"clean", 5.0, 0.0}  # those of the first run
    has: dict[str, set[str]] = {}
    for row in found:
        has.setdefault(row["system"], set()).add(row["metric"])
    assert has == {
        "noisy": {"si_sdr"}, "original": {"accuracy"}, "bypass": {"accuracy"}, "trained": {"accuracy", "si_sdr"},
        "decoding": {"accuracy", "si_sdr"}, "augmented": {"accuracy"}, "fused": {"accuracy"},
    }  # fmt: skip
    values: dict[str, list[float]] = {}
    for row in found:
        if row["metric"] == "accuracy":
            values.setdefault(row["system"], []).append(row["value"])
    assert values["fused"] == values["trained"]


def test_a_damaged_clip_is_left_out_for_every_member(trained: Path, run_here: Run, here: Path) -> None:
    speech_folder(here / "speech", each=3, seed=50)
    (here / "speech" / "low" / "01.wav").write_bytes((here / "speech" / "low" / "01.wav").read_bytes()[:4000])
    asked = ("--fuse", f"{trained},{trained}", "--corpus", "speech", "--split", "all", "--out", "rows")
    code, _, err = run_here("evaluate", *asked)
    assert code == 0
    assert [line.split(":")[0] for line in err.splitlines()] == ["left out", "1 damaged clip was left out"]
    assert {len(several) for several in saved(here / "rows").values()} == {3 * 5}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--fuse", "{trained}"), "fusion needs at least two members, but there is one; name more"),
        (("--fuse", ","), "fusion needs at least two members, but there is none; name more"),
        (("--fuse", "{trained},{deaf}"), "{deaf}: mode 'frontend_only' has no backend, so no scores to fuse; name"),
        (("--fuse", "{trained},elsewhere"), "elsewhere: not a run folder (it holds no experiment.toml)"),
        (
            ("--fuse", "{trained},{trained}", "--weights", "1"),
            "there is one weight (1) for 2 members; give one for each",
        ),
        (("--fuse", "{trained},{trained}", "--weights", "1,-1"), "weights are 1, -1; give numbers of at least 0, one"),
        (("--fuse", "{trained},{trained}", "--weights", "a,b"), "--weights a,b: give numbers with commas between them"),
        (("--fuse", "{trained},{trained}", "--fusion", "lgo"), "there is no fusion 'lgo'; did you mean 'log'?"),
        (("--fuse", "{trained},{trained}", "--out", "{deaf}"), "{deaf}: holds a run, whose own evaluation stays as it"),
        (("{trained}", "--fuse", "{trained}"), "with a run before it, --fuse takes SECTION.NAME=VALUE,VALUE; else RUN"),
        (("--fuse", "frontend.floor=1,2"), "name the one run that it is about: sefront evaluate RUN --fuse frontend."),
        (("{trained}", "{trained}", "--fuse", "frontend.floor=1,2"), "name the one run that it is about: sefront"),
        (("{trained}", "--fuse", "decode=a,b"), "VALUE,VALUE, as in --fuse frontend.decode=a,b; else RUN,RUN"),
        (
            ("--fuse", "{trained},{trained}", "--metrics", "si_sdr,stoi"),
            "none of the metrics judges decisions, which are what is fused; name one that does, such as uar",
        ),
        (
            ("{trained}", "--fuse", "frontend.mix=0.1,0.2", "-o", "frontend.mix=0.3"),
            "--fuse frontend.mix=0.1,0.2: -o frontend.mix would be overruled; leave it out",
        ),
        (("--fuse", "{trained},{trained}", "-o", "mix=0.3"), "-o mix=0.3: write settings as SECTION.NAME=VALUE, such"),
        (("{trained}", "-o", "frontend.mxi=0.3"), "frontend 'unet' has no option 'mxi'; did you mean 'mix'?"),
        (("{trained}", "--fuse", "frontend.floor=1,2"), "frontend 'unet' has no option 'floor'"),
        (("{trained}", "--fuse", "corpus.test=0.1,0.2"), "corpus.test does not change what the run decides; name a"),
        (("{trained}", "--weights", ".5,.5"), "--weights and --fusion go with --fuse RUN,RUN or --fuse SECTION.NAME="),
        ((), "name runs to evaluate: sefront evaluate RUN..., or --fuse RUN,RUN"),
    ],
)
def test_mistakes_of_fusing(
    trained: Path, deaf: Path, run_here: Run, here: Path, words: tuple[str, ...], message: str
) -> None:
    before = [contents(folder) for folder in (trained, deaf, here)]
    code, out, err = run_here("evaluate", *(word.format(trained=trained, deaf=deaf) for word in words))
    assert (code, out) == (2, "")
    assert message.format(deaf=deaf) in err
    assert err.count("\n") == 1, err
    assert [contents(folder) for folder in (trained, deaf, here)] == before
