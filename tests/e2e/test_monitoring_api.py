"""The monitoring API of the reference service: every endpoint, with values from Prometheus."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from tests.waiting import eventually

from signalscope.demo.stack._stack import Stack

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.needs("collector", "prometheus", "alertmanager"),
    pytest.mark.timeout(600),
]


def _ask(stack: Stack, path: str, token: str | None = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {stack.token if token is None else token}"}
    request = urllib.request.Request(f"{stack.url('service')}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, None


def test_the_whole_service_is_in_the_answers(stack: Stack) -> None:
    """Once the rules are evaluated, answers have recorded series of the whole service; a token is needed."""
    assert _ask(stack, "/monitoring/enhanced-metrics", "no")[0] == 401

    def known() -> bool:
        _, answer = _ask(stack, "/monitoring/enhanced-metrics")
        api = answer["performance"]["api_performance"]
        return (
            answer["source"]["name"] == "prometheus"
            and not answer["degraded"]
            and all(value is not None for value in api.values())
            and answer["performance"]["signal_generation"]["vectorization_efficiency"] is not None
            and answer["business"]["user_activity"]["user_satisfaction_score"] is not None
            and len(answer["circuit_breakers"]) == 5
        )

    eventually(known, 120, "recorded series in the monitoring API")
    for path in ("performance-summary", "business-dashboard", "capacity-planning", "metrics"):
        status, answer = _ask(stack, f"/monitoring/{path}")
        assert status == 200, path
        assert answer["problems"] == [], path


def test_every_component_is_checked(stack: Stack) -> None:
    """The service checks its external services, database and queue; the other checks are built in."""
    status, answer = _ask(stack, "/health/detailed")
    assert status == 200
    assert {
        "ticker_service", "marketplace_service", "config_service", "alert_service", "comms_service", "database",
        "work_queue", "api", "error_rate", "signal_processing", "cache", "backpressure", "dependencies",
        "system_resources", "config", "model_configuration", "redis",
    } <= set(answer["components"])  # fmt: skip
    assert answer["components"]["database"]["status"] == "healthy"
