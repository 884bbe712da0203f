"""Short programs under the launcher: scripts, jobs, cells of notebooks and processes that end in unusual ways."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.collector.conftest import Collector
from tests.instrumentation.environments import environment
from tests.instrumentation.programs import launch

SECONDS = "signal_service_greeks_calculation_seconds_count"
_BEGINNING = """
import os, signal, sys, threading, time
from opentelemetry import metrics
from signalscope import instrument_greeks

@instrument_greeks(calculation_type="delta", model_type="black_scholes")
def delta(spot):
    return 0.5

def calls(number):
    for _ in range(number):
        delta(100.0)
"""
#: Each program, with the number of calls that arrive, and the number of processes that make them.
PROGRAMS = {
    "a script that ends at once": ("calls(10)", 10, 1),
    "a script that ends with an exception": ("calls(10)\nraise SystemExit(0)", 10, 1),
    "a cell that runs twice": (
        "cell = '''\n@instrument_greeks(calculation_type=\"delta\", model_type=\"black_scholes\")\n"
        "def delta(spot):\n    return 0.5\ndelta(1.0)\n'''\nexec(cell)\nexec(cell)\ncalls(3)",
        5, 1,
    ),
    "a daemon thread alive at the exit": (
        "called = threading.Event()\n"
        "def work():\n    calls(10)\n    called.set()\n    threading.Event().wait()\n"
        "threading.Thread(target=work, daemon=True).start()\ncalled.wait()",
        10, 1,
    ),
    "os._exit after an export": (
        "calls(10)\nmetrics.get_meter_provider().force_flush()\ncalls(5)\nos._exit(0)", 10, 1,
    ),
    "a fork in a thread": (
        "def work():\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        calls(3)\n        metrics.get_meter_provider().force_flush()\n        os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
        "calls(2)\nthread = threading.Thread(target=work)\nthread.start()\nthread.join()",
        5, 2,
    ),
    "a process that is frozen and thawed": (
        "import subprocess\ncalls(4)\n"
        "thaw = subprocess.Popen(['/bin/sh', '-c', f'sleep 1; kill -CONT {os.getpid()}'])\n"
        "os.kill(os.getpid(), signal.SIGSTOP)\nthaw.wait()\ncalls(6)",
        10, 1,
    ),
}  # fmt: skip


@pytest.mark.needs("collector")
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_loses_and_doubles_nothing(name: str, one_collector: Collector, tmp_path: Path) -> None:
    """Each call arrives once; after `os._exit` those before the last export."""
    program, number, processes = PROGRAMS[name]
    ran = launch(
        one_collector, environment(), f"{_BEGINNING}\n{program}\n", tmp_path,
        OTEL_METRIC_EXPORT_INTERVAL="300" if "frozen" in name else "60000",
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    by_process = ran.series.by(SECONDS, "instance")
    assert (sum(by_process.values()), len(by_process)) == (number, processes)


@pytest.mark.needs("collector")
def test_a_sub_interpreter_is_refused_in_one_line(one_collector: Collector, tmp_path: Path) -> None:
    """The launcher logs one line, `import signalscope` raises, and the main interpreter is measured."""
    program = (
        "try:\n    import _interpreters as interpreters\nexcept ImportError:\n"
        "    import _xxsubinterpreters as interpreters\n"
        "other = interpreters.create()\n"
        "interpreters.run_string(other, '''try:\n    import signalscope\nexcept ImportError as error:\n"
        "    print(error)\n''')\ninterpreters.destroy(other)\ncalls(10)"
    )
    ran = launch(one_collector, environment(), f"{_BEGINNING}\n{program}\n", tmp_path)
    line = (
        "signalscope cannot be used in a sub-interpreter; its calls are not measured. Use threads or processes, or "
        "with mod_wsgi `WSGIApplicationGroup %{GLOBAL}` [SS334]"
    )
    assert (ran.returncode, ran.stdout.splitlines(), ran.stderr.splitlines()) == (0, [line], [line])
    assert ran.series.by(SECONDS, "calculation_type") == {("delta",): 10}


@pytest.mark.long
@pytest.mark.needs("collector")
def test_a_function_that_numba_has_compiled_is_counted(one_collector: Collector, tmp_path: Path) -> None:
    """The decorator wraps the compiled function; calls from Python count once."""
    program = (
        "import numba\n"
        "gamma = instrument_greeks(calculation_type='gamma')(numba.njit(lambda spot: spot * 2.0))\n"
        "print(gamma(1.0), gamma(2.0))"
    )
    ran = launch(one_collector, environment("numba==0.68.1"), f"{_BEGINNING}\n{program}\n", tmp_path)
    assert (ran.returncode, ran.stdout) == (0, "2.0 4.0\n")
    assert ran.series.by(SECONDS, "calculation_type") == {("gamma",): 2}
