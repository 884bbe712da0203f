"""Business calls, the caller's context, breakers, health and observed values."""

from __future__ import annotations

import asyncio
import contextvars
import enum
import gc
import time
from collections.abc import Callable, Iterator

import pytest

import signalscope
from signalscope import BreakerMonitor, ContractError, contract, decorators, metrics, user_context
from signalscope.contract import _registry
from signalscope.testing import Captured, FakeClock
from signalscope.users._active import ActiveUsers
from signalscope.users._context import watch_caller


def test_features_are_counted_for_the_caller_s_tier(captured: Captured) -> None:
    """The tier comes from the context; a premium use increments both counters."""
    with user_context(tier="enterprise", user="u-1"):
        signalscope.count_feature("surface", premium=True)
    signalscope.count_feature("surface", tier="free")
    signalscope.count_feature("surface")
    uses = {p.labels["user_tier"]: p.value for p in captured.points("signal_service_feature_usage_total")}
    assert uses == {"enterprise": 1, "free": 1, "unknown": 1}
    (premium,) = captured.points("signal_service_premium_feature_usage_total")
    assert (premium.labels["user_tier"], premium.value) == ("enterprise", 1)


def test_a_cost_needs_a_price(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost is CPU-seconds times the price; without a price, or with a wrong price, it is not recorded."""
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


def test_nested_costs_add_up_to_the_time_spent(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outer block does not record the cost of an inner block again."""
    monkeypatch.setenv("SIGNALSCOPE_CPU_SECOND_PRICE", "1")

    def burn(seconds: float) -> None:
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass

    begun = time.thread_time()
    with signalscope.measure_cost("outer"):
        burn(0.02)
        with signalscope.measure_cost("inner"):
            burn(0.05)
            with signalscope.measure_cost("innermost"):
                burn(0.03)
        with signalscope.measure_cost("inner"):
            burn(0.05)
    spent = time.thread_time() - begun
    name = "signal_service_calculation_cost_total"
    total = captured.value(name) or 0.0
    assert total == pytest.approx(spent, rel=0.1)
    assert 0.1 <= (captured.value(name, operation_type="inner") or 0.0) < 0.125


def test_a_caller_s_context_may_end_elsewhere(captured: Captured, caplog: pytest.LogCaptureFixture) -> None:
    """FastAPI runs the two halves of a yielding dependency in two threads; this neither raises nor logs."""
    block = user_context(tier="free", user="u-1", propagate=True)
    contextvars.copy_context().run(block.__enter__)
    contextvars.copy_context().run(block.__exit__, None, None, None)
    assert caplog.records == []


class _Tier(str, enum.Enum):  # noqa: UP042  # whose text is "_Tier.PRO": what many services have
    PRO = "professional"


def test_a_caller_may_have_any_type(captured: Captured) -> None:
    """A tier can be an enum member or missing, and a user can be a number."""
    with user_context(tier=_Tier.PRO, user=7):  # type: ignore[arg-type]  # what callers do
        signalscope.count_feature("a")
    with user_context(tier=None):  # type: ignore[arg-type]  # see above
        signalscope.count_feature("b")
    uses = {
        p.labels["feature"]: p.labels["user_tier"]
        for p in captured.points("signal_service_feature_usage_total")
    }
    assert uses == {"a": "professional", "b": "unknown"}
    assert captured.points("signalscope_internal_errors_total") == []


def test_a_value_that_is_not_allowed_is_said_once_and_counted(
    captured: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the value, the allowed values and the way out; without a list, the value is not logged."""
    for _ in range(3):
        signalscope.count_signal("momentum", "sideways")
    (said,) = [record.message for record in caplog.records]
    assert "direction='sideways'" in said
    assert "allowed: buy, sell, hold" in said
    assert "contract.allow('direction'" in said
    caplog.clear()
    for number in range(200):
        signalscope.count_eviction(f"cache-of-user-{number}", "ttl")
    (said,) = [record.message for record in caplog.records]
    assert "cache_type of signal_service.cache.evictions has more than 20 values" in said
    assert "user-" not in said


def test_what_was_allowed_late_is_allowed(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tier that is allowed after the first recording is recorded from then on."""
    monkeypatch.setattr(_registry, "_by_name", _registry._by_name)
    signalscope.count_feature("late", tier="late-tier")
    contract.allow("user_tier", "late-tier")
    signalscope.count_feature("late", tier="late-tier")
    name = "signal_service_feature_usage_total"
    assert captured.value(name, feature="late", user_tier="other") == 1
    assert captured.value(name, feature="late", user_tier="late-tier") == 1


def test_observed_values_that_are_not_allowed_are_added_up(captured: Captured) -> None:
    """Two priorities that the contract does not list share one series with the items of both."""
    end = signalscope.observe_queue("orders", sizes=lambda: {"high": 3, "urgent": 4, "vip": 5})
    try:
        for _ in range(2):
            sizes = captured.points("signal_service_queue_size", queue_type="orders")
            assert {p.labels["priority"]: p.value for p in sizes}["other"] == 9
    finally:
        end()


def test_calls_with_values_of_the_wrong_type_are_counted_never_raised(
    captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each wrong call counts one internal error."""
    monkeypatch.setenv("SIGNALSCOPE_CPU_SECOND_PRICE", "1")
    calls: list[Callable[[], None]] = [
        lambda: signalscope.record_cost("x", None),  # type: ignore[arg-type]  # the mistake
        lambda: signalscope.record_cost("x", -1.0),
        lambda: signalscope.report_health("db", ["up"]),  # type: ignore[arg-type]  # the mistake
        lambda: signalscope.record_accuracy("x", "1h", None),  # type: ignore[arg-type]  # the mistake
        lambda: signalscope.count_signal("x", "buy", "two"),  # type: ignore[arg-type]  # the mistake
    ]
    for number, call in enumerate(calls, 1):
        call()
        captured.points(
            "signalscope_internal_errors_total"
        )  # the next collection reports values that this one rejects
        assert captured.value("signalscope_internal_errors_total") == number


def test_cpu_time_is_measured_not_waiting(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sleeping costs almost nothing, counting does; a block that raises is charged too."""
    monkeypatch.setenv("SIGNALSCOPE_CPU_SECOND_PRICE", "1")
    with signalscope.measure_cost("sleep"):
        time.sleep(0.2)  # sleep: this is what is measured

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
    """The tier ends with its block."""

    async def ask() -> tuple[str, str]:
        with user_context(tier="professional"):
            inside = await asyncio.create_task(asyncio.sleep(0, signalscope.current_tier()))
            return inside, await asyncio.to_thread(signalscope.current_tier)

    assert asyncio.run(ask()) == ("professional", "professional")
    assert signalscope.current_tier() == "unknown"


def test_an_outer_middleware_learns_what_an_inner_one_says() -> None:
    """The outer middleware does not see inner context variables; it reads the tier in another way."""

    async def inner() -> None:
        with user_context(tier="basic", user="u-7"):
            await asyncio.sleep(0)

    async def outer() -> str:
        with watch_caller() as seen:
            await asyncio.create_task(inner())
            return seen.tier

    assert asyncio.run(outer()) == "basic"


def test_tiers_travel_as_baggage_only_when_asked() -> None:
    """Outgoing requests may go to other companies, so they have the tier only with a setting."""
    from opentelemetry import baggage  # noqa: PLC0415  # only this test looks at it

    with user_context(tier="free", user="u-1"):
        assert dict(baggage.get_all()) == {}
    with user_context(tier="free", user="u-1", propagate=True):
        assert dict(baggage.get_all()) == {"signalscope.user_tier": "free"}
    assert dict(baggage.get_all()) == {}


def test_the_user_is_hashed_onto_the_span(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a salt the user is a keyed hash, without one it is missing; the id is never exported."""
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
    """Repeated users count once; after an hour only the day counts them, and after a day neither does."""
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


def test_active_users_of_a_flood_are_estimated_within_limits() -> None:
    """The error for a hundred thousand users is at most 2 %, with one small sketch."""
    users = ActiveUsers(FakeClock())
    for number in range(100_000):
        users.saw("free", f"user-{number}")
    counts = {values: number for number, values in users.counted()}
    assert counts["24h", "free"] == pytest.approx(100_000, rel=0.05)


def test_a_breaker_s_state_is_one_of_three(captured: Captured) -> None:
    """The series of the current state is 1, the others are 0; transitions and calls are counted once."""
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
    """A deleted breaker does not have a state any more."""
    breaker = BreakerMonitor("short_lived")
    assert captured.points("signal_service_circuit_breaker_state", service_name="short_lived")
    del breaker
    gc.collect()
    assert not captured.points("signal_service_circuit_breaker_state", service_name="short_lived")


def test_an_unknown_breaker_state_is_reported(captured: Captured) -> None:
    """A wrong state raises when the monitor is created; at run time it is counted instead."""
    with pytest.raises(ContractError, match="'ajar' is not allowed; allowed: closed, open, half_open"):
        BreakerMonitor("x", state="ajar")
    breaker = BreakerMonitor("odd_service")
    breaker.transition("ajar")
    assert breaker.state == "closed"
    assert captured.value("signalscope_internal_errors_total", where="breaker.transition") == 1


def test_health_is_one_half_or_none(captured: Captured) -> None:
    """Other values are rejected and counted, and the latest correct value stays."""
    signalscope.report_health("test_database", True)
    signalscope.report_health("test_database", 0.5)
    signalscope.report_health("test_database", 0.7)
    assert captured.value("signal_service_health_check_status", component="test_database") == 0.5
    assert captured.value("signalscope_internal_errors_total", where="report_health") == 1


def test_observed_values_are_asked_for_and_can_be_ended(captured: Captured) -> None:
    """A priority missing in the sizes has zero items; a size that was not passed is not exported."""

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


def test_one_module_has_all_functions_that_record_without_a_decorator() -> None:
    """`signalscope` and `signalscope.decorators` export the objects of `signalscope.metrics`."""
    prefixes = ("count_", "measure_", "observe_", "record_")
    names = {name for name in dir(signalscope) if name.startswith(prefixes)}
    assert {name for name in metrics.__all__ if name.startswith(prefixes)} == names
    for name in names:
        assert getattr(metrics, name).__module__ == "signalscope.metrics"
        assert getattr(metrics, name) is getattr(signalscope, name) is getattr(decorators, name)
