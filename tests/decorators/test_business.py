"""Business calls, the caller's context, breakers, health and observed values."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator

import pytest

import signalscope
from signalscope import BreakerMonitor, ContractError, user_context
from signalscope._active_users import ActiveUsers
from signalscope._user import watch_caller
from signalscope.testing import Captured, FakeClock


def test_features_are_counted_for_the_caller_s_tier(captured: Captured) -> None:
    """The tier comes from the context; premium use is counted in both."""
    with user_context(tier="enterprise", user="u-1"):
        signalscope.count_feature("surface", premium=True)
    signalscope.count_feature("surface", tier="free")
    signalscope.count_feature("surface")
    uses = {p.labels["user_tier"]: p.value for p in captured.points("signal_service_feature_usage_total")}
    assert uses == {"enterprise": 1, "free": 1, "unknown": 1}
    (premium,) = captured.points("signal_service_premium_feature_usage_total")
    assert (premium.labels["user_tier"], premium.value) == ("enterprise", 1)


def test_a_cost_needs_a_price(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """CPU-seconds times the price; without a price, or with a mistake for one, nothing is recorded."""
    name = "signal_service_calculation_cost_total"
    monkeypatch.delenv("SIGNALSCOPE_CPU_SECOND_PRICE", raising=False)
    signalscope.record_cost("chain", 2.0)
    monkeypatch.setenv("SIGNALSCOPE_CPU_SECOND_PRICE", "cheap")
    signalscope.record_cost("chain", 2.0)
    assert captured.points(name) == []
    monkeypatch.setenv("SIGNALSCOPE_CPU_SECOND_PRICE", "0.25")
    with user_context(tier="basic"):
        signalscope.record_cost("chain", 2.0, complexity="complex")
    assert captured.value(name, operation_type="chain", user_tier="basic", complexity="complex") == 0.5


def test_cpu_time_is_measured_not_waiting(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sleeping costs next to nothing, counting does; an exception goes through and is charged."""
    monkeypatch.setenv("SIGNALSCOPE_CPU_SECOND_PRICE", "1")
    with signalscope.measure_cost("sleep"):
        time.sleep(0.2)

    def count() -> None:
        with signalscope.measure_cost("count"):
            until = time.thread_time() + 0.1
            while time.thread_time() < until:
                pass
            raise ValueError("late")

    with pytest.raises(ValueError, match="late"):
        count()
    name = "signal_service_calculation_cost_total"
    slept = captured.value(name, operation_type="sleep")
    counted = captured.value(name, operation_type="count")
    assert slept is not None
    assert counted is not None
    assert slept < 0.05
    assert counted >= 0.1


def test_the_context_is_carried_into_tasks_and_threads() -> None:
    """And it ends with its block."""

    async def ask() -> tuple[str, str]:
        with user_context(tier="professional"):
            inside = await asyncio.create_task(asyncio.sleep(0, signalscope.current_tier()))
            return inside, await asyncio.to_thread(signalscope.current_tier)

    assert asyncio.run(ask()) == ("professional", "professional")
    assert signalscope.current_tier() == "unknown"


def test_an_outer_middleware_learns_what_an_inner_one_says() -> None:
    """Through what it watches, although the inner context variables are invisible to it."""

    async def inner() -> None:
        with user_context(tier="basic", user="u-7"):
            await asyncio.sleep(0)

    async def outer() -> str:
        with watch_caller() as seen:
            await asyncio.create_task(inner())
            return seen.tier

    assert asyncio.run(outer()) == "basic"


def test_tiers_travel_as_baggage_only_when_asked() -> None:
    """Outgoing requests may go to other companies."""
    from opentelemetry import baggage  # noqa: PLC0415  # only this test looks at it

    with user_context(tier="free", user="u-1"):
        assert dict(baggage.get_all()) == {}
    with user_context(tier="free", user="u-1", propagate=True):
        assert dict(baggage.get_all()) == {"signalscope.user_tier": "free"}
    assert dict(baggage.get_all()) == {}


def test_the_user_is_hashed_onto_the_span(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a salt a keyed hash, without one nothing, and the id itself nowhere."""
    with captured.tracer.start_as_current_span("no-salt"), user_context(user="alice"):
        pass
    monkeypatch.setenv("SIGNALSCOPE_HASH_SALT", "pepper")
    with captured.tracer.start_as_current_span("salt"), user_context(user="alice"):
        pass
    without, with_salt = (dict(span.attributes or {}) for span in captured.spans())
    assert without == {}
    assert set(with_salt) == {"user.hash"}
    assert len(str(with_salt["user.hash"])) == 64


def test_active_users_are_distinct_and_of_the_window() -> None:
    """Repeats count once, an hour later only the day has them, and a day later nobody does."""
    clock = FakeClock(100_000.0)
    users = ActiveUsers(clock)
    for number in range(300):
        users.saw("free", f"user-{number % 100}")
    users.saw("platinum", "user-1")
    counted = {values: number for number, values in users.counted()}
    assert counted["1h", "free"] == pytest.approx(100, abs=2)
    assert counted["1h", "other"] == 1
    clock.advance(3_700)
    assert {window for _, (window, _) in users.counted()} == {"24h"}
    clock.advance(86_400)
    assert list(users.counted()) == []


def test_active_users_of_a_flood_are_estimated_within_bounds() -> None:
    """A hundred thousand users: 2 % off at the most, in one small sketch."""
    users = ActiveUsers(FakeClock())
    for number in range(100_000):
        users.saw("free", f"user-{number}")
    found = {values: number for number, values in users.counted()}
    assert found["24h", "free"] == pytest.approx(100_000, rel=0.05)


def test_a_breaker_s_state_is_one_of_three(captured: Captured) -> None:
    """The series of the state is 1, the others 0; transitions and calls are counted, repeats are none."""
    breaker = BreakerMonitor("ticker_service", "quote")
    breaker.success()
    breaker.failure()
    breaker.transition("open")
    breaker.transition("open")
    breaker.rejected()
    name = "signal_service_circuit_breaker_state"
    states = {p.labels["state"]: p.value for p in captured.points(name, operation="quote")}
    assert states == {"closed": 0, "open": 1, "half_open": 0}
    calls = captured.points("signal_service_circuit_breaker_calls_total", operation="quote")
    assert {p.labels["outcome"]: p.value for p in calls} == {"success": 1, "failure": 1, "rejected": 1}
    assert captured.value("signal_service_circuit_breaker_transitions_total", to="open") == 1


def test_a_breaker_s_series_go_with_it(captured: Captured) -> None:
    """A breaker that is gone has no state any more."""
    breaker = BreakerMonitor("short_lived")
    assert captured.points("signal_service_circuit_breaker_state", service_name="short_lived")
    del breaker
    gc.collect()
    assert not captured.points("signal_service_circuit_breaker_state", service_name="short_lived")


def test_an_unknown_breaker_state_is_told(captured: Captured) -> None:
    """At once when the monitor is made; counted, not raised, when it comes at run time."""
    with pytest.raises(ContractError, match="'ajar' is not allowed; allowed: closed, open, half_open"):
        BreakerMonitor("x", state="ajar")
    breaker = BreakerMonitor("odd_service")
    breaker.transition("ajar")
    assert breaker.state == "closed"
    assert captured.value("signalscope_internal_errors_total", where="breaker.transition") == 1


def test_health_is_one_half_or_none(captured: Captured) -> None:
    """Anything else is refused and counted: the latest true value stays."""
    signalscope.report_health("test_database", True)
    signalscope.report_health("test_database", 0.5)
    signalscope.report_health("test_database", 0.7)
    assert captured.value("signal_service_health_check_status", component="test_database") == 0.5
    assert captured.value("signalscope_internal_errors_total", where="report_health") == 1


def test_observed_values_are_asked_for_and_can_be_ended(captured: Captured) -> None:
    """Priorities that a queue leaves out have nobody waiting; a size nobody gave is absent."""

    def subscriptions() -> Iterator[tuple[float, tuple[str, str, str]]]:
        yield 12_000, ("free", "momentum", "email")

    ends = [
        signalscope.observe_queue("observed", sizes=lambda: {"high": 3}, capacity=10),
        signalscope.observe_cache("observed", entries=lambda: 5, size_bytes=lambda: None),
        signalscope.observe_memory("observed", 1024.0),
        signalscope.observe_subscriptions(subscriptions),
    ]
    sizes = captured.points("signal_service_queue_size", queue_type="observed")
    assert {p.labels["priority"]: p.value for p in sizes} == {"critical": 0, "high": 3, "medium": 0, "low": 0}
    assert captured.value("signal_service_queue_capacity", queue_type="observed") == 10
    assert captured.value("signal_service_cache_entries", cache_type="observed") == 5
    assert captured.value("signal_service_cache_size_bytes", cache_type="observed") is None
    assert captured.value("signal_service_memory_usage_bytes", operation_type="observed") == 1024
    assert captured.value("signal_service_active_subscriptions") == 12_000
    for end in ends:
        end()
    assert captured.points("signal_service_queue_size", queue_type="observed") == []
    assert captured.points("signal_service_active_subscriptions") == []
