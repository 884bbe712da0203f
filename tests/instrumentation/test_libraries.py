"""Caches and circuit breakers in their oldest and newest versions, in programs without any signalscope code."""

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
    """Each operation or call counts once, as the library defines it, and the program's output does not change.

    The call that opens a breaker is not a rejected call. Transitions are counted; the gauge has the library's state.
    """
    run(case, versions, one_collector, tmp_path)


@each_version(CASES)
def test_uninstrumenting_gives_the_same_objects_back(
    case: Case, versions: tuple[str, ...], tmp_path: Path
) -> None:
    """A second `instrument` changes nothing; `uninstrument` stops the counts and restores the same objects."""
    assert_identity(case, versions, tmp_path)
