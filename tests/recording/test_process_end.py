"""However a process ends, its last interval is exported, within a time limit."""

from __future__ import annotations

import importlib
import math
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from opentelemetry import metrics
from tests.recording.receiver import receiving
from tests.waiting import DEADLINE

from signalscope.recording import _fork
from signalscope.recording import _shutdown as _termination

_ROOT = Path(__file__).parents[2]
_SECONDS = "signal_service.greeks.calculation"
_SCRIPT = """
import os, signal, sys, threading, time
from signalscope import recording
from signalscope.decorators import instrument_greeks
from tests.recording.otlp_setup import set_up

@instrument_greeks(calculation_type="delta", model_type="black_scholes")
def delta():
    return 0.5

provider = set_up(interval_millis=60_000)
for _ in range(1234):
    delta()
{end}
"""
ENDS = {
    "return": ("", 0),
    "sys.exit": ("sys.exit(3)", 3),
    "unhandled exception": ("raise LookupError('never mind')", 1),
    "SIGINT": ("os.kill(os.getpid(), signal.SIGINT); signal.pause()", -signal.SIGINT),
    "SIGTERM with a handler that exits": (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "signal.pause()",
        0,
    ),
    "SIGTERM during recording, with a handler that flushes": (
        "signal.signal(signal.SIGTERM, lambda *_: (provider.force_flush(), os._exit(0)))\n"
        "kill = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM))  # sleep: recording meanwhile\n"
        "kill.start()\n"
        "other = recording.get_instrument('signal_service.feature_usage').series('loop', 'free')\n"
        "while True: other.record(1)",
        0,
    ),
}


def _run(script: Path, endpoint: str, provider: str = "ours", seconds: float = DEADLINE) -> int:
    """Run a script and return its exit status; fail if it takes longer than some seconds."""
    return subprocess.run(
        [sys.executable, str(script)],
        env={
            **os.environ,
            "PYTHONPATH": f"{_ROOT}{os.pathsep}{_ROOT / 'src'}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "TESTS_PROVIDER": provider,
        },
        capture_output=True,
        timeout=seconds,
        check=False,
    ).returncode


@pytest.mark.parametrize("provider", ["ours", "foreign"])
@pytest.mark.parametrize("end", ENDS)
def test_the_last_interval_is_exported(end: str, provider: str, tmp_path: Path) -> None:
    """The export is complete and happens once, also with a provider that the program has set up."""
    code, status = ENDS[end]
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT.format(end=code), encoding="utf-8")
    with receiving() as receiver:
        returned = _run(script, receiver.endpoint, provider)
        counts = receiver.counts(_SECONDS)
    assert returned == status
    assert list(counts.values()) == [1234]


_EARLY = """
import os, sys
from opentelemetry import metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

reader = PeriodicExportingMetricReader(OTLPMetricExporter(timeout=3), export_interval_millis=60_000)
metrics.set_meter_provider(MeterProvider([reader], Resource.create({"service.instance.id": "parent"})))
from signalscope.decorators import instrument_greeks

@instrument_greeks(calculation_type="delta", model_type="black_scholes")
def delta():
    return 0.5

for _ in range(5):
    delta()
pid = os.fork()
for _ in range(17 if pid == 0 else 1):
    delta()
if pid == 0:
    sys.exit(0)
os.waitpid(pid, 0)
"""


def test_a_provider_set_before_signalscope_works_in_a_forked_child(tmp_path: Path) -> None:
    """The reader's thread starts in the child before signalscope's code runs: the thread still gets its wake-up."""
    script = tmp_path / "script.py"
    script.write_text(_EARLY, encoding="utf-8")
    with receiving() as receiver:
        # The SDK would wait half a minute for a thread that does not exist.
        returned = _run(script, receiver.endpoint, seconds=25)
        counts = receiver.counts(_SECONDS)
    assert returned == 0
    assert counts.pop("parent") == 6
    assert list(counts.values()) == [17]


def test_without_a_collector_the_end_is_bounded(tmp_path: Path) -> None:
    """Without a Collector, the process gives up after the exporter's timeout of three seconds."""
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT.format(end=""), encoding="utf-8")
    assert _run(script, "http://127.0.0.1:9") == 0


_CONFIGURED = """
import time
import signalscope

@signalscope.instrument_greeks(calculation_type="delta", model_type="black_scholes", span="always")
def delta():
    return 0.5

signalscope.configure(service_name="ends")
delta()
{end}
"""


class _Deaf:
    """A Collector that accepts connections and never answers.

    Attributes:
        taken: The number of accepted connections.
        at_once: The largest number of open connections at one time.
    """

    def __init__(self) -> None:
        self.taken = self.at_once = 0
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=32)
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def close(self) -> None:
        """Close the socket."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listening, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._listening:
                        try:
                            connection, _ = self._listening.accept()
                        except OSError:
                            for left in list(selector.get_map().values()):
                                if isinstance(left.fileobj, socket.socket):
                                    left.fileobj.close()
                            return
                        selector.register(connection, selectors.EVENT_READ)
                        self.taken += 1
                        self.at_once = max(self.at_once, len(selector.get_map()) - 1)
                    elif isinstance(key.fileobj, socket.socket) and not key.fileobj.recv(65_536):
                        selector.unregister(key.fileobj)
                        key.fileobj.close()


@pytest.fixture
def deaf() -> Iterator[_Deaf]:
    """Run a Collector that never answers."""
    running = _Deaf()
    yield running
    running.close()


@pytest.mark.parametrize(
    "end", ["signalscope.shutdown()", "signalscope.shutdown(); signalscope.shutdown()", "_own()"]
)
def test_a_stopped_provider_is_left_alone(end: str, tmp_path: Path) -> None:
    """A second shutdown, and the interpreter's exit, neither export again nor log."""
    script = tmp_path / "script.py"
    own = (
        "from opentelemetry import metrics, trace\n"
        "def _own():\n"
        "    metrics.get_meter_provider().shutdown(), trace.get_tracer_provider().shutdown()\n"
    )
    script.write_text(_CONFIGURED.format(end=own + end), encoding="utf-8")
    with receiving() as receiver:
        done = subprocess.run(
            [sys.executable, str(script)],
            env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        counts = receiver.counts(_SECONDS)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(counts.values()) == [1]


@pytest.mark.parametrize(
    ("end", "timeout"), [("", "3"), ("signalscope.shutdown(1.0)", "600")], ids=["exit", "shutdown"]
)
def test_a_collector_that_never_answers_is_waited_for_once(
    end: str, timeout: str, deaf: _Deaf, tmp_path: Path
) -> None:
    """Metrics and spans are exported in parallel and once, so the end waits for only one timeout."""
    script = tmp_path / "script.py"
    script.write_text(_CONFIGURED.format(end=end), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        env={
            **os.environ,
            "OTEL_EXPORTER_OTLP_ENDPOINT": deaf.endpoint,
            "OTEL_EXPORTER_OTLP_TIMEOUT": timeout,
        },
        capture_output=True,
        text=True,
        timeout=25,  # at exit, a process waits up to half a minute, if the exporters' timeout is that long
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (deaf.taken, deaf.at_once) == (2, 2)


def test_a_collector_that_was_waited_for_in_vain_is_not_waited_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The end of a server waits, and then the signal's handler would: both together wait once."""
    release, begun = threading.Event(), time.monotonic()
    waited: list[float] = []

    class Stuck:
        def force_flush(self, timeout_millis: float) -> bool:
            waited.append(timeout_millis)
            return release.wait(DEADLINE)

    monkeypatch.setattr(_termination._exports, "gave_up_at", -math.inf)
    monkeypatch.setattr(metrics, "get_meter_provider", Stuck)
    _termination.flush(0.5)
    assert time.monotonic() - begun >= 0.5
    for _ in range(2):
        _termination.flush(600)
    release.set()
    assert waited == [500]


_FOREIGN = """
import sys
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from signalscope import recording
from signalscope.decorators import instrument_greeks

@instrument_greeks(calculation_type="delta", model_type="black_scholes")
def delta():
    return 0.5

def values(name):
    data = reader.get_metrics_data()
    return [getattr(point, "count", None) if hasattr(point, "count") else point.value
            for resource in (data.resource_metrics if data else ()) for scope in resource.scope_metrics
            for metric in scope.metrics if metric.name == name for point in metric.data.data_points]

delta()
assert not recording.active()
if sys.argv[1] == "after spans":
    trace.set_tracer_provider(TracerProvider())
    delta()
    assert recording.active(), "spans go somewhere"
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
if sys.argv[1] == "disabled":
    delta()
    assert not recording.active()
    assert values("signal_service.greeks.calculation") == []
else:
    assert recording.active()
    assert values("signal_service.greeks.options") == [0], "a counter begins at zero"
    for _ in range(5):
        delta()
    assert values("signal_service.greeks.calculation") == [5]
    assert values("signal_service.greeks.options") == [5]
    assert recording._state.live.fast_path is None
print("ok")
"""


@pytest.mark.parametrize("mode", ["foreign", "after spans", "disabled"])
def test_a_provider_of_the_program_is_found(mode: str, tmp_path: Path) -> None:
    """After that calls are recorded through the provider, unless OTEL_SDK_DISABLED is set."""
    script = tmp_path / "script.py"
    script.write_text(_FOREIGN, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), mode],
        env={
            **os.environ,
            "PYTHONPATH": f"{_ROOT}{os.pathsep}{_ROOT / 'src'}",
            "OTEL_SDK_DISABLED": str(mode == "disabled").lower(),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "ok", done.stderr


@pytest.mark.parametrize("name", [*_termination._LOCKING, *_fork._SEARCHED])
def test_packages_that_are_matched_by_name_exist(name: str) -> None:
    """Otherwise a renamed package would not match any more, without an error."""
    assert importlib.import_module(name)


def _frame_of(module: str) -> FrameType:
    """Return a frame of a module's code, without callers."""
    frames: list[FrameType] = []
    names: dict[str, Any] = {"__name__": module, "frames": frames, "sys": sys}
    exec("def run(): frames.append(sys._getframe())", names)  # the code is above
    thread = threading.Thread(target=names["run"])
    thread.start()
    thread.join()
    return frames[0]


@pytest.mark.parametrize(
    ("module", "may"),
    [
        ("opentelemetry.sdk.metrics", True),
        ("logging", True),
        ("signalscope.recording._store", True),
        ("signalscope.exposition._reader", True),
        ("signalscope.users._sketch", True),
        ("signalscope.recordings", False),
        ("logging2", False),
        ("service", False),
    ],
)
def test_code_that_may_hold_a_lock_is_found_by_its_module(module: str, may: bool) -> None:
    """Modules of recording and its callees, and every module with a `ProcessState`; never by a part of a name."""
    assert _termination._may_hold_locks(_frame_of(module)) is may
