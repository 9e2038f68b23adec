"""Every corpus of the live catalogue keeps the contract: on made-up files, and on real ones where they are."""

from __future__ import annotations

import json
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


def kaldi(root: Path) -> Path:
    for split, speakers in {"train": "abc", "dev": "d", "test": "e"}.items():
        names = [f"{speaker}{i}" for speaker in speakers for i in range(4)]
        record(root / split, [f"{name}.wav" for name in names])
        base = {"wav.scp": f"{{0}} {split}/{{0}}.wav", "utt2spk": "{0} {1}", "text": "{0} GO {0}"}
        for file, line in base.items():
            (root / split / file).write_text("".join(line.format(name, name[0]) + "\n" for name in names))
    return root


def lhotse(root: Path) -> Path:
    pytest.importorskip("lhotse", reason="lhotse is not installed: pip install 'sefront[lhotse]'")
    speakers = {"train": "abc", "dev": "d", "test": "e"}
    names = {f"{speaker}{i}": split for split, found in speakers.items() for speaker in found for i in range(2)}
    record(root, [f"{name}.wav" for name in names])
    lines = []
    for name, split in names.items():
        said = {"id": name, "recording_id": name, "start": 0, "duration": 0.1, "text": f"GO {name}", "speaker": name[0]}
        source = {"type": "file", "channels": [0], "source": f"{name}.wav"}
        held = {"id": name, "sources": [source], "sampling_rate": RATE, "num_samples": RATE // 10, "duration": 0.1}
        cut = {"id": name, "start": 0, "duration": 0.1, "channel": 0, "supervisions": [said], "recording": held}
        lines.append(json.dumps({**cut, "custom": {"split": split}, "type": "MonoCut"}))
    (root / "cuts.jsonl").write_text("\n".join([*lines, ""]))
    return root / "cuts.jsonl"


def emodb(root: Path) -> Path:
    speakers = ("03", "08", "09", "10", "11", "12", "13", "14", "15", "16")
    return record(root, [f"wav/{speaker}a01{emotion}a.wav" for speaker in speakers for emotion in "WLEAFTN"])


def iemocap(root: Path) -> Path:
    for session in range(1, 6):
        dialogue = f"Ses0{session}F_impro01"
        names = {
            f"{dialogue}_{gender}00{i}": code for gender in "FM" for i, code in enumerate(("ang", "hap", "neu", "sad"))
        }
        record(root / f"Session{session}" / "sentences" / "wav" / dialogue, [f"{name}.wav" for name in names])
        folder = root / f"Session{session}" / "dialog" / "EmoEvaluation"
        folder.mkdir(parents=True)
        lines = [f"[0.0 - 0.1]\t{name}\t{code}\t[2.5, 2.5, 2.5]\n" for name, code in names.items()]
        (folder / f"{dialogue}.txt").write_text("".join(lines))
    return root


def casia(root: Path) -> Path:
    speakers = ("ZhaoZuoxiang", "liuchanhg", "wangzhe", "zhaoquanyin")
    emotions = ("angry", "fear", "happy", "neutral", "sad", "surprise")
    return record(root, [f"{speaker}/{emotion}/201.wav" for speaker in speakers for emotion in emotions])


def cheavd(root: Path) -> Path:
    emotions = ("angry", "anxious", "disgust", "happiness", "neutral", "sad", "surprise", "worried")
    names = [f"{emotion}/{number}.wav" for emotion in emotions for number in range(4)]
    return record(root, [f"{part}/{name}" for part in ("train", "val") for name in names])


def demos(root: Path) -> Path:
    speakers = [(gender, number) for number in range(1, 11) for gender in "fm"[number % 2]]
    codes = ("col", "dis", "gio", "pau", "rab", "sor", "tri", "neu")
    return record(
        root, [f"DEMOS/PR_{gender}_{number:02}_{code}01a.wav" for gender, number in speakers for code in codes]
    )


def msp_improv(root: Path) -> Path:
    names = {
        f"S01{code}-{gender}0{session}-R-FM01": (session, code)
        for session in range(1, 7)
        for gender in "FM"
        for code in "AHNS"
    }
    record(root, [f"session{s}/S01{c}/R/MSP-IMPROV-{name}.wav" for name, (s, c) in names.items()])
    lines = [f"UTD-IMPROV-{name}.avi; {code}; A:3.0; V:3.0; D:3.0 ; N:4.0;\n" for name, (_, code) in names.items()]
    (root / "Evaluation.txt").write_text("".join(lines))
    return root


def ravdess(root: Path) -> Path:
    return record(root, [f"Actor_{a:02}/03-01-0{e}-01-01-01-{a:02}.wav" for a in range(1, 25) for e in range(1, 9)])


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


def demand(root: Path) -> Path:
    return record(root, [f"{place}/ch01.wav" for place in ("DKITCHEN", "NPARK", "PSTATION", "STRAFFIC", "PCAFETER")])


def urbansound8k(root: Path) -> Path:
    rows = [
        (f"{100 * fold + 10 * kind + source}-{kind}-0-{piece}.wav", 100 * fold + 10 * kind + source, fold, kind)
        for fold in (1, 2, 3)
        for kind in (0, 1)
        for source in range(4)
        for piece in (0, 1)
    ]
    record(root, [f"audio/fold{fold}/{name}" for name, _, fold, _ in rows])
    lines = [f"{name},{source},0,4,1,{fold},{kind},{('siren', 'drilling')[kind]}" for name, source, fold, kind in rows]
    (root / "metadata").mkdir()
    header = "slice_file_name,fsID,start,end,salience,fold,classID,class"
    (root / "metadata" / "UrbanSound8K.csv").write_text("\n".join([header, *lines, ""]))
    return root


def chime4(root: Path) -> Path:
    audio = root / "data" / "audio" / "16kHz"
    (root / "data" / "transcriptions").mkdir(parents=True)
    for part, speakers in {"tr05": ("011", "M03"), "dt05": ("F01", "F01"), "et05": ("M05", "M05")}.items():
        for kind, speaker in zip(("simu", "real"), speakers, strict=True):
            names = {place: f"{speaker}_440C0201_{place}" for place in ("BUS", "STR")}
            record(audio / "isolated", [f"{part}_{p.lower()}_{kind}/{name}.CH5.wav" for p, name in names.items()])
            clean = [f"{part}_{p.lower()}_{kind}/{name}.CH5.Clean.wav" for p, name in names.items() if kind == "simu"]
            record(audio / "isolated_ext", clean)
            listed = root / "data" / "transcriptions" / f"{part}_{kind}.trn_all"
            listed.write_text("".join(f"{name} GO ON\n" for name in names.values()))
    record(audio / "backgrounds", [f"BGD_15020{i}_010_{place}.CH5.wav" for i in range(3) for place in ("BUS", "STR")])
    return root


def dcase2021(root: Path) -> Path:
    (root / "evaluation_setup").mkdir()
    for name, places in {"train": range(4), "evaluate": range(4, 6)}.items():
        scenes = {f"{scene}-oslo-{place}-0": scene for scene in ("park", "tram") for place in places}
        record(root, [f"audio/{stem}.wav" for stem in scenes])
        lines = [f"audio/{stem}.wav\tvideo/{stem}.mp4\t{scene}" for stem, scene in scenes.items()]
        table = "\n".join(["filename_audio\tfilename_video\tscene_label", *lines, ""])
        (root / "evaluation_setup" / f"fold1_{name}.csv").write_text(table)
    return root


def audioset(root: Path) -> Path:
    classes = [{"id": name, "name": name, "child_ids": []} for name in ("/m/0dgw9r", "/m/rain", "/m/bell")]
    (root / "ontology.json").write_text(json.dumps(classes))
    for part, count in {"balanced_train": 8, "eval": 2}.items():
        videos = [f"{part[:4]}{number:07}" for number in range(count)]
        record(root / part, [f"{video}.wav" for video in videos])
        lines = [f'{video}, 0.0, 10.0, "{("/m/rain", "/m/bell")[i % 2]}"' for i, video in enumerate(videos)]
        (root / f"{part}_segments.csv").write_text("\n".join(["# YTID", *lines, ""]))
    return root


def wsj0(root: Path) -> Path:
    sets = {"si_tr_s": ("011", "012", "013"), "si_dt_05": ("050",), "si_et_05": ("440",)}
    return record(root, [f"{part}/{s}/{s}c020{i}.wav" for part, names in sets.items() for s in names for i in (1, 2)])


MAKE: dict[str, Callable[[Path], Path | None]] = {
    "toy": nothing,
    "folder": folder,
    "manifest": manifest,
    "kaldi": kaldi,
    "lhotse": lhotse,
    "emodb": emodb,
    "iemocap": iemocap,
    "casia": casia,
    "cheavd": cheavd,
    "demos": demos,
    "msp_improv": msp_improv,
    "ravdess": ravdess,
    "speech_commands": speech_commands,
    "esc50": esc50,
    "an4": an4,
    "librispeech": librispeech,
    "recola": recola,
    "demand": demand,
    "urbansound8k": urbansound8k,
    "chime4": chime4,
    "dcase2021": dcase2021,
    "audioset": audioset,
    "wsj0": wsj0,
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
        ("iemocap", {"protocol": "zhong"}),
        ("iemocap", {"protocol": "zhou"}),
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
