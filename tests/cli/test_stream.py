"""``sefront enhance --stream``: raw audio from stdin to stdout, while it arrives."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np
import pytest
import soundfile
from recordings import RATE, hiss, voice

from sefront.frontends.spectral_subtraction import SpectralSubtraction

Run = Callable[..., tuple[int, str, str]]
STREAM = ("enhance", "--stream", "--frontend", "spectral_subtraction")
LATENCY = SpectralSubtraction(RATE).latency  # samples


@pytest.fixture
def samples() -> bytes:
    """Two seconds of speech in noise."""
    waves = voice(2 * RATE, 150.0) + hiss(2 * RATE, level=0.02)
    return (waves * 2**15).astype("<i2").tobytes()


@contextmanager
def streaming() -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]]:
    """The command in a process of its own, ready to listen, with its stdin and stdout."""
    command = [sys.executable, "-m", "sefront", *STREAM]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0) as process:
        try:
            announced = cast(IO[bytes], process.stderr).readline().decode()
            assert announced == f"16-bit mono PCM at 16000 Hz, {LATENCY / 16:g} ms latency\n"
            yield process, cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
        finally:
            process.kill()


def messages(process: subprocess.Popen[bytes]) -> str:
    """What is still on stderr."""
    return cast(IO[bytes], process.stderr).read().decode()


def arriving(stdout: IO[bytes], count: int) -> bytes:
    """At least `count` bytes, unless nothing comes for half a minute."""
    found = b""
    while len(found) < count and select.select([stdout], [], [], 30)[0]:
        found += os.read(stdout.fileno(), 2**16)
    return found


def test_audio_comes_out_while_it_arrives_and_is_that_of_files(samples: bytes, run_here: Run, tmp_path: Path) -> None:
    half = len(samples) // 2 + 1  # within a sample
    with streaming() as (process, stdin, stdout):
        stdin.write(samples[:half])
        early = arriving(stdout, half - 1 - 2 * LATENCY)
        assert len(early) >= half - 1 - 2 * LATENCY
        assert process.poll() is None
        stdin.write(samples[half:] + b"x")
        stdin.close()
        streamed = early + stdout.read()
        assert messages(process) == "left out the last byte: a sample has two\n"
        assert process.wait() == 0
    soundfile.write(tmp_path / "a.wav", np.frombuffer(samples, "<i2"), RATE)
    code, _, err = run_here("enhance", str(tmp_path / "a.wav"), "-o", str(tmp_path / "b.wav"), *STREAM[2:])
    assert code == 0, err
    offline = soundfile.read(tmp_path / "b.wav")[0]
    assert len(streamed) == len(samples)
    np.testing.assert_allclose(np.frombuffer(streamed, "<i2") / 2**15, offline, atol=1e-4)


def test_a_listener_who_leaves(samples: bytes) -> None:
    with streaming() as (process, stdin, stdout):
        stdin.write(samples[: len(samples) // 2])
        arriving(stdout, 1)
        stdout.close()
        stdin.write(samples[len(samples) // 2 :])
        assert messages(process) == ""
        assert process.wait() == 0


def test_ctrl_c(samples: bytes) -> None:
    with streaming() as (process, stdin, stdout):
        stdin.write(samples)
        arriving(stdout, 1)
        process.send_signal(signal.SIGINT)
        assert messages(process).split() == ["sefront:", "interrupted"]
        assert process.wait() == 130


def test_nobody_sends_anything() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "sefront", *STREAM]
    try:
        done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, check=False)
    finally:
        os.close(ours)
        os.close(theirs)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("sefront: --stream reads raw PCM from stdin, but that is a terminal; send audio, as")
    assert done.stderr.count("\n") == 1


FILES = "sefront: --stream reads stdin and writes stdout; leave out"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("a.wav", "--frontend", "identity"), f"{FILES} a.wav"),
        (("--frontend", "identity", "-o", "b.wav"), f"{FILES} -o b.wav"),
        (("a.wav", "--frontend", "identity", "--strict", "-o", "b"), f"{FILES} a.wav, -o b, --strict"),
        ((), "sefront: say what enhances: either --run RUN or --frontend NAME"),
        (("--frontend", "identiy"), "sefront: there is no frontend 'identiy'; did you mean 'identity'?"),
        (
            ("--frontend", "unet"),
            "sefront: frontend 'unet' has to hear what comes later, so it cannot enhance a stream, and has to be "
            "trained first; if `sefront plugins show unet` has an option that makes it causal, train it with that: "
            "sefront couple --frontend unet --mode frontend_only -o frontend.NAME=VALUE, then --stream --run RUN\n",
        ),
        (
            ("--frontend", "unet", "-o", "frontend.causal=true"),
            "sefront: frontend 'unet' has to be trained first: sefront couple --frontend unet --mode frontend_only -o "
            "frontend.causal=true, then --run RUN\n",
        ),
        (("--frontend", "identity", "-o", "decode=b"), "sefront: -o decode=b: write settings as frontend.decode=b; a"),
        (("--frontend", "identity", "-o", "frontend.a=1"), "sefront: frontend 'identity' has no option 'a'"),
    ],
)
def test_mistakes(run_here: Run, words: tuple[str, ...], message: str) -> None:
    code, out, err = run_here("enhance", "--stream", *words)
    assert (code, out) == (2, "")
    assert err.startswith(message)
    assert err.count("\n") == 1


def test_a_run_whose_frontend_has_to_hear_what_comes_later(trained: Path, run_here: Run) -> None:
    code, out, err = run_here("enhance", "--stream", "--run", str(trained))
    assert (code, out) == (2, "")
    assert err == (
        "sefront: frontend 'unet' has to hear what comes later, so it cannot enhance a stream; `sefront plugins show "
        "unet` says whether an option makes it causal, or enhance files instead\n"
    )
