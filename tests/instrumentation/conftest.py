"""A real Collector for the programs that the tests launch."""

from __future__ import annotations

import sys
from pathlib import Path

# The tests share modules, which they import by their full names.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.collector.conftest import Collector, collector

__all__ = ["Collector", "collector"]
