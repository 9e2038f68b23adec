"""One training step of every mode and weighting against a hand-written PyTorch loop, interleaved in one process.

    python bench/step.py [--rounds 15] [--tiny-rounds 200]

Both loops share models, batch, precision and fused optimisers; each works on copies of its own. Printed are medians of
the ratios round by round, which hold when the machine's speed drifts, of the processor's time, which holds when others
use it. `fused` takes the step of `frozen`. Bounds: 1.02 on 16 clips of one second, 1.10 on steps of a few milliseconds,
and 0.88 for `share_forward` over the literal iterative step. Counting of hard examples is timed by itself, since it is
less than the noise of a step: adding up the answers of one batch, over its step; bound 0.01. The peak memory of both
loops of `iterative` is compared as well, each in a process of its own; bound 1.05.
"""

from __future__ import annotations

import argparse
import copy
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

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
from sefront.couplings.independent import Independent
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
    "independent": Independent,
}


def batch(clips: int, samples: int) -> Batch:
    generator = torch.Generator().manual_seed(0)
    clean, noise = 0.1 * torch.randn(2, clips, samples, generator=generator)
    ones = torch.ones(clips, dtype=torch.long)
    target = torch.randint(4, (clips,), generator=generator)
    ids = tuple(map(str, range(clips)))
    return Batch(clean + noise, clean, samples * ones, target, ones, ids, torch.zeros(clips))


def ours(mode: str, f: UNet, g: SerCNN, **options: object) -> Step:
    coupling = PHASE[mode](**options)
    phase = [phase for phase in coupling.phases(f, g) if not phase.name.endswith("_hard")][-1]
    modules = {name: {"frontend": f, "backend": g, "coupling": coupling}[name] for name in phase.learners}
    update = Update(modules, {name: Recipe() for name in modules}, bf16=BF16)

    def step(data: Batch) -> None:
        with update.precision(CPU):
            phase.step(data, update)
            phase.close(update)

    return step


def clipped(losses: Tensor, w_max: float = 0.25) -> Tensor:
    """Linear weights of at most `w_max`, what they lose given to the others until nothing is left over."""
    weights, free = losses / losses.sum(), torch.ones_like(losses, dtype=torch.bool)
    while (over := free & (weights > w_max)).any():
        free &= ~over
        weights[over] = w_max
        weights[free] = losses[free] / losses[free].sum() * (1 - w_max * (~free).sum())
    return weights


def inverse(losses: Tensor) -> Tensor:
    ordered, order = losses.sort()
    return torch.empty_like(losses).scatter_(0, order, ordered.flip(0)) / losses.sum()


WEIGHTINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda c: c / c.sum(),
    "softmax": lambda c: c.softmax(0),
    "rank": lambda c: (2 * c.argsort().argsort() + 1) / len(c) ** 2,
    "power": lambda c: c.square() / c.square().sum(),
    "clipped": clipped,
    "uniform": lambda c: torch.full_like(c, 1 / len(c)),
    "shuffled": lambda c: c[torch.randperm(len(c))] / c.sum(),
    "inverse": inverse,
}


def by_hand(mode: str, f: UNet, g: SerCNN, weigh: Callable[[Tensor], Tensor] = WEIGHTINGS["linear"]) -> Step:
    """The loop a careful person would write for this one pair."""
    of = torch.optim.Adam(f.parameters(), 1e-3, fused=True)
    og = torch.optim.Adam(g.parameters(), 1e-3, fused=True)

    def move(loss: Tensor, *optimisers: torch.optim.Optimizer) -> None:
        for optimiser in optimisers:
            optimiser.zero_grad()
        with autocast(False, CPU):  # as torch recommends for the way back
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
            weights = weigh(losses)
        move((weights * f.loss(out, b)).sum(), of)

    counts: dict[str, list[int]] = {}

    def independent(b: Batch) -> None:
        x = enhanced(b)
        g.train()
        prediction = g(x, b.lengths)
        wrong = prediction.scores.argmax(-1) != b.target
        for name, failed in zip(b.ids, wrong.tolist(), strict=True):
            count = counts.setdefault(name, [0, 0])
            count[0] += failed
            count[1] += 1
        move(g.loss(prediction, b).mean(), og)

    steps: dict[str, Step] = {
        "frontend_only": frontend_only,
        "baseline": backend_on(lambda b: b.clean if b.clean is not None else b.noisy),
        "augment": backend_on(lambda b: b.noisy),
        "frozen": backend_on(enhanced),
        "mtl": mtl,
        "iterative": iterative,
        "independent": independent,
    }

    def step(data: Batch) -> None:
        with autocast(BF16, CPU):
            steps[mode](data)

    return step


def balanced_by_hand(balance: str, f: UNet, g: SerCNN) -> Step:
    """The same for a balance of `mtl`: learnt weights in one pass back, or two passes and a projection."""
    s = torch.zeros(2, requires_grad=True)
    optimisers = [torch.optim.Adam(p, 1e-3, fused=True) for p in (f.parameters(), g.parameters(), [s])]
    theta, phi = list(f.parameters()), list(g.parameters())

    def step(b: Batch) -> None:
        with autocast(BF16, CPU):
            f.train()
            g.train()
            out = f(b.noisy, b.lengths)
            own, task = f.loss(out, b).mean() + 1, g.loss(g(out.waves, b.lengths), b).mean()
        if balance == "uncertainty":
            (own * torch.exp(-s[0]) + task * torch.exp(-s[1]) + s.sum() / 2).backward()
        else:
            first = torch.autograd.grad(own, theta, retain_graph=True)
            second = torch.autograd.grad(task, [*theta, *phi])
            dot = sum((a * c).sum() for a, c in zip(first, second, strict=False))
            sides = first, second[: len(theta)]
            p, q = (1 - dot.clamp(max=0) / sum(c.square().sum() for c in side) for side in sides)
            for parameter, a, c in zip(theta, first, second, strict=False):
                parameter.grad = p * a + q * c
            for parameter, c in zip(phi, second[len(theta) :], strict=True):
                parameter.grad = c
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()

    return step


def ratio(first: Step, second: Step, data: Batch, rounds: int) -> tuple[float, float]:
    """Median of first / second over interleaved rounds, and the median seconds of the second."""
    ratios, seconds = [], []
    for number in range(rounds + 2):
        took = {}
        for name, step in (("a", first), ("b", second)) if number % 2 else (("b", second), ("a", first)):
            began = time.process_time()
            step(data)
            took[name] = time.process_time() - began
        if number >= 2:  # the first rounds warm up
            ratios.append(took["a"] / took["b"])
            seconds.append(took["b"])
    return statistics.median(ratios), statistics.median(seconds)


def counting(pair: tuple[UNet, SerCNN], data: Batch, rounds: int) -> float:
    """What `independent` takes to add up the answers of a batch, over the step in which they were given; the median."""
    frontend, backend = pair
    phase = Independent().phases(frontend, backend)[1]
    update = Update({"backend": backend}, {"backend": Recipe()}, bf16=BF16)
    found = []
    for _ in range(rounds):
        began = time.process_time()
        with update.precision(CPU):
            phase.step(data, update)
        stepped = time.process_time()
        phase.close(update)
        found.append((time.process_time() - stepped) / (stepped - began))
    return statistics.median(found)


def compare(title: str, pair: tuple[UNet, SerCNN], data: Batch, rounds: int, bound: float) -> None:
    print(f"{title}; bound {bound}")
    for mode in PHASE:
        a, b = copy.deepcopy(pair), copy.deepcopy(pair)
        value, seconds = ratio(ours(mode, *a), by_hand(mode, *b), data, rounds)
        print(f"  {mode:15s} {value:.3f}  of {1000 * seconds:.1f} ms by hand")


def compare_weightings(pair: tuple[UNet, SerCNN], data: Batch, rounds: int) -> None:
    for name, weigh in WEIGHTINGS.items():
        a, b = copy.deepcopy(pair), copy.deepcopy(pair)
        value, seconds = ratio(ours("iterative", *a, weights=name), by_hand("iterative", *b, weigh), data, rounds)
        print(f"  iterative, {name:9s} {value:.3f}  of {1000 * seconds:.1f} ms by hand")


def peak(step: Step, data: Batch) -> int:
    """Kilobytes that three steps need at most beyond what was there before (Linux)."""

    def status(name: str) -> int:
        return int(re.findall(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())[0])

    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = status("VmRSS")
    for _ in range(3):
        step(data)
    return status("VmHWM") - before


def compare_peaks() -> None:
    """Each loop in processes of its own; medians of three, since allocators do not do the same each time."""

    def needed(who: str) -> float:
        command = [sys.executable, __file__, "--peak", who]
        return statistics.median(int(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(3))

    ours, hand = needed("ours"), needed("hand")
    print(f"peak memory of iterative: {ours / hand:.3f} of {hand / 1024:.0f} MB by hand; bound 1.05")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peak", choices=("ours", "hand"), help="print the memory of one iterative loop alone")
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
    if arguments.peak:
        print(peak(ours("iterative", *pair) if arguments.peak == "ours" else by_hand("iterative", *pair), data))
        return
    compare_peaks()
    compare("16 x 1 s, unet + ser_cnn", pair, data, arguments.rounds, 1.02)
    compare_weightings(pair, data, arguments.rounds)
    for balance in ("uncertainty", "gradient", "pcgrad", "remedy"):
        a, b = copy.deepcopy(pair), copy.deepcopy(pair)
        value, seconds = ratio(ours("mtl", *a, balance=balance), balanced_by_hand(balance, *b), data, arguments.rounds)
        print(f"  mtl, {balance:11s} {value:.3f}  of {1000 * seconds:.1f} ms by hand")
    print(f"counting: {counting(copy.deepcopy(pair), data, arguments.rounds):.5f} of a step; bound 0.01")
    tiny = UNet(16000, width=2, depth=2, n_fft=256, hop=128), SerCNN(task, 16000, width=8)
    compare("4 x 0.25 s, tiny models", tiny, batch(4, 4000), arguments.tiny_rounds, 1.10)
    a, b = copy.deepcopy(pair), copy.deepcopy(pair)
    shared, _ = ratio(ours("iterative", *a, share_forward=True), ours("iterative", *b), data, arguments.rounds)
    print(f"iterative with share_forward over without: {shared:.3f}; bound 0.88")


if __name__ == "__main__":
    main()
