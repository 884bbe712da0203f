"""Fixtures of the Collector for the tests of web frameworks."""

from __future__ import annotations

from tests.collector.conftest import collector

__all__ = ["collector"]
