"""The time from a total failure of the Greeks to the page, with the real parts, intervals and load of the demo."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
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
_PAGE_SECONDS = 30
_SUCCEEDING = 'rate(signal_service_greeks_calculation_seconds_count{outcome="success"}[1m]) > 1'
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


@pytest.mark.e2e
@pytest.mark.needs("collector", "prometheus", "alertmanager")
@pytest.mark.timeout(400)
def test_a_total_failure_pages_within_the_promise_and_one_failed_request_does_not(tmp_path: Path) -> None:
    """One failed request without other traffic sends no page; a total failure under load sends one within 30 s."""
    webhook = Webhook()
    with Stack(free_ports(), load=0, say=print, generated=_generated(tmp_path, webhook)) as stack:
        stack.wait_for_data()
        service, fault = stack.url("service"), f"{stack.url('service')}/demo/faults/greeks-failing"
        put(fault, {"on": True})
        assert httpx.post(f"{service}/api/v1/greeks/option", json=_OPTION).status_code == 503
        failed = time.monotonic()
        eventually(
            lambda: stack.query('signal_service_api_requests_total{status_code="503"} > 0'), 60, "the request"
        )
        eventually(lambda: time.monotonic() > failed + 2 * _PAGE_SECONDS, 90, "twice the time of a page")
        assert webhook.names(_RECEIVER, _JOB) == []
        assert not stack.query(f'ALERTS{{alertname="{_ALERT}"}}')
        put(fault, {"on": False})
        with _requests(service):
            eventually(lambda: stack.query(_SUCCEEDING), 90, "calculations that succeed")
            put(fault, {"on": True})
            begun = time.time()
            eventually(lambda: _ALERT in webhook.names(_RECEIVER, _JOB), 90, "the page")
        paged = min(at for at, name in webhook.pages(_RECEIVER, _JOB) if name == _ALERT) - begun
    webhook.close()
    print(f"the page came {paged:.1f} s after the failure")
    assert paged <= _PAGE_SECONDS  # bound: the runbook promises it
