"""An application that has its own monitoring passes its unchanged tests with signalscope in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fastapi import FastAPI
from signalscope.fastapi import router
from signalscope.fastapi.monitoring import _routes as _monitoring
from signalscope.testing import capture

FOLDER = Path(__file__).with_name("existing")


@pytest.mark.parametrize(
    "how", ["", "include before", "include after", "instrument before", "instrument after"]
)
def test_its_own_suite_passes(how: str) -> None:
    """Without signalscope, and with the router or `instrument_app`, before or after the application's routes."""
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-W", "error:Duplicate Operation ID",
            "-p", "no:cacheprovider", "-p", "no:asyncio", "-c", os.devnull, "--rootdir", str(FOLDER), "suite.py",
        ],
        cwd=FOLDER, capture_output=True, text=True, check=False,
        env={**os.environ, "WITH_SIGNALSCOPE": how, "PYTHONPATH": str(FOLDER.parents[2])},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "11 passed" in done.stdout


#: The fields of /monitoring/enhanced-metrics that clients of the existing service read.
FIELDS: dict[str, Any] = {
    "timestamp": None, "service_uptime_seconds": None, "health": None, "circuit_breakers": None,
    "performance": {
        "api_performance": (
            "total_requests_last_minute", "average_response_time_ms", "error_rate_percentage",
            "slow_requests_percentage",
        ),
        "signal_generation": (
            "signals_generated_last_minute", "average_generation_time_ms", "greeks_calculations_per_second",
            "vectorization_efficiency",
        ),
        "cache_performance": ("greeks_cache_hit_ratio", "indicators_cache_hit_ratio", "cache_size_bytes"),
    },
    "business": {
        "subscriptions": ("total_active", "by_tier", "growth_rate_daily"),
        "user_activity": ("active_users_last_hour", "top_features_usage", "user_satisfaction_score"),
        "revenue_impact": ("computation_cost_last_hour", "premium_feature_usage", "cost_per_user"),
    },
    "capacity": {
        "resource_utilization": ("cpu_usage_percentage", "memory_usage_gb", "queue_utilization"),
        "scaling_indicators": (
            "scaling_recommendation", "bottleneck_analysis", "predicted_capacity_exhaustion",
        ),
        "external_dependencies": (
            "dependency_health_score", "network_latency_impact", "service_level_compliance",
        ),
    },
    "component_availability": None,
}  # fmt: skip


@pytest.fixture
def _public(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SIGNALSCOPE_MONITORING_PUBLIC", "true")
    _monitoring._answers.clear()
    yield
    _monitoring._answers.clear()


@pytest.mark.usefixtures("_public")
async def test_clients_find_every_field() -> None:
    """Each field is in its place, and each number is a number or null."""
    app = FastAPI()
    app.include_router(router)
    with capture():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://s") as client:
            answer = (await client.get("/monitoring/enhanced-metrics")).json()
    assert set(FIELDS) <= set(answer)
    assert set(answer["health"]) == {"status", "components"}
    for section, parts in FIELDS.items():
        for part, names in (parts or {}).items():
            assert set(answer[section][part]) - {"window_seconds"} == set(names), part
            for name, value in answer[section][part].items():
                assert value is None or isinstance(value, float | dict), name
