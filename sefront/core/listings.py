"""Tables that come with a corpus and say what its files are, and the folds that such a table may divide them into."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from sefront.core.clips import SPLITS, Clip, Split
from sefront.core.corpora import VALID, Splits, check_stated, origin, with_valid
from sefront.core.errors import SefrontError

Row = tuple[str, dict[str, str]]  # where it stands, for messages, and its cells by column


def rows_of(path: Path, columns: Sequence[str], layout: str, delimiter: str = ",") -> list[Row]:
    """The rows of a table, cut down to `columns`.

    Args:
        path: The table, whose first line names the columns.
        columns: Those that have to be there.
        layout: What the error says is expected.
        delimiter: What stands between cells.

    Raises:
        SefrontError: The table or one of its columns is missing.
    """
    if not path.is_file():
        raise SefrontError(f"{path}: no such file; expected {layout}")
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file, delimiter=delimiter)
        missing = [column for column in columns if column not in (rows.fieldnames or [])]
        if missing:
            raise SefrontError(f"{path}: no column '{missing[0]}'; expected {layout}")
        return [
            (f"{path}, line {rows.line_num}", {column: str(row[column] or "").strip() for column in columns})
            for row in rows
        ]


def fold_of(text: str, where: str) -> str:
    """The number of a fold in its plain form, so that 03 is 3.

    Raises:
        SefrontError: It is not a number; `where` says which.
    """
    if not text.isdecimal():
        raise SefrontError(f"{where}: fold is '{text}'; expected a number")
    return str(int(text))


def by_fold(
    clips: Sequence[Clip],
    folds: Mapping[str, str],
    stated: Mapping[Split, Sequence[int]],
    owner: str,
) -> Splits:
    """Splits made of whole folds; where none is stated for validation, it is drawn out of train by recording.

    Args:
        clips: All clips.
        folds: The fold of each clip, by id.
        stated: The folds of each split; none where that is left to `homes_of_folds`.
        owner: The corpus, for messages.

    Raises:
        SefrontError: A stated fold does not exist, or is in two splits.
    """
    names = {split: tuple(map(str, stated[split])) for split in SPLITS}
    present = sorted({folds[clip.id] for clip in clips}, key=int)
    check_stated("fold", owner, present, names)
    homes = homes_of_folds(present, names)
    splits: Splits = {split: tuple(clip for clip in clips if homes.get(folds[clip.id]) == split) for split in SPLITS}
    if names["valid"]:
        return splits
    return with_valid(splits, origin, lambda clip: str(clip.target), VALID)


def homes_of_folds(folds: Sequence[str], stated: Mapping[Split, Sequence[str]]) -> dict[str, Split]:
    """The split of each fold: as stated, then the last for test and the rest for training.

    Folds that a stated train leaves over are in no split.
    """
    homes: dict[str, Split] = {fold: split for split, names in stated.items() for fold in names}
    left = [fold for fold in folds if fold not in homes]
    if left and not stated["test"]:
        homes[left.pop()] = "test"
    if not stated["train"]:
        homes |= dict.fromkeys(left, "train")
    return homes
