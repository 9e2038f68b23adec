"""Packages that come with an extra."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from sefront.core.errors import MissingExtraError
from sefront.core.extras import extra


def test_a_package_that_is_there() -> None:
    assert extra("any", "json", "reading") is sys.modules["json"]


def test_a_package_that_is_not_there_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "heavy_thing", None)
    with pytest.raises(MissingExtraError) as caught:
        extra("big", "heavy_thing", "lifting")
    said = str(caught.value)
    assert re.match(r"lifting needs the package heavy_thing: pip install 'sefront\[big\]' \(.*heavy_thing", said)
    assert "\n" not in said


def test_a_native_library_that_does_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "brittle_thing.py").write_text("raise OSError('libthing.so.1: cannot open\\nshared object file')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError, match=r"\(libthing.so.1: cannot open shared object file\)"):
        extra("big", "brittle_thing", "lifting")
