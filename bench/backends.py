"""What the socket, long clips, decoding and openSMILE's features cost the backends.

    python bench/backends.py [--seconds 8] [NAME...]

For every backend of the catalogue, at its full size: a training step through `learn_backend` and `Update` over the same
model, loss and fused optimiser in a loop written by hand; what a second of audio costs in clips of 15.36 s over what it
costs in clips of 5.12 s; and how many operators compute the features of 16 clips and of 2. Without a NAME also beam
search with a 3-gram, written here and `an4.lm` where SEFRONT_TEST_DATA has it, and IS09 features of clips heard before.

Everything runs in one thread and is timed by the processor's clock, which stands still while others use the machine.
Ratios are medians over interleaved rounds, as many as `--seconds` allow but at least 7. The status is 1 where a bound
is missed.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import torch
from decoding import real_time_factors
from torch.utils._python_dispatch import TorchDispatchMode

from sefront.core import Batch, Task, Update
from sefront.core.errors import MissingExtraError
from sefront.core.kinds import EXAMPLES
from sefront.core.modes import judging
from sefront.core.phases import learn_backend
from sefront.core.precision import arranged, autocast, keep_freed_memory, native_bf16
from sefront.core.recipe import Recipe
from sefront.core.segments import SegmentClassifier
from sefront.core.transcripts import transcription
from sefront.plugins import Catalogue
from sefront.testing.material import example

RATE = 16000
CPU = torch.device("cpu")
BF16 = native_bf16(CPU)
TASKS: dict[str, Task] = {**EXAMPLES, "transcription": transcription()}
SIZES = {"classification": (16, 1.0), "transcription": (8, 3.0), "trace": (1, 60.0)}  # clips of so many seconds
SYMBOLS = 12  # of a transcript, a second
SHORT, LONG = 5.12, 15.36  # seconds
STEP, LINEAR, AGAIN = 1.05, 1.2, 0.1  # bounds
WINDOWED = {"scr_m5"}  # hears a fixed length, and a longer clip in as many windows as cover it
MISSED: list[str] = []

Step = Callable[[], object]


def show(name: str, text: str, value: float, bound: float | None) -> None:
    """A row of a table; what is over its bound is remembered."""
    over = bound is not None and value > bound
    if over:
        MISSED.append(name)
    print(f"  {name:18} {value:7.3f}  {text}{'  MISSED' if over else ''}", flush=True)


def batch(task: Task, clips: int, seconds: float, shortest: float = 1.0) -> Batch:
    """Clips from `seconds` down to a share of that; where they are transcribed, with texts of a usual length."""
    lengths = [round(seconds * RATE * (1 - (1 - shortest) * row / clips)) for row in range(clips)]
    made = example(lengths, task)
    if task.kind != "transcription":
        return made
    symbols = torch.div(made.lengths * SYMBOLS, RATE, rounding_mode="floor")
    generator = torch.Generator().manual_seed(0)
    texts = torch.randint(1, len(task.labels), (clips, int(symbols.max())), generator=generator)
    return replace(made, target=texts, target_lengths=symbols)


def forgetting(backend: Any, step: Step) -> Step:
    """The same, but functionals that were remembered are computed again."""

    def forgetful() -> None:
        backend.is09.known.clear()
        step()

    return forgetful


def ours(backend: Any, data: Batch) -> Step:
    phase = learn_backend(backend, "noisy")
    update = Update({"backend": backend}, {"backend": Recipe.of(backend, {}, "backend")}, bf16=BF16)

    def step() -> None:
        with update.precision(CPU):
            phase.step(data, update)

    return step


def by_hand(backend: Any, data: Batch) -> Step:
    """The loop a careful person would write for this one model."""
    recipe = Recipe.of(backend, {}, "backend")
    optimiser = torch.optim.Adam(backend.parameters(), recipe.lr, weight_decay=recipe.weight_decay, fused=True)

    def step() -> None:
        backend.train()
        optimiser.zero_grad()
        with autocast(BF16, CPU):
            loss = backend.loss(backend(data.noisy, data.lengths), data).mean()
        loss.backward()  # under autocast, products of single precision would be rounded on their way back
        optimiser.step()

    return step


def timed(work: Step) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def ratio(first: Step, second: Step, budget: float) -> tuple[float, float, int]:
    """Median of first / second over interleaved rounds, median seconds of the second, and the number of rounds."""
    took: list[tuple[float, float]] = []
    first(), second()
    while len(took) < 7 or (len(took) < 201 and sum(map(sum, took)) < budget):
        if len(took) % 2:
            a, b = timed(first), timed(second)
        else:
            b, a = timed(second), timed(first)
        took.append((a, b))
    return median(a / b for a, b in took), median(b for _, b in took), len(took)


def size(name: str, backend: Any, kind: str) -> tuple[int, float]:
    if isinstance(backend, SegmentClassifier):
        return 16, 3.0
    return (backend.recipe.batch_size, 1.0) if name == "fcn384" else SIZES[kind]


def training_steps(backends: dict[str, Any], budget: float) -> None:
    print(f"training step through sefront over the same by hand; bound {STEP}")
    for name, (task, backend) in backends.items():
        clips, seconds = size(name, backend, task.kind)
        data = batch(task, clips, seconds, 0.8)
        one, other = copy.deepcopy(backend), copy.deepcopy(backend)
        steps = {"": (ours(one, data), by_hand(other, data))}
        if hasattr(backend, "is09"):
            steps[", cold"] = forgetting(one, ours(one, data)), forgetting(other, by_hand(other, data))
        for suffix, (first, second) in steps.items():
            value, took, rounds = ratio(first, second, budget)
            text = f"of {1000 * took:7.1f} ms by hand, {clips} x {seconds:g} s, {rounds} rounds"
            show(name + suffix, text, value, STEP)


def growth(backends: dict[str, Any], budget: float) -> None:
    print(f"what a second of audio costs to train on in clips of {LONG} s over {SHORT} s; bound {LINEAR}")
    for name, (task, backend) in backends.items():
        clips = 2  # of unequal length, as batches are
        model = copy.deepcopy(backend)
        steps = [ours(model, batch(task, clips, seconds, 0.8)) for seconds in (LONG, SHORT)]
        if hasattr(model, "is09"):
            steps = [forgetting(model, step) for step in steps]
        value, took, rounds = ratio(steps[0], steps[1], budget)
        text = f"of {1000 * took / (clips * SHORT):5.1f} ms, {clips} clips, {rounds} rounds"
        exempt = name in WINDOWED
        show(name, text + ", exempt" * exempt, value * SHORT / LONG, None if exempt else LINEAR)


class Counting(TorchDispatchMode):
    """Counts the operators that are called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        return func(*args, **(kwargs or {}))


def loops(backends: dict[str, Any]) -> None:
    print("operators called for the features of 16 clips over those for 2: more where clips are looped over; bound 1")
    for name, (task, backend) in backends.items():
        features = getattr(backend, "features", backend)  # of a model that has none, the whole pass forward
        calls = []
        for clips in (16, 2):
            data = batch(task, clips, 1.0)
            lengths = torch.where(torch.arange(clips) % 2 == 0, data.lengths, RATE // 2)
            with judging(backend), Counting() as counting:
                features(data.noisy, lengths)
            calls.append(counting.calls)
        opensmile = ", but openSMILE takes one clip at a time" * hasattr(backend, "is09")
        show(name, f"{calls[0]} operators{opensmile}", calls[0] / calls[1], 1.0)


def decoding() -> None:
    print("beam search with a beam of 100, seconds of computing for a second of audio; bound 1")
    try:
        for name, factor in real_time_factors():
            show(name, f"{1000 * factor:.1f} ms a second", factor, 1.0)
    except MissingExtraError as error:
        print(f"  skipped: {error}")


def heard_before(backends: dict[str, Any]) -> None:
    print(f"IS09 features of 64 clips of 3 s, second pass over the first; bound {AGAIN}")
    for name, (task, backend) in backends.items():
        if hasattr(backend, "is09"):
            data = batch(task, 64, 3.0, 0.8)
            first, second = (timed(lambda: backend.is09(data.clean, data.lengths)) for _ in range(2))  # noqa: B023
            show(name, f"{1000 * second / 64:.3f} ms a clip after {1000 * first / 64:.1f} ms", second / first, AGAIN)


def built(names: list[str]) -> dict[str, Any]:
    """The task and an untrained model of every backend by name; without one whose extra is missing."""
    found, made = Catalogue.installed().backends, {}
    for name in names or found:
        torch.manual_seed(0)
        task = TASKS[getattr(found[name], "kind", "classification")]
        try:
            backend = found[name](task, RATE)
        except MissingExtraError as error:
            print(f"{name} skipped: {error}")
            continue
        arranged(backend, CPU, BF16)
        made[name] = task, backend
    return made


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seconds", type=float, default=8.0)
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    backends = built(arguments.names)
    loops(backends)
    if not arguments.names:
        heard_before(backends)
        decoding()
    training_steps(backends, arguments.seconds)
    growth(backends, arguments.seconds)
    if MISSED:
        print(f"over their bounds: {', '.join(MISSED)}")
    return int(bool(MISSED))


if __name__ == "__main__":
    sys.exit(main())
