"""The launcher, `configure()` and the end of a process: real programs, and a real OTLP endpoint."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import cast

import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from tests.ports import free_port
from tests.recording.receiver import Receiver, receiving
from tests.waiting import DEADLINE, eventually

import signalscope
from signalscope import ContractError
from signalscope.demo.stack._processes import answers
from signalscope.setup._environment import check_endpoints

pytestmark = pytest.mark.timeout(120)

BIN = Path(sys.executable).parent
UNTIL_IT_IS_ENDED = "time.sleep(600)  # sleep: until the test ends the program"
PROGRAM = """
import sys, time
from signalscope import instrument_greeks
{setup}
@instrument_greeks(calculation_type="delta", model_type="black", span="always")
def delta(x): return x
for _ in range(7): delta(0.5)
print("ready", flush=True)
{ending}
"""


def _environment(receiver: Receiver | None, **more: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    own |= {"OTEL_PYTHON_DISTRO": "signalscope", "OTEL_PYTHON_CONFIGURATOR": "signalscope"}
    if receiver is not None:
        # One export a minute, so these tests only receive the export at the end.
        own |= {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_METRIC_EXPORT_INTERVAL": "60000"}
    return own | more


def _program(tmp_path: Path, setup: str = "", ending: str = "") -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM.format(setup=setup, ending=ending), encoding="utf-8")
    return path


def _calculated(receiver: Receiver) -> list[int]:
    return list(receiver.counts("signal_service.greeks.calculation").values())


def _launch(path: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "opentelemetry-instrument", sys.executable, path],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_program_under_the_launcher_exports_at_its_end(tmp_path: Path) -> None:
    """The program does not set up OpenTelemetry itself; resource and counts are correct."""
    with receiving() as receiver:
        done = _launch(_program(tmp_path), _environment(receiver, OTEL_SERVICE_NAME="mine"))
        assert done.returncode == 0, done.stderr
        assert _calculated(receiver) == [7]
        resource = next(receiver.metrics())[0]
    assert resource["service.name"] == "mine"
    assert resource["telemetry.distro.name"] == "signalscope"
    assert len(resource["service.instance.id"]) == 36
    assert done.stderr == ""


def test_the_launcher_uses_the_fast_path(tmp_path: Path) -> None:
    """The recording core is in front of push and pull readers that the SDK's configuration has created."""
    ending = "from signalscope.recording._state import live\nprint(len(live.fast_path.store.readers))"
    with receiving() as receiver:
        done = _launch(_program(tmp_path, ending=ending), _environment(receiver))
        assert done.stdout == "ready\n2\n"


def test_configure_does_the_same_in_code(tmp_path: Path) -> None:
    """`configure` works once, with arguments that override the environment."""
    setup = "import signalscope\nfor _ in range(2): signalscope.configure(service_name='by-code')"
    with receiving() as receiver:
        environment = _environment(receiver, OTEL_SERVICE_NAME="by-environment")
        done = subprocess.run(
            [sys.executable, _program(tmp_path, setup)],
            env=environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert _calculated(receiver) == [7]
        assert next(receiver.metrics())[0]["service.name"] == "by-code"


def test_without_an_endpoint_there_are_no_errors(tmp_path: Path) -> None:
    """The program has no errors at the start, while it runs and at the end."""
    ending = (
        "from opentelemetry import metrics, trace\n"
        "for provider in (metrics.get_meter_provider(), trace.get_tracer_provider()): provider.force_flush()"
    )
    done = _launch(_program(tmp_path, ending=ending), _environment(None))
    assert (done.returncode, done.stdout, done.stderr) == (0, "ready\n", "")


def test_a_disabled_sdk_records_nothing(tmp_path: Path) -> None:
    """OTEL_SDK_DISABLED=true has the same effect as with the SDK."""
    with receiving() as receiver:
        done = _launch(_program(tmp_path), _environment(receiver, OTEL_SDK_DISABLED="true"))
        assert done.returncode == 0
        assert receiver.requests == []


def test_variables_of_one_signal_rule(tmp_path: Path) -> None:
    """OTEL_METRICS_EXPORTER=none is used, although there is an endpoint."""
    with receiving() as receiver:
        done = _launch(_program(tmp_path), _environment(receiver, OTEL_METRICS_EXPORTER="none"))
        assert (done.returncode, done.stderr) == (0, "")
        assert receiver.requests == []


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "OTEL_METRICS_EXPORTER",
            "carrier_pigeon",
            "'carrier_pigeon' is not installed; installed: console, otlp, prom",
        ),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "127.0.0.1:4318",
            "ENDPOINT='127.0.0.1:4318' is not a URL; write it like http",
        ),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://127.0.0.1:x",
            "OTLP_TRACES_ENDPOINT='http://127.0.0.1:x'",
        ),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "best", "Unknown exemplar filter 'best'"),
    ],
)
def test_an_error_in_the_environment_costs_telemetry_not_the_service(
    tmp_path: Path, variable: str, value: str, message: str
) -> None:
    """One line names the variable, its value and the way out; after that nothing is logged."""
    done = _launch(_program(tmp_path), _environment(None, **{variable: value}))
    assert done.returncode == 0
    assert done.stdout == "ready\n"
    assert "no telemetry: " in done.stderr
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_error_in_code_is_raised_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the argument's variable, and the second call raises it again."""
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    for _ in range(2):
        with pytest.raises(
            ContractError, match="OTEL_EXPORTER_OTLP_ENDPOINT='localhost:4318' is not a URL; write it"
        ):
            signalscope.configure(endpoint="localhost:4318")
        with pytest.raises(ContractError, match="export_interval='5' must be a positive number of seconds"):
            signalscope.configure(export_interval=cast("float", "5"))
    assert not isinstance(metrics.get_meter_provider(), MeterProvider)


@pytest.mark.parametrize(
    ("variables", "wrong"),
    [
        ({"OTEL_METRICS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, True),
        ({"OTEL_METRICS_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, False),
        ({"OTEL_METRICS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://"}, True),
        ({"OTEL_METRICS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://[::1]:4318/x"}, False),
        ({"OTEL_METRICS_EXPORTER": "console, otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:99999"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317",
          "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317",
          "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, False),
        ({"OTEL_LOGS_EXPORTER": "otlp"}, False),
    ],
)  # fmt: skip
def test_endpoints_are_checked_where_they_are_used(variables: dict[str, str], wrong: bool) -> None:
    """HTTP needs URLs, gRPC accepts any endpoint, and signals without an exporter are not checked."""
    with pytest.raises(ContractError, match="is not a URL") if wrong else contextlib.nullcontext():
        check_endpoints(variables)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_exports_the_last_interval(tmp_path: Path, number: signal.Signals) -> None:
    """A program without a signal handler ends with the status of the signal."""
    with receiving() as receiver:
        process = subprocess.Popen(
            [BIN / "opentelemetry-instrument", sys.executable, _program(tmp_path, ending=UNTIL_IT_IS_ENDED)],
            env=_environment(receiver), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        status = process.wait(30)
        process.stdout.close()
        assert status == -number
        assert _calculated(receiver) == [7]


def test_a_collector_that_is_gone_does_not_hold_the_end_up(tmp_path: Path) -> None:
    """SIGTERM ends the program long before the exporter's timeout of ten minutes."""
    process = subprocess.Popen(
        [BIN / "opentelemetry-instrument", sys.executable, _program(tmp_path, ending=UNTIL_IT_IS_ENDED)],
        env=_environment(
            None,
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}",
            OTEL_EXPORTER_OTLP_TIMEOUT="600",
        ),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    try:
        assert process.wait(DEADLINE) == -signal.SIGTERM
    finally:
        process.kill()
        process.stdout.close()


def test_a_handler_of_the_program_s_own_stays(tmp_path: Path) -> None:
    """The program's handler is not replaced, and a graceful exit exports as always."""
    setup = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(3))"
    with receiving() as receiver:
        process = subprocess.Popen(
            [BIN / "opentelemetry-instrument", sys.executable, _program(tmp_path, setup, UNTIL_IT_IS_ENDED)],
            env=_environment(receiver), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.wait(30) == 3
        process.stdout.close()
        assert _calculated(receiver) == [7]


SERVICE = """
from fastapi import FastAPI
from signalscope import instrument_greeks
app = FastAPI()
@instrument_greeks(calculation_type="delta", model_type="black")
def delta(x: float) -> float: return x
@app.get("/delta/{x}")
def route(x: float) -> float: return delta(x)
@app.get("/ready")
def ready() -> str: return "yes"
"""


@pytest.mark.parametrize(
    "server",
    [
        ("uvicorn", "service:app", "--host", "127.0.0.1", "--port", "{port}"),
        ("uvicorn", "service:app", "--host", "127.0.0.1", "--port", "{port}", "--workers", "2"),
        (
            "gunicorn",
            "service:app",
            "-k",
            "uvicorn.workers.UvicornWorker",
            "-w",
            "2",
            "-b",
            "127.0.0.1:{port}",
        ),
    ],
    ids=["uvicorn", "uvicorn-workers", "gunicorn"],
)
def test_an_unchanged_service_is_measured(tmp_path: Path, server: tuple[str, ...]) -> None:
    """Every worker exports API metrics and Greeks with its own instance id; SIGTERM loses nothing."""
    (tmp_path / "service.py").write_text(SERVICE, encoding="utf-8")
    port = free_port()
    command = [argument.format(port=port) for argument in server]
    with receiving() as receiver:
        process = subprocess.Popen(
            [BIN / "opentelemetry-instrument", BIN / command[0], *command[1:]],
            cwd=tmp_path, env=_environment(receiver), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            eventually(
                lambda: process.poll() is not None or answers(f"http://127.0.0.1:{port}/ready"),
                DEADLINE,
                "the server",
            )
            assert process.poll() is None
            for number in range(30):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/delta/0.{number}", timeout=5).close()
        finally:
            process.terminate()
            process.wait(30)
        assert sum(_calculated(receiver)) == 30
        requests: dict[tuple[str, str], float] = {}
        for resource, metric in receiver.metrics():
            if metric.name == "signal_service.api.requests":
                for point in metric.sum.data_points:
                    labels = {attribute.key: attribute.value.string_value for attribute in point.attributes}
                    key = (resource["service.instance.id"], labels["endpoint"])
                    requests[key] = point.as_double or point.as_int
        assert sum(value for (_, endpoint), value in requests.items() if endpoint == "/delta/{x}") == 30
        assert receiver.counts("process.cpu")


def test_prometheus_as_an_exporter_is_served_with_exemplars(tmp_path: Path) -> None:
    """The port is served; a process of another service, whose port is in use, logs this once and works."""
    port = free_port()
    environment = _environment(
        None,
        OTEL_METRICS_EXPORTER="prometheus",
        OTEL_EXPORTER_PROMETHEUS_PORT=str(port),
        OTEL_TRACES_EXPORTER="console",
    )
    path = _program(tmp_path, ending=UNTIL_IT_IS_ENDED)
    command: list[str | Path] = [BIN / "opentelemetry-instrument", sys.executable, path]
    first = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "ready\n"
        request = urllib.request.Request(
            f"http://localhost:{port}/metrics",
            headers={"Accept": "application/openmetrics-text; version=1.0.0"},
        )
        with urllib.request.urlopen(request, timeout=5) as response:
            page = response.read().decode()
        assert "signal_service_greeks_calculation_seconds_count" in page
        assert "trace_id=" in page
        second = _launch(_program(tmp_path), environment | {"OTEL_SERVICE_NAME": "another"})
        assert second.returncode == 0
        assert f"metrics are not served on localhost:{port}" in second.stderr
    finally:
        first.kill()
        first.communicate()


_DURING_A_COLLECTION = """
import os, signal, time
from opentelemetry import metrics
from signalscope import recording
def observed():
    if armed:
        os.kill(os.getpid(), signal.SIGTERM)
        armed.clear()
        time.sleep(0.2)  # sleep: a collection that takes a while
    return [(1, ("x",))]
armed = [True]
recording.observe("signal_service.cache.entries", observed)
metrics.get_meter_provider().force_flush()
time.sleep(600)  # sleep: until the signal ends the program
"""


def test_a_signal_during_a_collection_exports_the_last_interval_as_well(tmp_path: Path) -> None:
    """The main thread holds the locks of that collection: it continues, so the export can end."""
    with receiving() as receiver:
        done = _launch(_program(tmp_path, ending=_DURING_A_COLLECTION), _environment(receiver))
        assert done.returncode == -signal.SIGTERM
        assert _calculated(receiver) == [7]


_DURING_A_LOCK = """
import os, signal, time
from signalscope.users import _active, user_context
users = _active._shared.get()
make = users._empty
def interrupted():
    os.kill(os.getpid(), signal.SIGTERM); time.sleep(0.2)  # sleep: the export waits for the lock meanwhile
    return make()
users._empty = interrupted
with user_context(tier="free", user="someone"):
    time.sleep(30)  # sleep: the signal ends it
"""


def test_a_signal_while_users_are_counted_exports_the_last_interval_as_well(tmp_path: Path) -> None:
    """The main thread holds the lock of a sketch that the export reads: it continues until the export ends."""
    with receiving() as receiver:
        done = _launch(_program(tmp_path, ending=_DURING_A_LOCK), _environment(receiver))
        assert done.returncode == -signal.SIGTERM
        assert _calculated(receiver) == [7]


_HELPERS = """
import multiprocessing, sys, threading
from multiprocessing import forkserver, resource_tracker, shared_memory
from signalscope import instrument_greeks
@instrument_greeks(calculation_type="delta", model_type="black")
def delta(x): return x
def work(calls):
    for _ in range(calls): delta(0.5)
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    block = shared_memory.SharedMemory(create=True, size=10)
    children = [multiprocessing.Process(target=work, args=(calls,)) for calls in (11, 13)]
    for child in children: child.start()
    for child in children: child.join(60)
    block.close(); block.unlink()
    for _ in range(5): delta(0.5)
    assert [child.exitcode for child in children] == [0, 0]
    print(resource_tracker._resource_tracker._pid, forkserver._forkserver._forkserver_pid or "")
"""


@pytest.mark.parametrize("is_launched", [True, False], ids=["launcher", "configure"])
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_helper_processes_of_multiprocessing_export_nothing(
    tmp_path: Path, method: str, is_launched: bool
) -> None:
    """Only the program and its children have instances: not the resource tracker, nor the fork server."""
    path = tmp_path / "program.py"
    setup = "" if is_launched else "import signalscope; signalscope.configure()\n"
    path.write_text(setup + _HELPERS, encoding="utf-8")
    with receiving() as receiver:
        launcher = [BIN / "opentelemetry-instrument"] if is_launched else []
        done = subprocess.run(
            [*launcher, sys.executable, path, method],
            env=_environment(receiver), capture_output=True, text=True, check=False, timeout=110,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        pids = done.stdout.split()
        assert pids
        eventually(
            lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), DEADLINE, "the end of the helpers"
        )
        assert sorted(_calculated(receiver)) == [5, 11, 13]
        instances = {resource["service.instance.id"] for resource, _ in receiver.metrics()}
        assert len(instances) == 3
