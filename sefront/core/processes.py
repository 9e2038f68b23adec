"""One training run over several processes (``torchrun`` or ``accelerate launch``).

Models are not wrapped: each process computes gradients on its share of the global batch and they are summed. So a
weight, a mean and an uneven last batch come out as in one process, and parts that take no part in a step need no care.
BatchNorm statistics stay local to a process; those of the first process are kept.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
Row = dict[str, Any]


class Processes:
    """Who this process is among those that train together."""

    def __init__(self) -> None:
        self.world = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self._state: Any = None
        if self.world > 1:
            from accelerate import PartialState

            # the others wait while the first one evaluates, which may take longer than torch would wait
            self._state = PartialState(cpu=not torch.cuda.is_available(), timeout=timedelta(days=7))

    @property
    def main(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def device(self, asked: torch.device) -> torch.device:
        """The device of this process: its own GPU where several share a machine."""
        return self._state.device if self._state is not None and asked.type == "cuda" else asked

    def share(self, keys: list[T]) -> list[T]:
        """What this process takes of a batch; all take all of one that is too small to divide, as none may miss a step.

        Every clip then counts as often as there are processes, which changes neither means nor weights that sum to one.
        """
        return keys[self.rank :: self.world] if len(keys) >= self.world else keys

    def wait(self) -> None:
        """Go on when all processes have come this far: what the first has written, the others may read."""
        if self._state is not None:
            self._state.wait_for_everyone()

    def total(self, value: Tensor) -> Tensor:
        """`value` summed over all processes."""
        if self.world == 1:
            return value
        from accelerate.utils import reduce

        return torch.as_tensor(reduce(value.clone(), reduction="sum"))

    def all_have(self, batch: object, device: torch.device) -> bool:
        """Whether `batch` is there in every process; where it is not, all must skip the step, or some would wait."""
        if self.world == 1:
            return batch is not None
        return float(self.total(torch.tensor(float(batch is not None), device=device))) == self.world

    def gathered(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """The `values` (batch,) of all processes in the order of the global batch, and where those of this one are."""
        if self.world == 1:
            return values, torch.arange(len(values), device=values.device)
        from accelerate.utils import gather

        counts = torch.as_tensor(gather(torch.tensor([len(values)], device=values.device)))
        longest = int(counts.max())
        padded = torch.cat([values, values.new_zeros(longest - len(values))])
        rows = torch.as_tensor(gather(padded)).reshape(self.world, longest)
        # `share` deals clips out in turn, so columns follow each other
        there = (torch.arange(longest, device=values.device)[:, None] < counts).flatten()
        place = (there.cumsum(0) - 1).reshape(longest, self.world)[:, self.rank]
        return rows.T.flatten()[there], place[: len(values)]

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Replace every gradient by its sum over all processes, in one message."""
        if self.world == 1:
            return
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = self.total(torch.cat([g.flatten() for g in gradients]))
        for parameter, gradient in zip(parameters, torch.split(flat, [g.numel() for g in gradients]), strict=True):
            parameter.grad = gradient.view_as(parameter).clone()

    def together(self, values: Sequence[T]) -> Sequence[T]:
        """The `values` of all processes, one process after the other."""
        if self.world == 1:
            return values
        from accelerate.utils import gather_object

        return list(gather_object(values))

    def once(self, steps: Sequence[Sequence[Row]]) -> list[list[Row]]:
        """Rows of samples, step by step, of all processes; of a step that all took whole (see `share`) those of one."""
        if self.world == 1:
            return [list(rows) for rows in steps]
        from accelerate.utils import gather_object

        merged = []
        for parts in zip(*gather_object([steps]), strict=True):
            ids = [[row["id"] for row in part] for part in parts]
            whole = all(names == ids[0] for names in ids)
            merged.append(list(parts[0]) if whole else [row for part in parts for row in part])
        return merged

    def same(self, value: float) -> float:
        """The first process' `value`, on all of them."""
        if self.world == 1:
            return value
        from accelerate.utils import broadcast_object_list

        return float(broadcast_object_list([value])[0])
