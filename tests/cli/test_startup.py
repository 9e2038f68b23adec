"""The command answers at once: what needs no tensor does not wait for torch."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

BOUND = 0.15  # of the time that `import torch` takes
PROBE = """
import sys
from sefront.cli import main
code = main(sys.argv[1:])
print(code, *sorted({"torch", "torchaudio", "numpy", "scipy", "pydantic"} & set(sys.modules)), file=sys.stderr)
"""


def python(*words: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """Python in a process of its own, with a cache of its own."""
    environment = {**os.environ, "SEFRONT_CACHE": str(cache)}
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--help",), "0"),
        (("--version",), "0"),
        (("plugins", "list"), "0"),
        (("plugins", "list", "--json"), "0"),
        (("plugins", "list", "--jsno"), "2"),
        (("plugins", "show", "--help"), "0"),
        (("inspect", "--help"), "0"),
        (("corpus", "--help"), "0"),
        (("corpus", "check", "--help"), "0"),
        (("corpus", "mix", "--help"), "0"),
        (("corpus", "audit", "--help"), "0"),
    ],
)
def test_nothing_heavy_is_imported(tmp_path: Path, words: tuple[str, ...], code: str) -> None:
    assert python("-c", PROBE, *words, cache=tmp_path).stderr.splitlines()[-1] == code


def seconds(*words: str, cache: Path) -> float:
    """How long Python takes."""
    start = time.perf_counter()
    python(*words, cache=cache)
    return time.perf_counter() - start


QUICK = [("--help",), ("plugins", "list"), ("plugins", "list", "--jsno")]


@pytest.fixture(scope="module")
def least(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], float]:
    """The shortest of five times per command, taken in turns with torch: other processes only ever add time."""
    times: dict[tuple[str, ...], list[float]] = {words: [] for words in [*QUICK, ()]}
    for _ in range(5):
        cache = tmp_path_factory.mktemp("cache")
        for words, taken in times.items():
            command = ["-m", "sefront", *words] if words else ["-c", "import torch"]
            taken.append(seconds(*command, cache=cache))
    return {words: min(taken) for words, taken in times.items()}


@pytest.mark.parametrize("words", QUICK)
def test_answers_at_once(least: dict[tuple[str, ...], float], words: tuple[str, ...]) -> None:
    command, torch = least[words], least[()]
    assert command <= BOUND * torch, (
        f"sefront {' '.join(words)} took {command:.3f} s, {command / torch:.2f} of `import torch` ({torch:.3f} s); "
        f"allowed is {BOUND}. `python -X importtime -m sefront {' '.join(words)}` shows what came in."
    )


def test_third_party_torch_is_imported_once(tmp_path: Path) -> None:
    page = 'import sefront\n@sefront.hookimpl\ndef sefront_frontends():\n    return {"half": "acme_half:Half"}\n'
    (tmp_path / "acme.py").write_text(page)
    (tmp_path / "acme_half.py").write_text("import torch\nclass Half:\n    forward = loss = torch.clone\n")
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[sefront]\nacme = acme\n")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{PROBE}"
    first, second = (python("-c", program, "plugins", "list", cache=tmp_path / "cache") for _ in range(2))
    assert first.stdout == second.stdout
    assert "torch" in first.stderr
    assert "torch" not in second.stderr
