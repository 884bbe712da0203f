"""Caches and circuit breakers, at their oldest and newest versions, in programs that know nothing of signalscope."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.collector.conftest import Collector
from tests.instrumentation.breaker_cases import BREAKERS
from tests.instrumentation.cache_cases import CACHES
from tests.instrumentation.cases import Case, assert_identity, each_version, run

CASES = {**CACHES, **BREAKERS}


@pytest.mark.needs("collector")
@each_version(CASES)
def test_a_program_under_the_launcher(
    case: Case, versions: tuple[str, ...], one_collector: Collector, tmp_path: Path
) -> None:
    """Each operation or call counts once, as the library means it, and the program gets what it gets without us.

    A rejected call of a breaker is none that tripped it; state changes are counted, the state shown is the library's.
    """
    run(case, versions, one_collector, tmp_path)


@each_version(CASES)
def test_uninstrumenting_gives_the_same_objects_back(
    case: Case, versions: tuple[str, ...], tmp_path: Path
) -> None:
    """Instrumenting twice counts once; afterwards nothing is counted, and every object is the one from before."""
    assert_identity(case, versions, tmp_path)
