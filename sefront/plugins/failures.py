"""Foreign code may fail in any way it likes: call it in a guard and tell the reason in one line."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.metadata import PackageNotFoundError, requires
from typing import TypeVar

from sefront.core.errors import SefrontError

LONGEST = 300  # characters of a reason: some libraries answer with a page of text

T = TypeVar("T")


class BrokenError(SefrontError):
    """Foreign code that did not do its part; the message is the reason alone."""


def guarded(act: Callable[[], T], distribution: str = "") -> T:
    """The result of `act`, whose output is kept off stdout, where a script may be reading JSON.

    Raises:
        BrokenError: It raised anything but KeyboardInterrupt; even SystemExit is only a broken plugin.
    """
    try:
        with redirect_stdout(sys.stderr):
            return act()
    except (KeyboardInterrupt, BrokenError):
        raise
    except BaseException as error:
        raise BrokenError(explained(error, distribution)) from error


def explained(error: BaseException, distribution: str = "") -> str:
    """Why foreign code failed, in one line that names the extra to install where its metadata knows one."""
    text = " ".join(str(error).split())[:LONGEST]
    if isinstance(error, SefrontError):
        return text
    if isinstance(error, ModuleNotFoundError) and error.name:
        extra = providing(distribution, error.name.partition(".")[0])
        return f"{text}; pip install '{distribution}[{extra}]'" if extra else text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def providing(distribution: str, module: str) -> str:
    """The extra of `distribution` that brings `module`; empty where its metadata names none."""
    try:
        requirements = requires(distribution) if distribution else None
    except PackageNotFoundError:
        return ""
    for requirement in requirements or []:
        found = re.match(r"([\w.-]+).*;.*\bextra\s*==\s*[\"']([^\"']+)", requirement)
        if found and normalised(found[1]) == normalised(module):
            return found[2]
    return ""


def normalised(name: str) -> str:
    """A distribution's name as package indexes compare it.

    >>> normalised("Acme_Whisper")
    'acme-whisper'
    """
    return re.sub(r"[-_.]+", "-", name).lower()
