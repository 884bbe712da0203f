"""The service's own counts equal the values in Prometheus exactly. The stack ends with this test."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path

import pytest
from tests.waiting import eventually

from signalscope.demo.stack._stack import Stack

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.needs("collector", "prometheus", "alertmanager"),
    pytest.mark.timeout(600),
]


def test_what_was_calculated_is_what_was_counted(stack: Stack, stats_file: Path) -> None:
    """After a graceful stop, Prometheus has exactly the counted calculations, options and signals."""
    instance = _instance(stack)

    def totals() -> dict[str, float]:
        return {
            family: float(one["value"][1])
            for family, series in _COUNTED.items()
            for one in stack.query(f"sum({series}{{instance='{instance}'}})")
        }

    eventually(
        lambda: all(totals().get(metric) for metric in _COUNTED), 180, "load of every kind after the restart"
    )
    stack.parts["load"].stop()
    stack.parts["service"].stop()
    stats = json.loads(stats_file.read_text(encoding="utf-8"))
    expected = {family: stats[family]["total"] for family in _COUNTED}
    try:
        eventually(lambda: totals() == expected, 30, "the counts")
    except AssertionError:
        assert totals() == expected


_COUNTED = {
    "calculations": "signal_service_greeks_calculation_seconds_count",
    "signals": "signal_service_signals_emitted_total",
    "cache_operations": "signal_service_cache_operations_total",
    "cache_evictions": "signal_service_cache_evictions_total",
    "queue_items": "signal_service_queue_items_total",
}


def _instance(stack: Stack) -> str:
    """Return the instance of the running service; series of a killed one remain for some minutes."""
    with urllib.request.urlopen(f"{stack.url('service')}/metrics", timeout=10) as response:
        instance = re.search(r'service_instance_id="([^"]+)"', response.read().decode())
    assert instance is not None
    return instance[1]
