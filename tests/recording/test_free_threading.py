"""The recording core on a Python without the GIL.

These tests run on an ordinary build and force the answer of the probe. They show the choice and the log line. They do
not show that the SDK, or any other part, is safe with truly parallel threads.
"""

from __future__ import annotations

import logging
import sys
import sysconfig
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

from signalscope import recording
from signalscope.recording import _fast_path
from signalscope.recording._snapshot import NotKeptError, snapshot
from signalscope.recording._state import live

_COUNTER = "signal_service.feature_usage"


@pytest.fixture
def without_gil(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Force the probe: Python reports that it runs without the GIL."""
    before = live.on, live.fast_path, live.meter
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    _fast_path.log_reason_once.cache_clear()
    yield
    live.on, live.fast_path, live.meter = before
    _fast_path.log_reason_once.cache_clear()


def test_the_sdk_aggregates_and_one_line_says_so(without_gil: None, caplog: pytest.LogCaptureFixture) -> None:
    """Every value from several threads is recorded; a second provider does not log again."""
    with caplog.at_level(logging.INFO, logger="signalscope"):
        for _ in range(2):
            reader = InMemoryMetricReader()
            recording.initialise(MeterProvider([reader], shutdown_on_exit=False), [reader])
    assert live.fast_path is None
    (line,) = [record for record in caplog.records if "GIL" in record.getMessage()]
    assert line.levelno == logging.WARNING
    series = recording.get_instrument(_COUNTER).series("forced", "free")

    def record(times: int) -> None:
        for _ in range(times):
            series.record(1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(record, [500] * 4))
    data = reader.get_metrics_data()
    assert data is not None
    values = [
        point.value
        for scope in data.resource_metrics[0].scope_metrics
        for metric in scope.metrics
        if metric.name == _COUNTER
        for point in metric.data.data_points
        if isinstance(point, NumberDataPoint) and "forced" in (point.attributes or {}).values()
    ]
    assert values == [2000]


def test_the_process_says_why_it_has_no_values_of_its_own(without_gil: None) -> None:
    """The monitoring API shows the reason, and where to read the values instead."""
    reader = InMemoryMetricReader()
    recording.initialise(MeterProvider([reader], shutdown_on_exit=False), [reader])
    with pytest.raises(NotKeptError, match=r"without the GIL.*SIGNALSCOPE_PROMETHEUS_URL"):
        snapshot([_COUNTER])


def test_the_probe_calls_the_interpreter_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A free-threaded build may run with the GIL; the build flag counts only without the probe."""
    monkeypatch.setattr(sysconfig, "get_config_var", {"Py_GIL_DISABLED": 1}.get)
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: True, raising=False)
    assert _fast_path.is_gil_enabled()
    monkeypatch.delattr(sys, "_is_gil_enabled")
    assert not _fast_path.is_gil_enabled()


def test_an_ordinary_build_has_the_gil() -> None:
    """Otherwise the tests of the aggregation buffers would test the SDK."""
    assert _fast_path.is_gil_enabled() == (not sysconfig.get_config_var("Py_GIL_DISABLED"))
