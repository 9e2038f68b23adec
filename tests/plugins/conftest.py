"""Fixtures of the tests of the socket."""

from fakes import run_here, site

__all__ = ["run_here", "site"]
