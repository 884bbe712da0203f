"""A user's options service under every supported server: each Greek counts once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.collector.conftest import Collector
from tests.instrumentation.environments import environment
from tests.instrumentation.programs import Series, parse, variables
from tests.ports import free_port

from signalscope.demo.stack._processes import Part, answers, wait_until

pytestmark = [pytest.mark.needs("collector"), pytest.mark.timeout(180)]

CALLS = 40
SERVICE = '''
"""Prices options."""
import os

from fastapi import FastAPI
from vollib.black_scholes import black_scholes as price
from vollib.black_scholes.greeks.analytical import delta
from vollib.black_scholes.implied_volatility import implied_volatility

app = FastAPI()


@app.get("/healthy")
def healthy():
    return {}


@app.get("/options/{symbol}")
def option(symbol: str, strike: float):
    """Delta in a worker thread, as FastAPI runs plain functions."""
    return {"delta": delta("c", 100, strike, .5, .01, .2), "pid": os.getpid()}


@app.get("/volatility/{symbol}")
async def volatility(symbol: str, quote: float):
    return {"iv": implied_volatility(quote, 100, 100, .5, .01, "c"), "pid": os.getpid()}


if __name__ == "__main__":
    import sys

    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
'''
SERVERS = {
    "uvicorn": ("uvicorn", "options_service.main:app", "--port", "{port}"),
    "uvicorn with workers": ("uvicorn", "options_service.main:app", "--port", "{port}", "--workers", "4"),
    "uvicorn that reloads": ("uvicorn", "options_service.main:app", "--port", "{port}", "--reload"),
    "gunicorn": (
        "gunicorn", "options_service.main:app", "-k", "uvicorn.workers.UvicornWorker", "--workers", "2",
        "--bind", "127.0.0.1:{port}",
    ),
    "python -m": ("python", "-m", "options_service.main", "{port}"),
}  # fmt: skip


@contextmanager
def _serving(command: tuple[str, ...], folder: Path, environment: dict[str, str], port: int) -> Iterator[str]:
    part = Part("service", command, folder / "service.log", environment)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(f"{url}/healthy"), "the service", 60, [part])
        yield url
    finally:
        os.kill(part.pid, signal.SIGINT if "--reload" in command else signal.SIGTERM)
        wait_until(lambda: not _runs(part), "the end of the service", 60)
        part.stop()


def _runs(part: Part) -> bool:
    try:
        part.check()
    except RuntimeError:
        return False
    return True


def _ask(url: str) -> int:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return int(json.load(answer)["pid"])


@pytest.mark.parametrize("server", SERVERS)
def test_every_greek_of_a_service_arrives_once(server: str, collector: Collector, tmp_path: Path) -> None:
    """Each Greek counts once, in every process; each worker is its own instance."""
    package = tmp_path / "options_service"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "main.py").write_text(SERVICE, encoding="utf-8")
    name, port, where = f"service-{uuid.uuid4().hex[:8]}", free_port(), environment()
    scripts = where.python.parent
    program, *arguments = (part.format(port=port) for part in SERVERS[server])
    command = (str(where.launcher), str(scripts / program), *arguments)
    # `python -m` and gunicorn find the package in the current folder, as in a shell.
    own = variables(collector, name, PYTHONPATH=str(tmp_path), OTEL_METRIC_EXPORT_INTERVAL="60000")
    with _serving(command, tmp_path, own, port) as url, ThreadPoolExecutor(8) as clients:
        pids = set(clients.map(_ask, [f"{url}/options/X?strike=90"] * CALLS))
        pids |= set(clients.map(_ask, [f"{url}/volatility/X?quote=6"] * 3))
    expected = {("delta", "black_scholes"): float(CALLS), ("iv", "black_scholes"): 3.0}

    def series() -> Series:
        return parse(collector.scrape(), name)

    seconds = "signal_service_greeks_calculation_seconds_count"
    log = (tmp_path / "service.log").read_text(encoding="utf-8")
    collector.when(
        lambda: series().by(seconds, "calculation_type", "model_type") == expected,
        f"{expected}; there is {series().by(seconds, 'calculation_type', 'model_type')}; the log: {log}",
    )
    # a worker may have served requests of one kind only
    instances = [instance for instance, calls in series().by(seconds, "instance").items() if calls]
    assert len(instances) == len(pids)
    assert series().sum("signal_service_api_requests_total", endpoint="/options/{symbol}") == CALLS
    assert "Traceback" not in log


def test_a_process_that_calculates_nothing_imports_no_library(tmp_path: Path) -> None:
    """The launcher imports no library that the program does not import itself.

    The official instrumentors of FastAPI and httpx import their libraries, so they are switched off here.
    """
    where = environment()
    program = (
        "import sys; packages = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(packages & {'vollib', 'py_vollib', 'QuantLib', 'mibian', 'blackscholes', 'numpy', 'pandas',\n"
        "    'scipy', 'cachetools', 'redis', 'httpx', 'pybreaker', 'purgatory', 'celery', 'sqlalchemy', 'fastapi'}))"
    )
    done = subprocess.run(
        [where.launcher, where.python, "-c", program],
        env=os.environ | {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "fastapi,httpx,httpx2"},
        capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout == "[]\n", done.stdout
