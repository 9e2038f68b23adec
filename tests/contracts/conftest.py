"""What the contract tests of all families share."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from sefront.core.errors import MissingExtraError


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """A component whose extra is not installed is skipped, with the reason it gives."""
    try:
        return (yield)
    except MissingExtraError as error:
        pytest.skip(str(error))
