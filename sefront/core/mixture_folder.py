"""Mixtures as files: ``noisy``, ``clean`` and ``noise`` of each, their list, and a manifest that makes them a corpus.

A triple is written as a whole or not at all, its noisy file last, and noted as soon as it is there. So work that was
broken off goes on where it ended.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sefront.core.audio_writing import writing
from sefront.core.damages import Damaged, Damages
from sefront.core.errors import DamagedAudioError, SefrontError
from sefront.core.files import append_line, clear_failures, read_lines, write_json, write_text
from sefront.core.mixing import Mixture, Wave
from sefront.core.mixture_entry import Entry
from sefront.core.mixture_list import LIST, write_list
from sefront.core.mixture_request import Order, Orders
from sefront.core.progress import Progress

PARTS = ("clean", "noise", "noisy")  # in the order in which they are written
REQUEST, UNFINISHED, MANIFEST = "request.json", ".unfinished.jsonl", "manifest.csv"
AGAIN = "repeat the command"


def write_mixtures(place: Path, orders: Orders, damages: Damages, progress: Progress) -> list[Entry]:
    """Write what was ordered into the folder `place`; what is there already stays.

    Returns:
        The list of the mixtures. Those of damaged clips are missing, as `damages` tells.

    Raises:
        SefrontError: Something else lies there, a mixture has not its SNR, or nothing could be mixed.
    """
    begin(place, orders.asked)
    done = finished(place)
    write_list(place / UNFINISHED, done.values(), AGAIN)
    progress.start("mixing", len(orders.each))
    for order in orders.each:
        if order.name not in done and (entry := written(place, order, damages)) is not None:
            append_line(place / UNFINISHED, entry.as_row())
            done[order.name] = entry
        progress.advance()
    kept = [order for order in orders.each if order.name in done]
    if not kept:
        raise SefrontError(f"nothing was mixed; {damages.summary()}")
    entries = [done[order.name] for order in kept]
    write_text(place / MANIFEST, manifest(kept, orders.target), AGAIN)
    write_list(place / LIST, entries, AGAIN)
    (place / UNFINISHED).unlink()
    return entries


def begin(place: Path, asked: Mapping[str, Any]) -> None:
    """Note what is asked for, or see that it is what was asked for before.

    Raises:
        SefrontError: It is not, or the folder holds something else.
    """
    path, wanted = place / REQUEST, json.loads(json.dumps(asked))
    if not path.exists():
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise SefrontError(f"{place}: is not empty and holds no mixtures of this command; name another -o")
        write_json(path, asked, AGAIN)
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SefrontError(f"{path}: cannot be read ({error}); name another -o") from error
    for key, value in wanted.items():
        if before.get(key) != value:
            what = (
                "clips or noises have changed" if key == "data" else f"{key} was {before.get(key)} and is {value} now"
            )
            raise SefrontError(
                f"{place}: holds mixtures of another request ({what}); name another -o, or ask as before"
            )


def finished(place: Path) -> dict[str, Entry]:
    """The mixtures that are there as a whole, by name."""
    rows = [row for name in (LIST, UNFINISHED) for row in read_lines(place / name)]
    entries = [Entry.of(row, str(place / LIST)) for row in rows]
    return {e.id: e for e in entries if all((place / part / f"{e.id}.wav").exists() for part in PARTS)}


def written(place: Path, order: Order, damages: Damages) -> Entry | None:
    """Write one mixture; None where its clip is damaged.

    Raises:
        SefrontError: It has not its SNR, no noise can be used, or the files cannot be written.
    """
    left_out: list[Damaged] = []
    try:
        wave = order.mixtures.reader.read(order.clip)
    except DamagedAudioError as error:
        damages(Damaged(order.clip.id, str(error)))
        return None
    mixture, _, entry = order.mixtures.mixture(order.draw, wave, left_out)
    for damaged in left_out:
        damages(damaged)
    for part, samples in zip(PARTS, waves(mixture, order), strict=True):
        path = place / part / f"{order.name}.wav"
        with clear_failures(path, AGAIN, "-o"), writing(path, order.mixtures.reader.sample_rate, 1, "FLOAT") as put:
            put(samples[:, None])
    return None if entry is None else replace(entry, id=order.name)


def waves(mixture: Mixture, order: Order) -> tuple[Wave, Wave, Wave]:
    """Clean, noise and noisy; where nothing but noise comes to the clip, noisy is the sum of the other two."""
    conditions = order.mixtures.conditions
    plain = not conditions.degrade and conditions.reverb is None
    whole = np.asarray(mixture.clean + mixture.added, dtype=np.float32)
    return mixture.clean, mixture.added, whole if plain else mixture.noisy


def manifest(orders: list[Order], target: str | None) -> str:
    """The noisy files as a corpus: their split, speaker and target."""
    text = io.StringIO()
    columns = ["id", "path", "split", "speaker", *([target] if target else [])]
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    for order in orders:
        row = [order.name, f"noisy/{order.name}.wav", order.split, order.clip.speaker or ""]
        table.writerow([*row, *([str(order.clip.target)] if target else [])])
    return text.getvalue()
