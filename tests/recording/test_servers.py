"""Servers that fork, and multiprocessing: sums over the processes equal the number of calls."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.ports import free_port
from tests.recording.receiver import Receiver, receiving
from tests.waiting import DEADLINE, eventually

_ROOT = Path(__file__).parents[2]
_SECONDS = "signal_service.greeks.calculation"
_OPTIONS = "signal_service.greeks.options"
_PRELOADED = 7


#: A provider that signalscope sets up, and one that the program sets up, on the plain OpenTelemetry API.
both_providers = pytest.mark.parametrize("provider", ["ours", "foreign"])


def _environment(receiver: Receiver, provider: str) -> dict[str, str]:
    return {
        **os.environ,
        "TESTS_PROVIDER": provider,
        "PYTHONPATH": f"{_ROOT}{os.pathsep}{_ROOT / 'src'}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        "PYTHONWARNINGS": "ignore",
    }


@contextmanager
def _gunicorn(receiver: Receiver, provider: str, calls: Path, *options: str) -> Iterator[str]:
    """Run gunicorn with uvicorn's workers and a preloaded application; stop it gracefully at the end."""
    address = f"127.0.0.1:{free_port()}"
    command = [
        sys.executable, "-m", "gunicorn", "tests.recording.worker_app:app", "--preload",
        "--worker-class", "uvicorn.workers.UvicornWorker", "--workers", "4", "--bind", address,
        "--graceful-timeout", "10", "--log-level", "warning", *options,
    ]  # fmt: skip
    server = subprocess.Popen(
        command, env={**_environment(receiver, provider), "TESTS_CALLS": str(calls)}, cwd=_ROOT
    )
    try:
        _wait_for(address)
        yield f"http://{address}"
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0


def _wait_for(address: str) -> None:
    host, port = address.split(":")

    def listens() -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection((host, int(port)), timeout=1).close()
            return True
        return False

    eventually(listens, DEADLINE, f"a server at {address}")


def _ask(url: str) -> int:
    """Call the application, again while a worker is replaced; return the process that answered."""

    def ask() -> int | None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=10) as answer:
            pid: int = json.load(answer)["pid"]
            return pid
        return None

    return eventually(ask, DEADLINE, f"an answer of {url}")


def _ask_often(url: str, times: int) -> set[int]:
    """Call the application from many clients; return the processes that answered."""
    with ThreadPoolExecutor(16) as clients:
        return set(clients.map(_ask, [url] * times))


def _served(folder: Path, at_least: int) -> int:
    """Return the number of requests that the workers served; more than the calls if answers were lost."""
    served = (folder / "calls").stat().st_size
    assert served >= at_least
    return served


@both_providers
def test_every_gunicorn_worker_counts_its_own_calls(provider: str, tmp_path: Path) -> None:
    """Each worker has its own instance id and starts at zero; together they have every call once."""
    with receiving() as receiver:
        with _gunicorn(receiver, provider, tmp_path / "calls") as url:
            pids = _ask_often(f"{url}/work/10", 200)
        counts, options = receiver.counts(_SECONDS), receiver.counts(_OPTIONS)
    assert len(pids) == 4
    assert len(counts) == 5, "four workers and their parent"
    assert _PRELOADED in counts.values(), "the parent's own calls, and none of its children's"
    assert sum(counts.values()) == _PRELOADED + 10 * _served(tmp_path, at_least=200)
    assert options == counts


@both_providers
def test_recycled_workers_lose_nothing(provider: str, tmp_path: Path) -> None:
    """A worker exports before it is replaced; the new worker has another instance id."""
    with receiving() as receiver:
        with _gunicorn(receiver, provider, tmp_path / "calls", "--max-requests", "20") as url:
            pids = _ask_often(f"{url}/work/10", 300)
        counts = receiver.counts(_SECONDS)
    assert len(pids) > 4
    assert sum(counts.values()) == _PRELOADED + 10 * _served(tmp_path, at_least=300)


_SCRIPT = """
import multiprocessing, sys, time
from signalscope.decorators import instrument_greeks
from tests.recording.otlp_setup import set_up

@instrument_greeks(calculation_type="delta", model_type="black_scholes")
def delta(spot):
    return 0.5

def work(calls):
    if multiprocessing.get_start_method() != "fork":
        set_up(interval_millis=60_000)
    for _ in range(calls):
        delta(1.0)

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    set_up(interval_millis=60_000)
    for _ in range(5):
        delta(1.0)
    children = [multiprocessing.Process(target=work, args=(calls,)) for calls in (11, 13)]
    for child in children:
        child.start()
    for child in children:
        child.join(30)
    assert [child.exitcode for child in children] == [0, 0]
"""


@both_providers
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_count_their_own_calls(
    method: str, provider: str, tmp_path: Path
) -> None:
    """This holds for each start method; the last interval is exported although the children skip atexit."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(_SCRIPT), encoding="utf-8")
    with receiving() as receiver:
        run = subprocess.run(
            [sys.executable, str(script), method],
            env=_environment(receiver, provider),
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        counts = receiver.counts(_SECONDS)
    assert run.returncode == 0, run.stderr
    assert sorted(counts.values()) == [5, 11, 13]
