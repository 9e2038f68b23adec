"""One training step of every mode against a hand-written minimal PyTorch loop, interleaved in one process.

    python bench/step.py [--rounds 15] [--tiny-rounds 200]

Both loops share models, batch, precision and fused optimisers; each works on copies of its own. Printed are medians of
the ratios round by round, which hold when the machine's speed drifts. Bounds: 1.02 on 16 clips of one second, 1.10 on a
step of a few milliseconds, and 0.88 for `share_forward` over the literal iterative step.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from sefront.backends.ser_cnn import SerCNN
from sefront.core import Batch, Task, Update
from sefront.core.precision import arranged, autocast, keep_freed_memory, native_bf16
from sefront.core.recipe import Recipe
from sefront.couplings.augment import Augment
from sefront.couplings.baseline import Baseline
from sefront.couplings.frontend_only import FrontendOnly
from sefront.couplings.frozen import Frozen
from sefront.couplings.iterative import Iterative
from sefront.couplings.mtl import MTL
from sefront.frontends.unet import UNet

CPU = torch.device("cpu")
BF16 = native_bf16(CPU)
Step = Callable[[Batch], None]
PHASE = {
    "frontend_only": FrontendOnly,
    "baseline": Baseline,
    "augment": Augment,
    "frozen": Frozen,
    "mtl": MTL,
    "iterative": Iterative,
}


def batch(clips: int, samples: int) -> Batch:
    generator = torch.Generator().manual_seed(0)
    clean, noise = 0.1 * torch.randn(2, clips, samples, generator=generator)
    ones = torch.ones(clips, dtype=torch.long)
    target = torch.randint(4, (clips,), generator=generator)
    ids = tuple(map(str, range(clips)))
    return Batch(clean + noise, clean, samples * ones, target, ones, ids, torch.zeros(clips))


def ours(mode: str, f: UNet, g: SerCNN, **options: object) -> Step:
    phase = PHASE[mode](**options).phases(f, g)[-1]
    modules = {name: {"frontend": f, "backend": g}[name] for name in phase.learners}
    update = Update(modules, {name: Recipe() for name in modules}, bf16=BF16)

    def step(data: Batch) -> None:
        with update.precision(CPU):
            phase.step(data, update)

    return step


def by_hand(mode: str, f: UNet, g: SerCNN) -> Step:
    """The loop a careful person would write for this one pair."""
    of = torch.optim.Adam(f.parameters(), 1e-3, fused=True)
    og = torch.optim.Adam(g.parameters(), 1e-3, fused=True)

    def move(loss: Tensor, *optimisers: torch.optim.Optimizer) -> None:
        for optimiser in optimisers:
            optimiser.zero_grad()
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()

    def frontend_only(b: Batch) -> None:
        f.train()
        move(f.loss(f(b.noisy, b.lengths), b).mean(), of)

    def backend_on(waves: Callable[[Batch], Tensor]) -> Step:
        def step(b: Batch) -> None:
            x = waves(b)
            g.train()
            move(g.loss(g(x, b.lengths), b).mean(), og)

        return step

    def enhanced(b: Batch) -> Tensor:
        f.eval()
        with torch.no_grad():
            return f(b.noisy, b.lengths).waves

    def mtl(b: Batch) -> None:
        f.train()
        g.train()
        out = f(b.noisy, b.lengths)
        move((f.loss(out, b) + g.loss(g(out.waves, b.lengths), b)).mean(), of, og)

    def iterative(b: Batch) -> None:
        backend_on(enhanced)(b)
        f.train()
        out = f(b.noisy, b.lengths)
        g.eval()
        with torch.no_grad():
            losses = g.loss(g(out.waves.detach(), b.lengths), b)
            weights = losses / losses.sum()
        move((weights * f.loss(out, b)).sum(), of)

    steps: dict[str, Step] = {
        "frontend_only": frontend_only,
        "baseline": backend_on(lambda b: b.clean if b.clean is not None else b.noisy),
        "augment": backend_on(lambda b: b.noisy),
        "frozen": backend_on(enhanced),
        "mtl": mtl,
        "iterative": iterative,
    }

    def step(data: Batch) -> None:
        with autocast(BF16, CPU):
            steps[mode](data)

    return step


def ratio(first: Step, second: Step, data: Batch, rounds: int) -> tuple[float, float]:
    """Median of first / second over interleaved rounds, and the median seconds of the second."""
    ratios, seconds = [], []
    for number in range(rounds + 2):
        took = {}
        for name, step in (("a", first), ("b", second)) if number % 2 else (("b", second), ("a", first)):
            began = time.perf_counter()
            step(data)
            took[name] = time.perf_counter() - began
        if number >= 2:  # the first rounds warm up
            ratios.append(took["a"] / took["b"])
            seconds.append(took["b"])
    return statistics.median(ratios), statistics.median(seconds)


def compare(title: str, pair: tuple[UNet, SerCNN], data: Batch, rounds: int, bound: float) -> None:
    print(f"{title}; bound {bound}")
    for mode in PHASE:
        a, b = copy.deepcopy(pair), copy.deepcopy(pair)
        value, seconds = ratio(ours(mode, *a), by_hand(mode, *b), data, rounds)
        print(f"  {mode:15s} {value:.3f}  of {1000 * seconds:.1f} ms by hand")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--tiny-rounds", type=int, default=200)
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.manual_seed(0)
    task = Task("classification", ("a", "b", "c", "d"), "uar")
    pair = UNet(16000), SerCNN(task, 16000)
    for module in pair:
        arranged(module, CPU, BF16)
    data = batch(16, 16000)
    compare("16 x 1 s, unet + ser_cnn", pair, data, arguments.rounds, 1.02)
    tiny = UNet(16000, width=2, depth=2, n_fft=256, hop=128), SerCNN(task, 16000, width=8)
    compare("4 x 0.25 s, tiny models", tiny, batch(4, 4000), arguments.tiny_rounds, 1.10)
    a, b = copy.deepcopy(pair), copy.deepcopy(pair)
    shared, _ = ratio(ours("iterative", *a, share_forward=True), ours("iterative", *b), data, arguments.rounds)
    print(f"iterative with share_forward over without: {shared:.3f}; bound 0.88")


if __name__ == "__main__":
    main()
