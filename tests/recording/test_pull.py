"""Pull readers get the same metrics as push readers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from signalscope import recording
from signalscope.contract import ContractError, Instrument
from signalscope.exposition._reader import PullReader
from signalscope.exposition._text import TEXT
from signalscope.recording import _state as _live
from signalscope.testing import capture


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    live = _live.live
    before = live.on, live.fast_path, live.meter
    yield
    live.on, live.fast_path, live.meter = before


def test_a_scrape_and_a_push_see_the_same_totals() -> None:
    """The metrics have the contract's names, and the placeholder instrument is not among them."""
    pull, push = PullReader(), InMemoryMetricReader()
    provider = MeterProvider([pull, push], shutdown_on_exit=False)
    recording.initialise(provider, [pull, push])
    task = recording.get_instrument("signal_service.background_task").series("refresh", "low", "success")
    feature = recording.get_instrument("signal_service.feature_usage").series("export", "free")
    for _ in range(700):
        task.record(0.25)
        feature.record(2)
    for _ in range(2):
        text = pull.page(TEXT).decode()
        labels = 'outcome="success",priority="low",task_type="refresh"'
        assert f"signal_service_background_task_seconds_count{{{labels}}} 700.0" in text
        assert 'signal_service_feature_usage_total{feature="export",user_tier="free"} 1400.0' in text
        assert "placeholder" not in text
    data = push.get_metrics_data()
    assert data is not None
    pushed = {metric.name: metric for metric in data.resource_metrics[0].scope_metrics[0].metrics}
    assert "signalscope.recording.placeholder" not in pushed
    tasks: Any = pushed["signal_service.background_task"].data.data_points
    features: Any = pushed["signal_service.feature_usage"].data.data_points
    assert {point.count for point in tasks} - {0} == {700}
    assert {point.value for point in features} - {0} == {1400}


def test_gauges_are_set_cleared_and_observed() -> None:
    """Set, cleared and observed values work together; a failing observer is counted and only loses its own values."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    recording.initialise(provider, [reader])
    name = "signal_service.cache.entries"
    stays, goes = (
        recording.get_instrument(name).series("stays"),
        recording.get_instrument(name).series("goes"),
    )
    stays.record(3)
    goes.record(4)
    goes.record(float("nan"))
    unregister = [
        recording.observe(name, lambda: [(5, ("observed",))]),
        recording.observe(name, lambda: 1 / 0),  # type: ignore[arg-type,return-value]  # that is the point
    ]

    def values() -> dict[str, float]:
        data = reader.get_metrics_data()
        assert data is not None
        return {
            str((point.attributes or {})["cache_type"]): point.value  # type: ignore[union-attr]  # a gauge
            for metric in data.resource_metrics[0].scope_metrics[0].metrics
            if metric.name == name
            for point in metric.data.data_points
        }

    assert values() == {"stays": 3, "goes": 4, "observed": 5}
    goes.clear()
    unregister[0]()
    assert values() == {"stays": 3}
    unregister[1]()
    stays.clear()
    assert values() == {}


def test_a_gauge_that_threads_create_together_has_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread gets the gauge while it is created: both have the same, and its values are exported."""
    name = "signal_service.active_users"
    monkeypatch.delitem(recording._by_name, name, raising=False)
    create = recording.BoundInstrument
    others: list[recording.BoundInstrument] = []

    def overtaken(definition: Instrument) -> recording.BoundInstrument:
        created = create(definition)
        monkeypatch.setattr(recording, "BoundInstrument", create)
        others.append(recording.get_instrument(name))
        return created

    with capture() as captured:
        monkeypatch.setattr(recording, "BoundInstrument", overtaken)
        end = recording.observe(name, lambda: [(3, ("1h", "free"))])
        assert others == [recording.get_instrument(name)]
        assert captured.value("signal_service_active_users") == 3
    end()


def test_only_gauges_are_observed() -> None:
    """Observing a counter raises an error at once."""
    with pytest.raises(ContractError, match="not a gauge"):
        recording.observe("signal_service.feature_usage", list)
