"""One real Collector for the programs of these tests."""

from __future__ import annotations

from tests.instrumentation.conftest import one_collector

__all__ = ["one_collector"]
