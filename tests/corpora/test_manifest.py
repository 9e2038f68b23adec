from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sefront.core.audio import AudioFile
from sefront.core.clips import SPLITS, Clip, Task
from sefront.core.errors import SefrontError, UnknownNameError
from sefront.core.parameters import build
from sefront.core.traces import TraceFile
from sefront.corpora.manifest import Manifest


def table(folder: Path, *lines: str, name: str = "clips.csv") -> Path:
    (folder / name).write_text("\n".join([*lines, ""]), encoding="utf-8")
    return folder / name


def json_lines(folder: Path, *rows: object) -> Path:
    return table(folder, *(json.dumps(row) for row in rows), name="clips.jsonl")


def sizes(corpus: Manifest) -> list[int]:
    return [len(corpus.clips(split)) for split in SPLITS]


def everything(corpus: Manifest) -> list[Clip]:
    return [clip for split in SPLITS for clip in corpus.clips(split)]


def test_every_column_reaches_its_clip(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "id,path,start,end,split,label,speaker,session,corpus,extra",
        "one,deep/a.wav,0.5,2,train,joy,s1,3,mine,anything",
    )
    assert Manifest(path).clips("train") == (
        Clip("one", AudioFile(tmp_path / "deep" / "a.wav", 0.5, 2.0), "joy", "s1", "3"),
    )


def test_csv_tsv_and_json_lines_say_the_same(tmp_path: Path) -> None:
    comma = Manifest(table(tmp_path, "path,start,split,label", "a.wav,1.5,train,x", "b.wav,,test,x"))
    tabs = Manifest(
        table(tmp_path, "path\tstart\tsplit\tlabel", "a.wav\t1.5\ttrain\tx", "", "b.wav\t\ttest\tx", name="c.tsv")
    )
    rows = (
        {"path": "a.wav", "start": 1.5, "split": "train", "label": "x"},
        {"path": "b.wav", "start": None, "split": "test", "label": "x"},
    )
    assert everything(comma) == everything(tabs) == everything(Manifest(json_lines(tmp_path, *rows)))


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes(b'\xef\xbb\xbfpath,label\r\n"a, b.wav",x\r\n')
    assert [clip.id for clip in everything(Manifest(tmp_path / "c.csv"))] == ["a, b.wav"]


def test_absolute_paths_stay(tmp_path: Path) -> None:
    clip = everything(Manifest(json_lines(tmp_path, {"path": "/elsewhere/a.wav"}), follow_outside=True))[0]
    assert clip.audio == AudioFile(Path("/elsewhere/a.wav"))


@pytest.mark.parametrize(
    ("name", "split"),
    [("training", "train"), ("dev", "valid"), ("validation", "valid"), ("Testing", "test"), ("test", "test")],
)
def test_names_of_splits(tmp_path: Path, name: str, split: str) -> None:
    corpus = Manifest(table(tmp_path, "path,split", f"a.wav,{name}"), valid=0.0)
    assert len(corpus.clips(split)) == 1
    assert corpus.splits_of_its_own()


def test_labels_make_a_classification(tmp_path: Path) -> None:
    path = table(tmp_path, "path,label,split", "a.wav,b,train", "b.wav,a,train", "c.wav,a,valid", "d.wav,b,test")
    corpus = Manifest(path)
    assert corpus.role() == "speech"
    assert corpus.task() == Task("classification", ("a", "b"), "uar")
    scene = build(Manifest, path, options={"role": "scene", "metric": "accuracy"}, owner="manifest")
    assert scene.task() == Task("classification", ("a", "b"), "accuracy", "scene")


def test_transcripts_make_a_transcription(tmp_path: Path) -> None:
    corpus = Manifest(table(tmp_path, "path,transcript,split", "a.wav,GO ON,train", "b.wav,NO,test"))
    assert corpus.task() == Task("transcription", ("", " ", "G", "N", "O"), "wer")
    assert corpus.clips("test")[0].target == "NO"


def test_label_paths_make_a_trace(tmp_path: Path) -> None:
    corpus = Manifest(table(tmp_path, "path,label_path,split", "a.wav,t/a.csv,train"), dimensions=("arousal",), valid=0)
    assert corpus.task() == Task("trace", ("arousal",), "ccc", frame_rate=25.0)
    trace = corpus.clips("train")[0].target
    assert str(trace) == str(tmp_path / "t" / "a.csv")
    assert f"{tmp_path / 't' / 'a.csv'}: no such file" in corpus.problems()

    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "a.csv").write_text("0.5\n-1\n")
    assert isinstance(trace, TraceFile)
    assert trace.values().tolist() == [[0.5], [-1.0]]
    assert not [line for line in corpus.problems() if ".csv" in line]


def test_rows_without_target_have_no_task(tmp_path: Path) -> None:
    corpus = Manifest(table(tmp_path, "path,label,speaker", "a.wav,,s1"))
    assert corpus.task() is None
    assert corpus.role() == "speech"


def test_a_noise_manifest_has_types(tmp_path: Path) -> None:
    corpus = Manifest(
        json_lines(
            tmp_path,
            {"id": "1", "path": "a.wav", "split": "train", "tags": ["cafe", "voices"]},
            {"id": "2", "path": "b.wav", "split": "valid", "tags": "bus; engine"},
            {"id": "3", "path": "c.wav", "split": "test"},
        )
    )
    assert corpus.role() == "noise"
    assert corpus.task() is None
    assert [corpus.noise_clips(split)[0].target for split in SPLITS] == ["cafe", "bus", None]


def test_two_targets_need_a_word(tmp_path: Path) -> None:
    path = table(tmp_path, "path,label,transcript", "a.wav,x,GO", "b.wav,y,GO")
    with pytest.raises(SefrontError, match="rows have label and transcript; say which to predict with option 'target'"):
        Manifest(path)
    assert Manifest(path, target="transcript").task() == Task("transcription", ("", "G", "O"), "wer")


def test_without_splits_speakers_stay_apart(tmp_path: Path) -> None:
    rows = ({"path": f"{i}.wav", "speaker": f"s{i % 10}", "label": "xy"[i % 20 // 10]} for i in range(100))
    corpus = Manifest(json_lines(tmp_path, *rows))
    speakers = [{clip.speaker for clip in corpus.clips(split)} for split in SPLITS]
    assert [len(names) for names in speakers] == [6, 2, 2]
    assert len(set.union(*speakers)) == 10
    assert not corpus.splits_of_its_own()
    assert corpus.card().apart == ("speaker", "recording")


def test_without_speakers_the_pieces_of_a_recording_stay_together(tmp_path: Path) -> None:
    rows = ({"id": i, "path": f"{i % 10}.wav", "start": i // 10, "end": i // 10 + 1} for i in range(50))
    corpus = Manifest(json_lines(tmp_path, *rows))
    assert sizes(corpus) == [30, 10, 10]
    assert corpus.card().apart == ("recording",)


def test_speakers_are_drawn_so_that_every_class_is_trained(tmp_path: Path) -> None:
    rows = [{"path": f"{s}{label}.wav", "speaker": s, "label": label} for s in "abcdef" for label in "xy"]
    rows += [{"path": f"{s}rare.wav", "speaker": s, "label": "rare"} for s in "ab"]
    assert Manifest(json_lines(tmp_path, *rows)).task() == Task("classification", ("rare", "x", "y"), "uar")


def test_validation_is_drawn_out_of_train_where_none_is_named(tmp_path: Path) -> None:
    rows = [{"path": f"{i}.wav", "speaker": f"s{i // 2}", "split": "train"} for i in range(40)]
    corpus = Manifest(json_lines(tmp_path, *rows, {"path": "t.wav", "speaker": "t", "split": "test"}))
    assert sizes(corpus) == [34, 6, 1]
    assert corpus.card().apart == ("speaker", "recording")


def test_a_test_only_manifest_has_its_own_labels(tmp_path: Path) -> None:
    corpus = Manifest(table(tmp_path, "path,label,split", "a.wav,x,test", "b.wav,y,test"))
    assert sizes(corpus) == [0, 0, 2]
    assert corpus.task() == Task("classification", ("x", "y"), "uar")


def test_problems(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(16000, dtype=np.float32), 16000)
    (tmp_path / "empty.wav").touch()
    corpus = Manifest(
        table(
            tmp_path,
            "id,path,start,end,split,speaker",
            "fine,a.wav,,,train,s1",
            "late,a.wav,2,3,train,s2",
            "long,a.wav,0.5,3,valid,s3",
            "gone,gone.wav,,,test,s1",
            "none,empty.wav,,,test,s4",
        )
    )
    a = tmp_path / "a.wav"
    assert corpus.problems() == [
        f"{a}: clip late has zero length",
        f"{a}: clip long ends 2.000 s after the file",
        f"{tmp_path / 'gone.wav'}: no such file",
        f"{tmp_path / 'empty.wav'}: the file is empty (0 bytes)",
        "speaker s1 is in train and test",
        f"recording {a} is in train and valid",
    ]
    assert corpus.card().apart == ()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["path,lable", "a.wav,x"], r"line 1 has no column 'lable'; did you mean 'label'\?"),
        (["id,label", "1,x"], r"line 1: no column 'path'; the header has id, label"),
        (["path,path", "a.wav,b.wav"], r"line 1: column 'path' stands twice"),
        (["path,start", "a.wav,soon"], r"line 2: start is 'soon'; expected a number of seconds"),
        (["path,end", "a.wav,nan"], r"line 2: end is 'nan'; expected a number of seconds"),
        (["path,start", "a.wav,-1"], r"line 2: start is -1 s; expected 0 or later"),
        (["path,start,end", "a.wav,2,1"], r"line 2: end is 1 s; expected a time after start \(2 s\)"),
        (["id,path", "1,a.wav", "2,b.wav", "1,c.wav"], r"line 4: id '1' is that of line 2 already"),
        (["path", "a.wav", "a.wav"], r"line 3: id 'a\.wav' .* already; pieces of one file need an id each"),
        (["path,split", "a.wav,trian"], r"line 2 has no split 'trian'; did you mean 'train'\?"),
        (["path,split", "a.wav,train", "b.wav,"], r"'b\.wav' has no split but other rows do; expected all or none"),
        (["path,label", "a.wav,x", "b.wav,"], r"line 3: no label, which other rows have"),
        (["path,label", "a.wav,x", ",y"], r"line 3: no path; every row needs one"),
        (["path", "a.wav,x"], r"line 2: 2 cells where the header has 1"),
        (["path,label", 'a.wav,"x', "b.wav,y"], r"line 3: not readable as a table"),
        (["path,label"], r"holds no rows; expected one per clip"),
        ([], r"holds no rows; expected one per clip"),
        (["path,label,split", "a.wav,x,train", "b.wav,z,test"], r"label 'z' appears in test \(1 clips\) but never in"),
    ],
)
def test_mistakes_in_a_table(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(SefrontError, match=rf"clips\.csv.*{message}"):
        Manifest(table(tmp_path, *lines))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: not JSON"),
        ('["a.wav"]', r"line 2: expected an object such as"),
        ('{"path": "b.wav", "speeker": "s"}', r"line 2 has no column 'speeker'; did you mean 'speaker'\?"),
        ('{"label": "x"}', "line 2: no path"),
        ('{"path": "b.wav", "start": true}', "line 2: start is 'True'; expected a number of seconds"),
    ],
)
def test_mistakes_in_json_lines(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(SefrontError, match=rf"clips\.jsonl.*{message}"):
        Manifest(table(tmp_path, '{"path": "a.wav"}', line, name="clips.jsonl"))


def test_lines_that_only_together_are_json(tmp_path: Path) -> None:
    lines = ['{"path": "a.wav"}, {"path": "b.wav"}', '{"path":', '"c.wav"}', '{"path": "d.wav"']
    for number, found in ((1, lines[:1]), (1, lines[1:3]), (1, [lines[3], ', "id": "x"}']), (1, lines[:3])):
        with pytest.raises(SefrontError, match=rf"line {number}: not JSON"):
            Manifest(table(tmp_path, *found, name="clips.jsonl"))


def test_lines_are_counted_as_editors_count_them(tmp_path: Path) -> None:
    path = table(tmp_path, "id,path,start", '"two\nlines",a.wav,', "", ",,", "x,b.wav,soon")
    with pytest.raises(SefrontError, match=r"line 6: start is 'soon'"):
        Manifest(path)
    rows = [json.dumps({"path": "a.wav", "label": "x"}), "", "  ", json.dumps({"path": "b.wav"})]
    with pytest.raises(SefrontError, match=r"line 4: no label, which other rows have"):
        Manifest(table(tmp_path, *rows, name="c.jsonl"))


@pytest.mark.parametrize("name", ["clips.csv", "clips.jsonl"])
def test_many_chunks_are_one_table(tmp_path: Path, name: str) -> None:
    rows: list[dict[str, object]] = [
        {"path": f"{i}.wav", "start": i / 8, "end": i / 8 + 1, "label": "xy"[i % 2], "split": "train"}
        for i in range(5000)
    ]
    rows[4000]["speaker"] = "late"
    rows[4500]["start"] = -1.0
    lines = ["path,start,end,label,split,speaker", *(",".join(map(str, row.values())) for row in rows)]
    bad = table(tmp_path, *(lines if name.endswith("csv") else map(json.dumps, rows)), name=name)
    line = 4502 if name.endswith("csv") else 4501
    with pytest.raises(SefrontError, match=rf"line {line}: start is -1 s"):
        Manifest(bad)
    bad.write_text(bad.read_text().replace("-1.0", "562.5"))
    corpus = Manifest(bad, valid=0)
    train = corpus.clips("train")
    assert len(train) == 5000
    assert [train[i].speaker for i in (3999, 4000, 4001)] == [None, "late", None]
    assert train[4500] == Clip("4500.wav", AudioFile(tmp_path / "4500.wav", 562.5, 563.5), "y" if 4500 % 2 else "x")


def test_names_of_json_are_taken_as_they_are(tmp_path: Path) -> None:
    corpus = Manifest(json_lines(tmp_path, {"path": " a .wav", "speaker": 3, "tags": ["x ", "y"]}), valid=0, test=0)
    assert corpus.clips("train") == (Clip(" a .wav", AudioFile(tmp_path / " a .wav"), "x", "3"),)


def test_a_fixed_alphabet(tmp_path: Path) -> None:
    path = table(tmp_path, "path,transcript,split", "a.wav,GO,train")
    assert Manifest(path, alphabet=" GOX").task() == Task("transcription", ("", " ", "G", "O", "X"), "wer")
    for alphabet in ("", "GOO"):
        with pytest.raises(ValueError, match=f"alphabet '{alphabet}' is empty or holds a symbol twice"):
            Manifest(path, alphabet=alphabet)


def test_a_missing_manifest(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"none\.csv: no such file; expected a manifest \(\.csv \.tsv \.jsonl\)"):
        Manifest(tmp_path / "none.csv")


def test_another_format(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"'\.xlsx' is no format of a manifest; expected \.csv, \.tsv, \.jsonl"):
        Manifest(table(tmp_path, "path", name="clips.xlsx"))


def test_a_table_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes(b"path\n\xff\xfe.wav\n")
    with pytest.raises(SefrontError, match=r"c\.csv: not UTF-8 text"):
        Manifest(tmp_path / "c.csv")


def test_a_target_that_no_row_has(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"no row has a transcript \(filled: label\)"):
        Manifest(table(tmp_path, "path,label", "a.wav,x"), target="transcript")


def test_unknown_columns_are_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="pathh"):
        Manifest(table(tmp_path, "path,pathh", "a.wav,b"))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"valid": 1.0}, "must be shares"), ({"frame_rate": 0.0}, "frame_rate must be positive, not 0 Hz")],
)
def test_options_out_of_range(tmp_path: Path, options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Manifest(table(tmp_path, "path", "a.wav"), **options)


def test_the_real_noise_by_a_table_elsewhere(real_data: Path, tmp_path: Path) -> None:
    files = sorted((real_data / "noise" / "train").iterdir())
    corpus = Manifest(
        json_lines(tmp_path, *({"path": str(path), "tags": path.stem[:6]} for path in files)), follow_outside=True
    )
    assert sum(sizes(corpus)) == len(files)
    assert corpus.problems() == []
