"""WSJ0: read sentences of the Wall Street Journal, as clean speech without labels to train enhancers on.

The speaker-independent training set si_tr_s trains; where the corpus's own index tr_s_wv1.ndx is there, only what it
lists of the first microphone, which are the 7138 utterances of 83 speakers called SI-84 (speaker 401 is listed, but
was never on the discs). The sets si_dt_05 and si_et_05 validate and test; without the former, training speakers are
held out. The .wv1 files of the discs are SPHERE files with compression, which soundfile cannot read: convert them to
.wav or .flac and keep folders and names. Source: Paul and Baker 1992, doi:10.3115/1075527.1075614.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sefront.core.audio import AudioFile, audio_files
from sefront.core.clips import Card, Clip, Split
from sefront.core.corpora import VALID, Splits, check_shares, faults, folder_at, with_valid
from sefront.core.errors import SefrontError

LAYOUT = (
    "anywhere below si_tr_s/SPEAKER/NAME.wav (or .flac, converted from .wv1: sph2pipe -f wav NAME.wv1 NAME.wav), "
    "likewise si_dt_05 and si_et_05, and tr_s_wv1.ndx for SI-84"
)
PARTS: dict[Split, str] = {"train": "si_tr_s", "valid": "si_dt_05", "test": "si_et_05"}
INDEX = "tr_s_wv1.ndx"


class WSJ0:
    """Clean read English without labels.

    Args:
        valid: Share of the training speakers for validation, where there is no si_dt_05.
    """

    def __init__(self, root: Path, *, valid: float = VALID) -> None:
        check_shares(valid, 0.0)
        self._root = folder_at(Path(root), LAYOUT)
        files = {f"{set_of(path)}/{path.stem}": path for path in audio_files(self._root) if set_of(path)}
        if not files:
            raise SefrontError(f"{self._root}: {self._obstacle()}; expected {LAYOUT}")
        listed = index(self._root)
        kept = {
            name: path
            for name, path in files.items()
            if listed is None or set_of(path) != PARTS["train"] or path.stem.lower() in listed
        }
        self._absent = sorted((listed or set()) - {path.stem.lower() for path in kept.values()})
        splits: Splits = {
            split: tuple(
                Clip(name, AudioFile(path), speaker=path.parent.name)
                for name, path in kept.items()
                if set_of(path) == part
            )
            for split, part in PARTS.items()
        }
        drawn = valid > 0 and not splits["valid"]
        self._splits = with_valid(splits, lambda c: str(c.speaker), lambda c: "", valid) if drawn else splits

    def _obstacle(self) -> str:
        compressed = next((path for path in self._root.rglob("*") if path.suffix.lower() == ".wv1"), None)
        if compressed is None:
            return f"no audio in folders such as {PARTS['train']}"
        return f"only files such as {compressed.name}, which have to be converted first"

    def role(self) -> Literal["speech"]:
        """Read speech."""
        return "speech"

    def task(self) -> None:
        """Nothing to predict: it trains enhancers."""

    def clips(self, split: Split) -> Sequence[Clip]:
        """The utterances of a split by path, without a target."""
        return self._splits[split]

    def splits_of_its_own(self) -> bool:
        """Splits are the corpus's sets."""
        return True

    def problems(self) -> list[str]:
        """Unreadable files, speakers in two splits, utterances of SI-84 that are not there, no train."""
        found = list(faults(self._splits))
        if self._absent:
            found.append(f"{INDEX}: {len(self._absent)} listed utterances have no audio (first: {self._absent[0]})")
        if not self._splits["train"]:
            found.append(f"{self._root}: no utterances to train on; expected a folder {PARTS['train']}")
        return found

    def card(self) -> Card:
        """Paul and Baker 1992."""
        return Card(
            licence="LDC user agreement (LDC93S6A, or LDC93S6B with one microphone)",
            citation="D. B. Paul and J. M. Baker, 'The design for the Wall Street Journal-based CSR corpus', HLT 1992, "
            "doi:10.3115/1075527.1075614; J. Garofolo, D. Graff, D. Paul and D. Pallett, 'CSR-I (WSJ0) Complete', "
            "Linguistic Data Consortium",
            size="SI-84: 7138 utterances of 83 speakers",
            source="https://catalog.ldc.upenn.edu/LDC93S6A",
            apart=("speaker", "recording"),
            layout=LAYOUT,
        )


def set_of(path: Path) -> str:
    """The set that a file belongs to, such as si_tr_s; empty for files of other sets."""
    name = path.parent.parent.name
    return name if name in PARTS.values() else ""


def index(root: Path) -> set[str] | None:
    """The names that the index of SI-84 lists, in small letters; None without an index.

    A line reads ``11_1_1:wsj0/si_tr_s/01t/01to030v.wv1``; those that start with a semicolon are comments.

    Raises:
        SefrontError: A line of another form.
    """
    path = next(iter(sorted(root.rglob(INDEX))), None)
    if path is None:
        return None
    names: set[str] = set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        entry = line.strip().lower()
        if not entry or entry.startswith(";"):
            continue
        _, _, name = entry.partition(":")
        if Path(name).suffix != ".wv1":
            raise SefrontError(
                f"{path}, line {number}: '{line.strip()}' is not of the form DISC:wsj0/SET/SPEAKER/NAME.wv1"
            )
        if "/si_tr_s/401/" not in name:
            names.add(Path(name).stem)
    return names
