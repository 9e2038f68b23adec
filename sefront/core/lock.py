"""What a run was made with: versions, platform, command, fingerprints of the data."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from sefront.core.audio import AudioFile
from sefront.core.data import Mixtures
from sefront.core.files import write_json

PACKAGES = ("sefront", "torch", "torchaudio", "numpy", "scipy", "soundfile", "soxr", "pystoi", "pesq", "scikit-learn")


def lock(seed: int, mixtures: Mapping[str, Mixtures], command: Sequence[str]) -> dict[str, Any]:
    """Versions, platform, seed, command and one fingerprint per set of mixtures."""
    return {
        "schema": 1,
        "created": now(),
        "command": list(command),
        "seed": seed,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        "implementation": sys.implementation.name,
        "packages": {name: version(name) for name in PACKAGES},
        "data": {name: fingerprint(m) for name, m in mixtures.items()},
    }


def mark_trained(run: Path) -> None:
    """Note in the ``lock.json`` of `run` that training has come to its end."""
    path = run / "lock.json"
    write_json(path, {**json.loads(path.read_text(encoding="utf-8")), "trained": now()})


def trained(run: Path) -> bool:
    """Whether the training of `run` has come to its end, so far as can be told."""
    path = run / "lock.json"
    known = path.exists() and not (run / "evaluation.json").exists()
    return not known or "trained" in json.loads(path.read_text(encoding="utf-8"))


def now() -> str:
    """The time in UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def version(package: str) -> str:
    """The installed version of `package`."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def fingerprint(mixtures: Mixtures) -> dict[str, Any]:
    """How many clips and noises there are, and a hash over their names, labels, and the parts of files that they are.

    No file is opened for it: of a million that are to be learnt from, the first step needs a few.
    """
    digest = hashlib.blake2b(digest_size=16)
    for clip in mixtures.clips:
        part = clip.audio
        places = f"{part.start:.6f}\0{part.end}" if isinstance(part, AudioFile) else ""
        digest.update(f"{clip.id}\0{clip.target}\0{places}\n".encode(errors="surrogateescape"))
    for noise in mixtures.noises:
        digest.update(f"{noise.id}\0{noise.target}\n".encode(errors="surrogateescape"))
    return {"clips": len(mixtures.clips), "noises": len(mixtures.noises), "blake2b": digest.hexdigest()}
