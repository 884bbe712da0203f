"""A real Collector for the programs that the tests launch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.collector.conftest import Collector, collector, running

__all__ = ["Collector", "collector", "one_collector"]


@pytest.fixture(scope="session")
def one_collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """Start one Collector for all programs: each program has its own service name."""
    with running(tmp_path_factory.mktemp("collector")) as collector:
        yield collector
