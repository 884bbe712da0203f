"""A real Collector for the programs that the tests launch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The tests share modules, which they import by their full names.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.collector.conftest import Collector, collector, running

__all__ = ["Collector", "collector", "one_collector"]


@pytest.fixture(scope="module")
def one_collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One Collector for many programs: each has a service name of its own."""
    with running(tmp_path_factory.mktemp("collector")) as found:
        yield found
