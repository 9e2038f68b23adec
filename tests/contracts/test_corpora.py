"""Every corpus of the live catalogue keeps the contract: on made-up files, and on real ones where they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sefront.plugins import Catalogue
from sefront.testing import check_corpus

RATE = 16000


def record(root: Path, names: Iterable[str]) -> Path:
    """A tenth of a second of noise under each name."""
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, 0.1 * np.random.default_rng(number).standard_normal(RATE // 10), RATE)
    return root


def nothing(root: Path) -> None:
    """The toy corpus has no files."""


def folder(root: Path) -> Path:
    return record(root, [f"{label}/s{i}.wav" for label in ("yes", "no") for i in range(8)])


def manifest(root: Path) -> Path:
    names = [f"{label}{i}.wav" for label in ("yes", "no") for i in range(8)]
    rows = [f"{name},{name[:-5]},s{name[-5]}" for name in names]
    (record(root, names) / "clips.csv").write_text("\n".join(["path,label,speaker", *rows, ""]))
    return root / "clips.csv"


def emodb(root: Path) -> Path:
    speakers = ("03", "08", "09", "10", "11", "12", "13", "14", "15", "16")
    return record(root, [f"wav/{speaker}a01{emotion}a.wav" for speaker in speakers for emotion in "WLEAFTN"])


def speech_commands(root: Path) -> Path:
    speakers = {"": "00000001", "validation": "00000002", "testing": "00000003"}
    names = {k: [f"{word}/{s}_nohash_{i}.wav" for word in ("yes", "no") for i in (0, 1)] for k, s in speakers.items()}
    noises = [f"_background_noise_/noise{i}.wav" for i in range(3)]
    record(root, [*noises, *(name for split in names.values() for name in split)])
    for split in ("validation", "testing"):
        (root / f"{split}_list.txt").write_text("\n".join([*names[split], ""]))
    return root


def esc50(root: Path) -> Path:
    rows = [
        (f"{fold}-{fold}{kind}{source}-{take}-{kind}.wav", fold, kind, f"{fold}{kind}{source}", take)
        for fold in (1, 2, 3)
        for kind in (0, 1)
        for source in range(4)
        for take in "AB"
    ]
    record(root, [f"audio/{name}" for name, *_ in rows])
    lines = [f"{name},{fold},{kind},{('dog', 'rain')[kind]},True,{src},{take}" for name, fold, kind, src, take in rows]
    (root / "meta").mkdir()
    header = "filename,fold,target,category,esc10,src_file,take"
    (root / "meta" / "esc50.csv").write_text("\n".join([header, *lines, ""]))
    return root


def an4(root: Path) -> Path:
    speakers = ("fash", "fkai", "mcen", "mdcs", "mewl")
    names = {f"an{i}-{speaker}-b": speaker for speaker in speakers for i in range(2)}
    record(root, [f"wav/an4_clstk/{speaker}/{name}.wav" for name, speaker in names.items()])
    (root / "etc").mkdir()
    (root / "etc" / "an4_train.transcription").write_text("".join(f"<s> YES </s> ({name})\n" for name in names))
    return root


def librispeech(root: Path) -> Path:
    for number, subset in enumerate(("train-clean-100", "dev-clean", "test-clean"), 1):
        names = [f"{number}-7-000{i}" for i in range(2)]
        record(chapter := root / subset / f"{number}" / "7", [f"{name}.flac" for name in names])
        (chapter / f"{number}-7.trans.txt").write_text("".join(f"{name} GO ON\n" for name in names))
    return root


def recola(root: Path) -> Path:
    for part in ("train", "dev"):
        for number in (1, 2, 3):
            record(root, [f"recordings_audio/{part}_{number}.wav"])
            for dimension in ("arousal", "valence"):
                gold = root / "ratings_gold_standard" / dimension / f"{part}_{number}.csv"
                gold.parent.mkdir(parents=True, exist_ok=True)
                gold.write_text("name;time;gold\n" + "".join(f"x;{0.04 * i:.2f};{0.1 * i:.2f}\n" for i in range(3)))
    return root


MAKE: dict[str, Callable[[Path], Path | None]] = {
    "toy": nothing,
    "folder": folder,
    "manifest": manifest,
    "emodb": emodb,
    "speech_commands": speech_commands,
    "esc50": esc50,
    "an4": an4,
    "librispeech": librispeech,
    "recola": recola,
}


@pytest.mark.parametrize("name", list(Catalogue.installed().corpora))
def test_contract(name: str, tmp_path: Path) -> None:
    if name not in MAKE:
        pytest.skip(f"nothing here makes up files for corpus '{name}'")
    check_corpus(Catalogue.installed().corpora[name], MAKE[name](tmp_path))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("toy", {"task": "commands"}),
        ("toy", {"task": "sentences"}),
        ("toy", {"task": "scenes"}),
        ("toy", {"task": "affect"}),
        ("folder", {"role": "noise"}),
    ],
)
def test_contract_of_variants(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    check_corpus(Catalogue.installed().corpora[name], MAKE[name](tmp_path), **options)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("emodb", "emodb"),
        ("speech_commands", "speech_commands"),
        ("esc50", "esc50"),
        ("an4", "an4"),
        ("folder", "noise"),
    ],
)
def test_contract_on_real_audio(name: str, place: str, real_data: Path) -> None:
    if not (real_data / place).is_dir():
        pytest.skip(f"no {place} in {real_data}")
    check_corpus(Catalogue.installed().corpora[name], real_data / place)
