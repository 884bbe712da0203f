"""Scopes: a service reads only the values of the cluster in which it runs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.fastapi.prometheus import running

from signalscope import derived
from signalscope.derived import _prometheus
from signalscope.derived.read import history, read

pytestmark = pytest.mark.needs("prometheus", "promtool")

_MEANS = {"eu": 0.2, "us": 0.9}


def _samples() -> Iterator[str]:
    now = int(time.time())
    for cluster, mean in _MEANS.items():
        for at in range(now - 600, now + 1, 30):
            yield f'{derived.get("API_MEAN").name}{{job="signal-service",cluster="{cluster}"}} {mean} {at}'
    yield "# TYPE signal_service_api_requests counter"
    for cluster, mean in _MEANS.items():
        for at in range(now - 600, now + 1, 5):
            labels = f'job="signal-service",cluster="{cluster}"'
            yield f"signal_service_api_requests_total{{{labels}}} {(at - now + 600) * 10 * mean} {at}"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Prometheus with one job in two clusters, and return its URL."""
    with running(tmp_path_factory.mktemp("prometheus"), list(_samples())) as url:
        yield url


@pytest.fixture(autouse=True)
async def _configured(
    tmp_path: Path, prometheus: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    config = tmp_path / "signalscope.toml"
    config.write_text('[scope]\nlabels = ["cluster"]\n', encoding="utf-8")
    monkeypatch.setenv("SIGNALSCOPE_CONFIG", str(config))
    monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_URL", prometheus)
    yield
    await _prometheus.shared.close()


@pytest.mark.parametrize("cluster", list(_MEANS))
async def test_values_are_those_of_the_own_cluster(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorded series, history and queried expressions have the values of the cluster, without its label."""
    monkeypatch.setenv("SIGNALSCOPE_PROMETHEUS_SCOPE", f"cluster={cluster}; zone=ignored")
    results = await read(["API_MEAN", "REQUESTS_LAST_MINUTE"])
    assert results.problems == []
    assert results.get("API_MEAN").vector == {(): _MEANS[cluster]}
    requests = results.get("REQUESTS_LAST_MINUTE").vector
    assert requests == {(): pytest.approx(600 * _MEANS[cluster], rel=0.2)}
    values = (await history(["API_MEAN"], 300, 10))["API_MEAN"]
    assert {value for points in values.values() for _, value in points} == {_MEANS[cluster]}
    assert set(values) == {()}


async def test_a_service_that_does_not_say_its_cluster_is_told_how(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a cluster name, the values of both clusters are kept apart, and a problem says what to set."""
    monkeypatch.delenv("SIGNALSCOPE_PROMETHEUS_SCOPE", raising=False)
    results = await read(["API_MEAN"])
    assert () not in results.get("API_MEAN").vector
    assert any("SIGNALSCOPE_PROMETHEUS_SCOPE (cluster=…)" in problem for problem in results.problems)
