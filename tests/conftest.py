"""What the tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from recordings import SMALL, noise_folder, speech_folder

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so it is in the background of a script, and children inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real audio: SEFRONT_TEST_DATA, by default shared/data beside the repository."""
    folder = Path(os.environ.get("SEFRONT_TEST_DATA", BESIDE))
    if not folder.is_dir():
        pytest.skip(f"no real audio at {folder}; set SEFRONT_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``speech`` of two classes and ``noise`` of two types; nobody may change it."""
    root = tmp_path_factory.mktemp("audio files")
    speech_folder(root / "speech")
    noise_folder(root / "noise")
    return root


@pytest.fixture(scope="session")
def trained(audio: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of mode ``iterative``; nobody may change it."""
    from sefront.cli import main

    out = tmp_path_factory.mktemp("runs") / "trained"
    corpora = ("--corpus", str(audio / "speech"), "--noise", str(audio / "noise"))
    assert main(["couple", *SMALL, *corpora, "--test-snr", "5,0", "--out", str(out)]) == 0
    return out
