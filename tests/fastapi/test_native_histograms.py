"""Native histograms with a real Prometheus, which scrapes a service, and whose records /monitoring reads."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from tests.fastapi.prometheus import serving
from tests.ports import free_port
from tests.waiting import eventually_async

from fastapi import FastAPI
from signalscope import contract, recording
from signalscope.config import load
from signalscope.derived import _prometheus
from signalscope.derived.read import read
from signalscope.exposition import _reader
from signalscope.exposition._reader import answer
from signalscope.exposition._server import Server
from signalscope.fastapi import router
from signalscope.mixin.generate import generate

pytestmark = [pytest.mark.needs("prometheus"), pytest.mark.timeout(180)]

_SECONDS = "signal_service_api_request_duration_seconds"
#: The duration of each measurement in seconds.
_TAKE = {"signal_service.api.request.duration": 0.3, "signal_service.signal.generation": 3.0}
_CONFIG = """
[histograms]
kind = "native"

[pipeline]
export = 1
scrape = 1
evaluation = 1
recording = 1
slo = 1
insight = 1

[windows]
latency = 15
"""


@pytest.fixture
def page() -> Iterator[int]:
    """Start a service with native histograms, and return the port of its /metrics."""
    reader, port = _reader.PullReader(), free_port()
    provider = MeterProvider([reader], Resource({"service.name": "signal-service"}), shutdown_on_exit=False)
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    with recording.redirected(provider, [reader], tracer):
        assert Server.start("127.0.0.1", port, answer, None)
        yield port
    reader.shutdown()


@pytest.fixture
def prometheus(tmp_path: Path, page: int) -> Iterator[str]:
    """Start a Prometheus that scrapes the service with the generated configuration and rules."""
    config = tmp_path / "signalscope.toml"
    config.write_text(_CONFIG, encoding="utf-8")
    generate(load(config), tmp_path, ["rules", "deploy/prometheus"])
    (tmp_path / "deploy" / "prometheus" / "prometheus.yml").rename(tmp_path / "prometheus.yml")
    (tmp_path / "targets").mkdir()
    target = [{"targets": [f"127.0.0.1:{page}"], "labels": {"job": "signal-service"}}]
    (tmp_path / "targets" / "otel-collector.json").write_text(json.dumps(target), encoding="utf-8")
    with serving(tmp_path) as url:
        yield url


@pytest.fixture
async def client(
    tmp_path: Path, prometheus: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a service that reads from that Prometheus."""
    monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", prometheus)
    monkeypatch.setenv("SIGNALSCOPE_CONFIG", str(tmp_path / "signalscope.toml"))
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_PUBLIC", "true")
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_CACHE_SECONDS", "0")
    app = FastAPI()
    app.include_router(router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as one:
        yield one
    await _prometheus.shared.close()


def _quantile(name: str, q: float) -> float:
    """Return a quantile of equal measurements, interpolated linearly within their bucket."""
    low, high = next(
        (low, high) for low, high in pairwise(contract.get(name).buckets or ()) if low < _TAKE[name] <= high
    )
    return low + q * (high - low)


async def test_quantiles_and_limits_are_read_from_native_histograms(
    client: httpx.AsyncClient, prometheus: str
) -> None:
    """Requests of 0.3 s and signals of 3 s have right quantiles, means and slow ratios without classic buckets."""
    keys = ("API_P95", "API_MEAN", "API_SLOW", "SIGNAL_P95", "SATISFACTION")

    async def values() -> dict[str, float] | None:
        for name, seconds in _TAKE.items():
            labels = [(attribute.values or ("/a",))[0] for attribute in contract.get(name).attributes]
            recording.get_instrument(name).series(*labels).record(seconds)
        results = await read(keys)
        vectors = {key: results.get(key).vector for key in keys}
        return {key: vector[()] for key, vector in vectors.items()} if all(vectors.values()) else None

    rows = await eventually_async(values, "values of every row", every=0.2)
    assert rows["API_P95"] == pytest.approx(_quantile("signal_service.api.request.duration", 0.95))
    assert rows["SIGNAL_P95"] == pytest.approx(_quantile("signal_service.signal.generation", 0.95))
    assert rows["API_MEAN"] == pytest.approx(0.3)
    assert rows["API_SLOW"] == pytest.approx(0, abs=1e-9)
    assert rows["SATISFACTION"] == pytest.approx(100)
    answer = (await client.get("/monitoring/enhanced-metrics")).json()
    assert answer["source"]["name"] == "prometheus"
    assert answer["performance"]["api_performance"]["average_response_time_ms"] == pytest.approx(300)
    assert answer["performance"]["signal_generation"]["average_generation_time_ms"] == pytest.approx(3_000)
    quantile = f"histogram_quantile(0.5, sum(rate({_SECONDS}[1m])))"
    (sample,) = (await _prometheus.shared.instant(prometheus, quantile, 5)).samples
    assert sample.values[0][1] == pytest.approx(_quantile("signal_service.api.request.duration", 0.5))
    classic = await _prometheus.shared.instant(prometheus, f'{{__name__=~"{_SECONDS}_.+"}}', 5)
    assert classic.samples == []
