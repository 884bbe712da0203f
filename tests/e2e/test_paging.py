"""The time from a total failure of the Greeks to the page, with the real parts, intervals and load of the demo."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.ports import free_ports
from tests.waiting import eventually, put
from tests.webhook import Webhook

from signalscope import binaries
from signalscope.config import load
from signalscope.demo.stack._stack import Stack
from signalscope.mixin.alertmanager import secrets

_ALERT, _JOB, _RECEIVER = "GreeksCalculationSystemFailure", "signal-service", "quant-page"
_DEMO = binaries.ROOT / "src" / "signalscope" / "demo" / "service" / "signalscope.toml"
#: The promise: a page within this time of a total failure.
_PAGE_SECONDS, _RUNS = 30, 3
_SUCCEEDING = 'rate(signal_service_greeks_calculation_seconds_count{outcome="success"}[1m]) > 1'
_FAILED = 'sum(signal_service_greeks_calculation_seconds_count{outcome="error"})'
_FIRING = f'ALERTS{{alertname="{_ALERT}", alertstate="firing"}}'
_OPTION = {"symbol": "ALFA", "flag": "c", "strike": 400.0, "days": 30, "volatility": 0.2}


def _generated(folder: Path, webhook: Webhook) -> Path:
    """Write the demo's own rules, and routes that notify the webhook."""
    (folder / "secrets").mkdir()
    config = folder / "my.toml"
    routes = f"\n[routes]\nsecrets = {json.dumps(str(folder / 'secrets'))}\n"
    config.write_text(_DEMO.read_text(encoding="utf-8") + routes, encoding="utf-8")
    for name in secrets(load(config)):
        (folder / "secrets" / name).write_text(f"{webhook.url}/{name}", encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "signalscope", "generate", "--config", str(config), "--out", str(folder)],
        check=True, capture_output=True, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    shutil.copy(folder / "rules" / "alertmanager" / "alertmanager.yml", folder / "deploy" / "prometheus")
    return folder


@contextmanager
def _requests(target: str) -> Iterator[None]:
    """Send the demo's load."""
    command = [sys.executable, "-m", "signalscope.demo.stack.load", "--target", target]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def _value(stack: Stack, expression: str) -> float:
    return sum(float(result["value"][1]) for result in stack.query(expression))


def _stages(stack: Stack, fault: str, webhook: Webhook) -> dict[str, float]:
    """Make every calculation fail under load, and return the seconds from then to the end of each stage."""
    stages: dict[str, Callable[[], object]] = {
        "the failures are in Prometheus": lambda: _value(stack, _FAILED) > before,
        "the alert fires": lambda: stack.query(_FIRING),
        "the webhook has the page": lambda: _ALERT in webhook.names(_RECEIVER, _JOB),
    }
    seconds: dict[str, float] = {}
    with _requests(stack.url("service")):
        eventually(lambda: stack.query(_SUCCEEDING), 120, "calculations that succeed")
        before = _value(stack, _FAILED)
        put(fault, {"on": True})
        begun = time.time()
        for name, is_done in stages.items():
            eventually(is_done, 120, name)
            seconds[name] = time.time() - begun
    seconds[name] = min(at for at, alert in webhook.pages(_RECEIVER, _JOB) if alert == _ALERT) - begun
    print(", ".join(f"{name} after {number:.1f} s" for name, number in seconds.items()))
    return seconds


@pytest.mark.e2e
@pytest.mark.needs("collector", "prometheus", "alertmanager")
@pytest.mark.timeout(900)
def test_a_total_failure_pages_within_the_promise_and_one_failed_request_does_not(tmp_path: Path) -> None:
    """One failed request without other traffic sends no page; a total failure under load sends one within 30 s.

    The promise is about the intervals of the pipeline, and a busy machine adds delays. So the quickest of three runs
    counts. Alertmanager sends a second page of one alert later, so each run has a stack of its own.
    """
    paged: list[float] = []
    while not paged or (len(paged) < _RUNS and min(paged) > _PAGE_SECONDS):
        folder, webhook = tmp_path / str(len(paged)), Webhook()
        folder.mkdir()
        with Stack(free_ports(), load=0, say=print, generated=_generated(folder, webhook)) as stack:
            stack.wait_for_data()
            fault = f"{stack.url('service')}/demo/faults/greeks-failing"
            if not paged:
                _fail_once(stack, fault, webhook)
            paged.append([*_stages(stack, fault, webhook).values()][-1])
        webhook.close()
    assert min(paged) <= _PAGE_SECONDS  # bound: the runbook promises it


def _fail_once(stack: Stack, fault: str, webhook: Webhook) -> None:
    """Check that one failed request without other traffic sends no page."""
    put(fault, {"on": True})
    assert (
        httpx.post(f"{stack.url('service')}/api/v1/greeks/option", json=_OPTION, timeout=60).status_code
        == 503
    )
    failed = time.monotonic()
    eventually(
        lambda: stack.query('signal_service_api_requests_total{status_code="503"} > 0'), 120, "the request"
    )
    eventually(lambda: time.monotonic() > failed + 2 * _PAGE_SECONDS, 90, "twice the time of a page")
    assert webhook.names(_RECEIVER, _JOB) == []
    assert not stack.query(f'ALERTS{{alertname="{_ALERT}"}}')
    put(fault, {"on": False})
