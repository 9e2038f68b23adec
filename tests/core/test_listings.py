from __future__ import annotations

from pathlib import Path

import pytest

from sefront.core.audio import AudioFile
from sefront.core.clips import SPLITS, Clip, Split
from sefront.core.errors import SefrontError
from sefront.core.listings import by_fold, fold_of, homes_of_folds, rows_of


def test_rows_are_cut_down_to_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("\ufeffname\tlabel\tmore\n a \tdog\tx\nb\n".encode())
    assert rows_of(path, ("label", "name"), "a table", "\t") == [
        (f"{path}, line 2", {"label": "dog", "name": "a"}),
        (f"{path}, line 3", {"label": "", "name": "b"}),
    ]


def test_a_missing_column(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("name\n")
    with pytest.raises(SefrontError, match=r"table\.csv: no column 'label'; expected a table with labels"):
        rows_of(tmp_path / "table.csv", ("name", "label"), "a table with labels")


def test_folds_are_numbers() -> None:
    assert fold_of("03", "here") == "3"
    with pytest.raises(SefrontError, match="here: fold is 'b'; expected a number"):
        fold_of("b", "here")


def test_folds_become_splits() -> None:
    assert homes_of_folds(["1", "2", "10"], {"train": (), "valid": (), "test": ()}) == {
        "1": "train", "2": "train", "10": "test"
    }  # fmt: skip
    assert homes_of_folds(["1", "2", "10"], {"train": ("1",), "valid": (), "test": ("2",)}) == {
        "1": "train", "2": "test"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("valid", "sizes"), [((), [6, 2, 8]), ((1,), [0, 8, 8])], ids=["drawn by recording", "a fold of its own"]
)
def test_validation(valid: tuple[int, ...], sizes: list[int]) -> None:
    clips = [
        Clip(f"{fold}{i}", AudioFile(Path(f"{fold}{i}.wav")), "dog", recording=f"{fold}{i // 2}")
        for fold in (1, 2)
        for i in range(8)
    ]
    stated: dict[Split, tuple[int, ...]] = {"train": (), "valid": valid, "test": ()}
    splits = by_fold(clips, {clip.id: clip.id[0] for clip in clips}, stated, "here")
    assert [len(splits[split]) for split in SPLITS] == sizes
    assert not {c.recording for c in splits["train"]} & {c.recording for c in splits["valid"]}
