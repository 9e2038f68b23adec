"""Kinds of splits: whom each keeps apart, from the clips of a small corpus that is known to the last one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sefront.core.audio import AudioFile
from sefront.core.clips import SPLITS, Card, Clip, Split, Task
from sefront.core.corpora import Splits
from sefront.core.division import KINDS, Divided, Division, Fold, division_of, named, warning
from sefront.core.errors import BadOptionError, SefrontError, UnknownNameError
from sefront.core.splitting import count_of, divide
from sefront.plugins import Catalogue

LABELS = ("calm", "angry", "sad")


@dataclass
class Voices:
    """A corpus whose own split is by the order of its clips."""

    all: Sequence[Clip]
    classes: bool = True
    epochs = 7

    def role(self) -> str:
        return "speech"

    def task(self) -> Task | None:
        return Task("classification", LABELS, "uar") if self.classes else None

    def clips(self, split: Split) -> Sequence[Clip]:
        return self.all[SPLITS.index(split) :: 3]

    def problems(self) -> list[str]:
        return ["a fault"]

    def card(self) -> Card:
        return Card("free", "nobody 2020", "small", "here", apart=("recording",))


def voices(speakers: int = 6, takes: int = 2, sessions: int = 3) -> list[Clip]:
    """Every speaker says every class so many times; two speakers share a session."""
    return [
        Clip(
            f"{who}-{label}-{take}", AudioFile(Path(f"{who}-{label}-{take}.wav")), label, f"s{who}", str(who % sessions)
        )
        for who in range(speakers)
        for label in LABELS
        for take in range(takes)
        for name in [f"{who}-{label}-{take}"]
    ]


def corpus(clips: Sequence[Clip] | None = None) -> Voices:
    return Voices(voices() if clips is None else clips)


def division(kind: str, fold: str | None = None, seed: int = 0, of: Voices | None = None) -> Division:
    return division_of(divide(of or corpus(), kind, fold, seed, "here"))  # type: ignore[arg-type]


def speakers(found: Division) -> dict[Split, set[str | None]]:
    return {split: {clip.speaker for clip in found.clips[split]} for split in SPLITS}


def whole(splits: Splits) -> list[str]:
    return sorted(clip.id for split in SPLITS for clip in splits[split])


FOLDS = {"leave-one-speaker-out": "2/6", "leave-one-session-out": "2/3", "k-fold": "2/4", "random": "2/10"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_clip_is_in_one_split(kind: str) -> None:
    found = division(kind, FOLDS.get(kind))
    assert whole(found.clips) == sorted(clip.id for clip in voices())
    assert all(found.clips[split] for split in SPLITS)
    assert division(kind, FOLDS.get(kind)) == found


@pytest.mark.parametrize("kind", ["speaker", "leave-one-speaker-out", "leave-one-session-out", "k-fold"])
def test_speakers_are_kept_apart(kind: str) -> None:
    found = division(kind, FOLDS.get(kind))
    parts = speakers(found)
    assert sum(map(len, parts.values())) == 6
    assert found.apart == ("speaker", "recording")
    assert found.dependent is False
    assert warning(found.facts()) == ""


def test_one_speaker_is_left_out_and_the_partner_validates() -> None:
    assert speakers(division("leave-one-speaker-out", "2/6")) == {
        "train": {"s0", "s2", "s3", "s5"}, "valid": {"s4"}, "test": {"s1"}
    }  # fmt: skip


def test_without_sessions_the_next_speaker_validates() -> None:
    alone = corpus([replace(clip, session=None) for clip in voices()])
    found = [speakers(division("leave-one-speaker-out", f"{k}/6", of=alone)) for k in range(1, 7)]
    assert [part["test"] for part in found] == [{f"s{k}"} for k in range(6)]
    assert [part["valid"] for part in found] == [{f"s{(k + 1) % 6}"} for k in range(6)]


def test_one_session_is_left_out_and_a_speaker_of_the_next_validates() -> None:
    assert speakers(division("leave-one-session-out", "3/3")) == {
        "train": {"s1", "s3", "s4"}, "valid": {"s0"}, "test": {"s2", "s5"}
    }  # fmt: skip


def test_sessions_without_speakers() -> None:
    nameless = corpus([replace(clip, speaker=None) for clip in voices()])
    found = division("leave-one-session-out", "1/3", of=nameless)
    assert [{c.session for c in found.clips[split]} for split in SPLITS] == [{"2"}, {"1"}, {"0"}]
    assert (found.apart, found.dependent) == (("recording",), None)


def test_sessions_that_share_speakers_promise_no_more_than_they_keep() -> None:
    shared = corpus([replace(clip, session=clip.id[-1]) for clip in voices(takes=3)])
    found = division("leave-one-session-out", "1/3", of=shared)
    assert (found.apart, found.dependent) == (("recording",), True)


@pytest.mark.parametrize("known", [True, False])
def test_each_fold_tests_once(known: bool) -> None:
    clips = voices() if known else [replace(clip, speaker=None, session=None) for clip in voices()]
    found = [division("k-fold", f"{k}/3", of=corpus(clips)) for k in (1, 2, 3)]
    assert sorted(clip.id for each in found for clip in each.clips["test"]) == sorted(clip.id for clip in clips)
    assert [each.clips["valid"] for each in found] == [each.clips["test"] for each in [*found[1:], found[0]]]
    assert all(Counter(c.target for c in each.clips["test"]) == dict.fromkeys(LABELS, 4) for each in found)
    assert {each.apart for each in found} == {("speaker", "recording") if known else ("recording",)}


def test_folds_are_dealt_anew_by_the_seed() -> None:
    assert len({tuple(sorted(speakers(division("k-fold", "1/3", seed))["test"])) for seed in range(8)}) > 2  # type: ignore[type-var]
    assert division("k-fold", "1/3", 4).seed == 4


def test_the_deal_is_that_of_names_not_of_places() -> None:
    elsewhere = [replace(clip, speaker=None, audio=AudioFile("/else" / Path(f"{clip.id}.wav"))) for clip in voices()]
    here = [replace(clip, speaker=None) for clip in voices()]
    for kind in ("k-fold", "random"):
        one, other = (division(kind, "1/3", of=corpus(clips)) for clips in (here, elsewhere))
        assert {s: [c.id for c in one.clips[s]] for s in SPLITS} == {s: [c.id for c in other.clips[s]] for s in SPLITS}


def test_a_random_fifth_of_every_class() -> None:
    many = corpus(voices(takes=10))
    found = [division("random", f"{k}/10", 99, many) for k in (1, 2)]
    assert [Counter(c.target for c in each.clips["test"]) for each in found] == [dict.fromkeys(LABELS, 12)] * 2
    assert [Counter(c.target for c in each.clips["valid"]) for each in found] == [dict.fromkeys(LABELS, 7)] * 2
    assert found[0].clips["test"] != found[1].clips["test"]
    assert ([each.seed for each in found], found[0].fold) == ([0, 1], Fold(1, 10))
    assert (found[0].apart, found[0].dependent) == (("recording",), True)
    assert warning(found[1].facts()) == "speaker-dependent: splits 'random', fold 2/10 do not keep speakers apart"


@pytest.mark.parametrize("kind", ["random", "k-fold"])
def test_parts_of_a_recording_stay_together(kind: str) -> None:
    cut = [
        Clip(f"{i}-{part}", AudioFile(Path(f"{i}.wav"), part, part + 1), LABELS[i % 3])
        for i in range(30)
        for part in range(3)
    ]
    found = division(kind, "1/5", of=corpus(cut))
    assert sum(len({clip.id.split("-")[0] for clip in found.clips[split]}) for split in SPLITS) == 30
    sources = [replace(clip, audio=AudioFile(Path(f"{clip.id}.wav")), recording=clip.id.split("-")[0]) for clip in cut]
    again = division(kind, "1/5", of=corpus(sources))
    assert [[c.id for c in again.clips[s]] for s in SPLITS] == [[c.id for c in found.clips[s]] for s in SPLITS]


def test_speech_without_labels() -> None:
    unlabelled = Voices([replace(clip, target=None) for clip in voices()], classes=False)
    for kind, fold in (("speaker", None), ("k-fold", "1/3"), ("random", "1/3")):
        assert len(whole(division(kind, fold, of=unlabelled).clips)) == 36


def test_a_divided_corpus_is_otherwise_as_it_was() -> None:
    plain = corpus()
    found = divide(plain, "speaker", None, 0, "here")  # type: ignore[arg-type]
    assert isinstance(found, Divided)
    assert (found.role(), found.task(), found.problems(), found.epochs) == ("speech", plain.task(), ["a fault"], 7)
    assert found.card() == replace(plain.card(), apart=("speaker", "recording"))
    with pytest.raises(AttributeError, match="noise_clips"):
        _ = found.noise_clips
    assert divide(plain, "own", None, 0, "here") is plain  # type: ignore[arg-type,comparison-overlap]
    assert division_of(plain).facts() == {  # type: ignore[arg-type]
        "kind": "own", "fold": None, "seed": None, "apart": ["recording", "noise"], "speaker_dependent": True
    }  # fmt: skip


@pytest.mark.parametrize("name", ["list.csv", "list.tsv", "list.jsonl"])
def test_a_list(tmp_path: Path, name: str) -> None:
    rows = [
        (clip.id, "dev" if clip.speaker == "s1" else "Test" if clip.speaker == "s2" else "train") for clip in voices()
    ]
    rows = [row for row in rows if not row[0].startswith("5")]
    between = {".csv": ",", ".tsv": "\t"}.get(Path(name).suffix, "")
    text = [f"id{between}split", *(between.join(row) for row in rows)]
    if name.endswith("l"):
        text = [f'{{"id": "{clip}", "split": "{split}"}}' for clip, split in rows]
    (tmp_path / name).write_text("\n".join(text) + "\n")
    found = division(str(tmp_path / name))
    assert speakers(found) == {"train": {"s0", "s3", "s4"}, "valid": {"s1"}, "test": {"s2"}}
    assert (found.apart, found.fold, found.seed) == (("speaker", "recording"), None, None)


def test_a_list_that_shares_speakers_and_names_no_validation(tmp_path: Path) -> None:
    text = [f"{clip.id},{'test' if clip.id.endswith('1') else 'train'}" for clip in voices()]
    (tmp_path / "list.csv").write_text("\n".join(["id,split", *text]))
    found = division(str(tmp_path / "list.csv"))
    assert len(found.clips["test"]) == 18
    assert not speakers(found)["train"] & speakers(found)["valid"]
    assert (found.apart, found.dependent) == (("recording",), True)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.csv",
            "id,split\n0-calm-9,train\n",
            r"a\.csv, line 2: here has no clip '0-calm-9'; did you mean '",
        ),
        ("a.csv", "id,split\n0-calm-0,eval\n", r"a\.csv, line 2 has no split 'eval'.*it has: test, train, valid"),
        ("a.csv", "id,split\n0-calm-0,train\n0-calm-0,test\n", r"line 3: clip '0-calm-0' is in train already; give it"),
        ("a.csv", "id,part\n", r"a\.csv: no column 'split'; expected a list with columns id and split"),
        ("a.jsonl", "[1]\n", r'a\.jsonl, line 1: expected an object such as \{"id"'),
        ("a.jsonl", "{", r"a\.jsonl, line 1: not JSON"),
        ("a.txt", "", r"a\.txt: '\.txt' is no format of a list; expected \.csv, \.tsv or \.jsonl"),
    ],
)
def test_mistakes_of_a_list(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SefrontError, match=message):
        division(str(tmp_path / name))


def test_a_list_that_has_gone(tmp_path: Path) -> None:
    with pytest.raises(SefrontError, match=r"gone\.jsonl: no such file; expected a list with columns id and split"):
        division(str(tmp_path / "gone.jsonl"))


NAMELESS = [Clip(f"c{i}", AudioFile(Path(f"{i}.wav")), LABELS[i % 3]) for i in range(9)]


@pytest.mark.parametrize(
    ("kind", "fold", "clips", "message"),
    [
        ("own", "1/3", None, r"^--fold 1/3: --splits own has no folds; name one that has \(leave-one-speaker-out, "),
        ("speaker", "1/3", None, r"^--fold 1/3: --splits speaker has no folds"),
        ("k-fold", None, None, r"^--splits k-fold: say which fold, such as --fold 1/10, or run them all with --folds"),
        ("leave-one-speaker-out", None, None, r"say which fold, such as --fold 1/6, or run them all with --folds all"),
        ("leave-one-speaker-out", "1/10", None, r"^--fold 1/10: here has 6 folds; name one of them, such as 1/6$"),
        ("leave-one-session-out", "1/5", None, r"^--fold 1/5: here has 3 folds; name one of them, such as 1/3$"),
        ("k-fold", "1/7", None, r"^--fold 1/7: here can be dealt into 3 to 6 folds, as many as it has speakers"),
        ("k-fold", "1/2", None, r"^--fold 1/2: here can be dealt into 3 to 6 folds"),
        ("speaker", None, NAMELESS, r"^here: does not say the speaker of 9 of 9 clips \(first: c0\); use --splits k-f"),
        ("leave-one-session-out", "1/2", NAMELESS, r"^here: does not say the session of 9 of 9 clips"),
        ("speaker", None, voices(2), r"^here: has 2 speakers, too few to train, validate and test$"),
        (
            "leave-one-speaker-out", "1/6", [c for c in voices() if c.speaker == "s0" or c.target != "sad"],
            r"^here, --splits leave-one-speaker-out: label 'sad' appears in test \(2 clips\) but never in train$",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_divided(kind: str, fold: str | None, clips: list[Clip] | None, message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        division(kind, fold, of=corpus(clips))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3", r"^--fold 3: write K/N, such as 3/10 for the third of ten folds$"),
        ("0/4", r"^--fold 0/4: folds are counted from 1, such as 1/4$"),
        ("5/4", r"^--fold 5/4: folds are counted from 1, such as 1/4$"),
        ("1/1", r"^--fold 1/1: folds are counted from 1, such as 1/2$"),
    ],
)
def test_folds_that_are_none(text: str, message: str) -> None:
    with pytest.raises(BadOptionError, match=message):
        Fold.read(text)


@pytest.mark.parametrize(
    ("kind", "asked", "expected"),
    [("leave-one-speaker-out", "all", 6), ("leave-one-session-out", 3, 3), ("k-fold", 4, 4), ("random", "all", 10)],
)
def test_how_many_folds(kind: str, asked: object, expected: int) -> None:
    assert count_of(corpus(), kind, asked, 0, "here") == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "asked", "message"),
    [
        ("own", "all", r"^--folds all: --splits own has none; name one that has \(leave-one-speaker-out, "),
        ("leave-one-speaker-out", 5, r"^--folds 5: here has 6 folds; leave it at all$"),
        ("k-fold", "all", r"^--fold 1/10: here can be dealt into 3 to 6 folds"),
    ],
)
def test_folds_that_cannot_all_be_made(kind: str, asked: object, message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        count_of(corpus(), kind, asked, 0, "here")  # type: ignore[arg-type]


def test_kinds_and_files_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").touch()
    assert [named(kind) for kind in KINDS] == list(KINDS)
    assert named("mine.csv") == str(tmp_path / "mine.csv")
    with pytest.raises(UnknownNameError, match=r"^there is no kind of splits 'k-flod'; did you mean 'k-fold'\?"):
        named("k-flod")
    with pytest.raises(SefrontError, match=r"^--splits other\.csv: no such file; expected a list \(\.csv, \.jsonl\)"):
        named("other.csv")


def test_real_speakers_are_left_out_one_by_one(real_data: Path) -> None:
    emodb = Catalogue.installed().corpora["emodb"](real_data / "emodb")
    found = [division_of(divide(emodb, "leave-one-speaker-out", f"{k}/8", 0, "emodb")) for k in range(1, 9)]
    assert [len(each.clips["test"]) for each in found] == [49, 58, 43, 38, 55, 35, 61, 69]
    assert all(len(whole(each.clips)) == 408 for each in found)
