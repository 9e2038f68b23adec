"""What training knew of every sample: its weight, its task loss, the answer it got, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sefront.core.errors import SefrontError
from sefront.core.types import Batch

Row = dict[str, Any]


class Samples:
    """Gathers the values per sample, (batch,), that the steps of an epoch return."""

    def __init__(self) -> None:
        self._shown: list[tuple[tuple[str, ...], Tensor]] = []
        self._steps: list[tuple[list[str], dict[str, Tensor]]] = []

    def show(self, batch: Batch) -> None:
        """Take note of a batch that is given to a step."""
        self._shown.append((batch.ids, batch.snr))

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Keep those `values` that say something of each sample: of all that were shown last, however many they are.

        Raises:
            SefrontError: They are not as many as there were samples.
        """
        own = {name: value for name, value in values.items() if value.dim() == 1}
        if not own:
            return
        ids = [name for names, _ in self._shown for name in names]
        counts = {len(value) for value in own.values()}
        if len(counts) > 1 or max(counts) > len(ids):
            told = ", ".join(f"{len(value)} of {name}" for name, value in own.items())
            raise SefrontError(f"a step on {len(ids)} samples returned {told}; it returns one for each, or one number")
        count = counts.pop()
        snr = torch.cat([levels for _, levels in self._shown])
        self._steps.append((ids[len(ids) - count :], {"snr": snr[len(snr) - count :], **own}))
        self._shown.clear()

    def steps(self) -> list[list[Row]]:
        """For every step a row for each time that a sample was presented, in that order."""
        return [
            [{"id": name, **dict(zip(columns, row, strict=True))} for name, *row in zip(ids, *listed, strict=True)]
            for ids, columns in self._steps
            for listed in [[[rounded(x) for x in column.tolist()] for column in columns.values()]]
        ]


def rounded(value: float) -> float | None:
    """`value` to six digits; None where it is not finite."""
    if isinstance(value, int):
        return value
    return float(f"{value:.6g}") if value - value == 0 else None
