"""Every instrumentor under the launcher: it can be switched off, and its failure does not affect the others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.collector.conftest import Collector
from tests.instrumentation.environments import environment
from tests.instrumentation.programs import launch

pytestmark = pytest.mark.needs("collector")

SECONDS = "signal_service_greeks_calculation_seconds_count"
VOLLIB = "vollib==1.0.11"
PROGRAM = """
import blackscholes
from vollib.black_scholes.greeks.analytical import delta
print(delta("c", 100, 90, .5, .01, .2))
print(blackscholes.BlackScholesCall(S=100., K=90., T=.5, r=.01, sigma=.2).gamma())
"""


def test_an_instrumentor_is_left_out_by_its_name(one_collector: Collector, tmp_path: Path) -> None:
    """`OTEL_PYTHON_DISABLED_INSTRUMENTATIONS` accepts the names in the table."""
    ran = launch(
        one_collector, environment("blackscholes==0.2.2", VOLLIB), PROGRAM, tmp_path,
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="vollib, quantlib",
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.series.by(SECONDS, "calculation_type") == {("gamma",): 1}


def test_a_library_that_is_too_old_is_skipped_with_one_line(one_collector: Collector, tmp_path: Path) -> None:
    """An old library is not measured, one line names both versions, and the others are measured."""
    ran = launch(one_collector, environment("blackscholes==0.0.5", VOLLIB), PROGRAM, tmp_path)
    assert ran.returncode == 0
    assert ran.stderr.splitlines() == [
        "signalscope: blackscholes is not measured: blackscholes 0.0.5 is installed, and blackscholes >= 0.1, < 1 "
        "is supported [SS406]"
    ]
    assert ran.series.by(SECONDS, "calculation_type") == {("delta",): 1}


def test_an_instrumentor_that_fails_stops_nothing(one_collector: Collector, tmp_path: Path) -> None:
    """An exception of an instrumentor of another distribution is logged, and the other instrumentors work."""
    package = tmp_path / "broken"
    (package / "broken-1.0.dist-info").mkdir(parents=True)
    (package / "broken-1.0.dist-info" / "METADATA").write_text(
        "Name: broken\nVersion: 1.0\n", encoding="utf-8"
    )
    (package / "broken-1.0.dist-info" / "entry_points.txt").write_text(
        "[opentelemetry_instrumentor]\naaa_broken = broken:Broken\n", encoding="utf-8"
    )
    (package / "broken.py").write_text(
        "class Broken:\n    def instrument(self, **kwargs):\n        raise RuntimeError('no such luck')\n",
        encoding="utf-8",
    )
    ran = launch(
        one_collector,
        environment("blackscholes==0.2.2", VOLLIB),
        PROGRAM,
        tmp_path,
        PYTHONPATH=str(package) + os.pathsep,
    )
    assert ran.returncode == 0
    assert ran.stderr.splitlines() == [
        "signalscope: instrumenting aaa_broken failed; going on without it: RuntimeError: no such luck [SS330]"
    ]
    assert ran.series.by(SECONDS, "calculation_type") == {("delta",): 1, ("gamma",): 1}
