"""Prediction intervals, forecasts and trends, evaluated by promtool over weeks of sessions at real dates."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from signalscope import binaries, derived
from signalscope.config import Config
from signalscope.derived import groups
from signalscope.mixin.alerts import alerts

pytestmark = pytest.mark.needs("promtool")

JOB = 'job="signal-service"'
NEW_YORK = ZoneInfo("America/New_York")
#: Fewer days than the default, to keep the tests fast.
SHORT = Config.model_validate({"anomaly": {"lookback_days": 7, "least_days": 5}})
_STEP = 240


class Run:
    """One run of promtool.

    Args:
        folder: The folder for the files of promtool.
        start: The time of the first sample, in ISO 8601.
        inputs: Values by series, in promtool's notation. They replace recording rules of the same name.
        names: The names of the rule groups, separated by spaces.
        every: The interval of samples and evaluations, in seconds.
        config: The configuration of the rules; None for the defaults.
    """

    def __init__(
        self,
        folder: Path,
        start: str,
        inputs: Mapping[str, str],
        names: str,
        *,
        every: int = 15,
        config: Config | None = None,
    ) -> None:
        self.config = config or Config()
        self._folder = folder
        given = {name.partition("{")[0] for name in inputs}
        self._rules = [
            {"record": rule.record, "expr": rule.expr}
            for group in groups(self.config)
            for rule in group.rules
            if group.name in names.split() and rule.record not in given
        ]
        self._every = every
        self._test: dict[str, Any] = {
            "interval": f"{every}s",
            "start_timestamp": start,
            "input_series": [{"series": name, "values": values} for name, values in inputs.items()],
            "promql_expr_test": [],
        }

    def expect(self, expr: str, at: str, value: float | None) -> Run:
        """Expect one value of an expression at a time after the start, or None for an empty result."""
        samples = [] if value is None else [{"labels": "{}", "value": value}]
        self._test["promql_expr_test"].append({"expr": expr, "eval_time": at, "exp_samples": samples})
        return self

    def firing(self, alert: str, **numbers: int) -> Run:
        """Expect numbers of firing alerts by time, such as ``t90m=1``."""
        for at, number in numbers.items():
            self.expect(
                f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)', at[1:], number
            )
        return self

    def check(self) -> None:
        """Run promtool and assert that all expectations hold."""
        expressions = (str(expression["expr"]) for expression in self._test["promql_expr_test"])
        names = {expression.partition('alertname="')[2].partition('"')[0] for expression in expressions}
        rules = [*self._rules]
        for alert in alerts(self.config):
            if alert.name in names:
                keep = {"keep_firing_for": f"{alert.keep_firing_for}s"} if alert.keep_firing_for else {}
                rules.append({"alert": alert.name, "expr": alert.expr, "for": f"{alert.for_}s", **keep})
        (self._folder / "rules.yaml").write_text(
            yaml.safe_dump({"groups": [{"name": "insight", "rules": rules}]}, width=10_000)
        )
        (self._folder / "tests.yaml").write_text(
            yaml.safe_dump(
                {
                    "rule_files": ["rules.yaml"],
                    "evaluation_interval": f"{self._every}s",
                    "tests": [self._test],
                }
            )
        )
        done = subprocess.run(
            [binaries.find("promtool"), "test", "rules", self._folder / "tests.yaml"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]


# --- anomaly -----------------------------------------------------------------------------------------------

_REQUESTS = derived.get("API_REQUESTS").name
_SIGNAL = f'{JOB}, signal="request_rate"'
_START = datetime(2026, 11, 11, tzinfo=ZoneInfo("UTC"))  # a Wednesday


def _values(
    value_at: Callable[[datetime], float | None], days: float, start: datetime = _START, every: int = _STEP
) -> str:
    """Return the values of a function of the exchange's local time; None becomes a missing sample."""
    moments = (start + timedelta(seconds=every * step) for step in range(int(days * 86_400 / every)))
    values = (value_at(moment.astimezone(NEW_YORK)) for moment in moments)
    return " ".join("_" if value is None else f"{value:g}" for value in values)


def _calendar(days: float, start: datetime, every: int = _STEP) -> dict[str, str]:
    """Return the recorded series of the calendar, which has separate tests."""
    calendar = {}
    for horizon, hours in (("now", 0), ("24h", 24), ("48h", 48)):
        ahead = start + timedelta(hours=hours)
        labels = f'{{horizon="{horizon}"}}'
        calendar[f"{derived.get('CALENDAR_SESSION').name}{labels}"] = _values(_state, days, ahead, every)
        calendar[f"{derived.get('CALENDAR_OFFSET').name}{labels}"] = _values(_offset, days, ahead, every)
    return calendar


def _state(at: datetime) -> int:
    if at.weekday() >= 5 or (at.month, at.day) == (11, 26):
        return 0
    closes = 13 if (at.month, at.day) == (11, 27) else 16
    return 2 if 9 * 60 + 30 <= at.hour * 60 + at.minute < closes * 60 else 1


def _offset(at: datetime) -> float:
    offset = at.utcoffset()
    assert offset is not None
    return offset.total_seconds()


def _run_anomaly(
    folder: Path, value_at: Callable[[datetime], float | None], days: float, start: datetime = _START
) -> Run:
    inputs = {f"{_REQUESTS}{{{JOB}}}": _values(value_at, days, start), **_calendar(days, start)}
    return Run(folder, start.isoformat(), inputs, "anomaly", every=_STEP, config=SHORT)


def _on(day: int, hour: int, minute: int, minutes: int) -> Callable[[datetime], bool]:
    """Return a function that is true in a period of local time that starts on a day of November."""
    begin = datetime(2026, 11, day, hour, minute, tzinfo=NEW_YORK)
    return lambda at: begin <= at < begin + timedelta(minutes=minutes)


def _after(day: int, hour: int, minute: int) -> str:
    """Return a local time of November as a duration after the start."""
    seconds = int((datetime(2026, 11, day, hour, minute, tzinfo=NEW_YORK) - _START).total_seconds())
    return f"{seconds}s"


#: At ten requests per second, the interval is 3 times (5 % of the rate plus the noise of 3,000 events).
_UPPER = 10 + 3 * (0.05 * 10 + (10 / 300) ** 0.5)


def test_a_lasting_level_above_its_interval_is_reported(tmp_path: Path) -> None:
    """The alert fires after ten minutes above the exact upper limit, and ends fifteen minutes after the level."""
    high, low = _on(18, 10, 32, 40), _on(18, 14, 32, 40)

    def level(at: datetime) -> float:
        return _UPPER + 0.001 if high(at) else _UPPER - 0.001 if low(at) else 10

    name = "AnomalyDetected"
    run = _run_anomaly(tmp_path, level, 7.9)
    run.expect(f"max({derived.get('ANOMALY_UPPER').name})", _after(18, 10, 40), _UPPER)
    for hour, minute, number in ((10, 40, 0), (10, 48, 1), (11, 8, 1), (11, 32, 0), (15, 0, 0)):
        run.expect(_FIRING.format(name), _after(18, hour, minute), number)
    run.check()


_FIRING = 'count(ALERTS{{alertname="{}", alertstate="firing"}}) or vector(0)'


def test_a_drop_to_zero_and_missing_data_are_reported(tmp_path: Path) -> None:
    """Zero is `below` the interval; no data is `missing`."""
    zero, gone = _on(18, 10, 32, 40), _on(18, 13, 32, 40)
    run = _run_anomaly(tmp_path, lambda at: 0 if zero(at) else None if gone(at) else 10, 7.9)
    outside = derived.get("ANOMALY_OUTSIDE").name
    for direction, hour in (("below", 10), ("missing", 13)):
        expression = f'sum({outside}{{{_SIGNAL}, direction="{direction}"}})'
        run.expect(expression, _after(18, hour, 56), 1)
        run.expect(f"count({outside})", _after(18, hour, 56), 1)
        run.expect(_FIRING.format("AnomalyDetected"), _after(18, hour, 56), 1)
    run.expect(_FIRING.format("AnomalyDetected"), _after(18, 12, 30), 0)
    run.check()


def test_a_spike_or_an_outage_does_not_change_the_interval(tmp_path: Path) -> None:
    """The interval of the next day at the same time does not change."""
    spike, outage = _on(16, 11, 0, 60), _on(17, 11, 0, 60)
    run = _run_anomaly(tmp_path, lambda at: 100 if spike(at) else 0 if outage(at) else 10, 7.9)
    run.expect(f"max({derived.get('ANOMALY_UPPER').name})", _after(18, 11, 20), _UPPER)
    run.expect(f"max({derived.get('ANOMALY_EXPECTED').name})", _after(18, 11, 20), 10)
    run.check()


def test_a_level_that_lasts_becomes_normal(tmp_path: Path) -> None:
    """Three sessions after an increase of 50 %, the alert does not fire."""
    shift = datetime(2026, 11, 18, 0, 0, tzinfo=NEW_YORK)
    run = _run_anomaly(tmp_path, lambda at: 15 if at >= shift else 10, 12.9)
    for day, number in ((18, 1), (20, 1), (23, 0)):
        run.expect(_FIRING.format("AnomalyDetected"), _after(day, 12, 0), number)
    run.check()


def test_outside_of_sessions_nothing_is_unusual(tmp_path: Path) -> None:
    """No alert fires at night, on a weekend, on a holiday or after an early close; in a session it does."""
    start = datetime(2026, 11, 16, tzinfo=ZoneInfo("UTC"))
    moments = ((24, 20), (26, 12), (27, 14), (28, 12))
    odd = [_on(day, hour, 0, 60) for day, hour in (*moments, (25, 12))]
    run = _run_anomaly(tmp_path, lambda at: 1_000 if any(is_odd(at) for is_odd in odd) else 10, 12.9, start)
    for day, hour, number in (*((*moment, 0) for moment in moments), (25, 12, 1)):
        seconds = int((datetime(2026, 11, day, hour, 40, tzinfo=NEW_YORK) - start).total_seconds())
        run.expect(_FIRING.format("AnomalyDetected"), f"{seconds}s", number)
        run.expect(f"count({derived.get('ANOMALY_UPPER').name})", f"{seconds}s", number or None)
    run.check()


def test_without_enough_history_there_is_not_an_interval(tmp_path: Path) -> None:
    """With four trading days instead of five, no level fires the alert."""
    start = datetime(2026, 11, 12, tzinfo=ZoneInfo("UTC"))
    odd = _on(18, 12, 0, 60)
    run = _run_anomaly(tmp_path, lambda at: 1_000 if odd(at) else 10, 6.9, start)
    seconds = int((datetime(2026, 11, 18, 12, 40, tzinfo=NEW_YORK) - start).total_seconds())
    run.expect(_FIRING.format("AnomalyDetected"), f"{seconds}s", 0)
    run.expect(f"count({derived.get('ANOMALY_HISTORY').name})", f"{seconds}s", 4)
    run.check()


def test_the_same_time_of_day_is_local_time(tmp_path: Path) -> None:
    """After the clock change, the first hour is compared with first hours, not with the same hour in UTC."""
    start = datetime(2026, 10, 26, tzinfo=ZoneInfo("UTC"))  # the clock goes back on 1 November

    def level(at: datetime) -> float:
        return 50 if 9 * 60 + 30 <= at.hour * 60 + at.minute < 10 * 60 + 30 else 10

    run = _run_anomaly(tmp_path, level, 9.9, start)
    for hour, expected in ((9, 50), (10, 10)):
        seconds = int((datetime(2026, 11, 3, hour, 40, tzinfo=NEW_YORK) - start).total_seconds())
        run.expect(f"max({derived.get('ANOMALY_EXPECTED').name})", f"{seconds}s", expected)
    run.expect(_FIRING.format("AnomalyDetected"), f"{seconds}s", 0)
    run.check()


# --- forecast ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "every", [1800, pytest.param(_STEP, marks=[pytest.mark.long, pytest.mark.timeout(900)])]
)
def test_the_forecast_is_seasonal_and_absent_without_history(tmp_path: Path, every: int) -> None:
    """The forecast is absent in week two and for holidays; in week three it has the value of the session or night."""
    start = datetime(2026, 11, 2, tzinfo=ZoneInfo("UTC"))
    values = _values(lambda at: 0.5 if _state(at) == 2 else 0.1, 23, start, every)
    inputs = {f'bottleneck_analysis{{{JOB}, resource="cpu", kind="cpu"}}': values}
    inputs |= _calendar(23, start, every)
    run = Run(tmp_path, start.isoformat(), inputs, "forecast", every=every)
    for day, hour, horizon, expected in (
        (13, 12, "48h", None), (17, 12, "48h", 0.5), (17, 20, "48h", 0.1), (20, 12, "48h", 0.1),
        (20, 12, "24h", 0.1), (22, 12, "24h", 0.5), (22, 12, "48h", 0.5), (24, 12, "48h", None),
    ):  # fmt: skip
        seconds = int((datetime(2026, 11, day, hour, 0, tzinfo=NEW_YORK) - start).total_seconds())
        run.expect(
            f'max({derived.get("FORECAST").name}{{resource="cpu", horizon="{horizon}"}})',
            f"{seconds}s",
            expected,
        )
    seconds = int((datetime(2026, 11, 20, 12, 0, tzinfo=NEW_YORK) - start).total_seconds())
    run.expect(f"max({derived.get('EXHAUSTION').name})", f"{seconds}s", 172_800)
    run.expect(f"max({derived.get('EXHAUSTION').name})", "10d", None)
    run.check()


_FORECAST = "signal_service_capacity_forecast"
_USED = "signal_service_capacity_used"


def _exhaustion(folder: Path, forecast: str, used: str = "0.5x800", resource: str = "cpu") -> Run:
    inputs = {
        f'{_FORECAST}{{{JOB}, resource="{resource}", horizon="48h"}}': forecast,
        f'{_USED}{{{JOB}, resource="{resource}"}}': used,
    }
    return Run(folder, "2026-11-17T00:00:00Z", inputs, "forecast", every=_STEP)


def test_exhaustion_is_reported_from_its_limit_on(tmp_path: Path) -> None:
    """The alert fires fifteen minutes after a forecast of 90 %, and ends one day after the forecast is lower."""
    run = _exhaustion(tmp_path, "0.5x14 0.9x14 0.5x700")
    exhaustion = f"max({derived.get('EXHAUSTION').name})"
    run.expect(exhaustion, "56m", 172_800).expect(exhaustion, "2h", 172_800 - 3_600)
    run.firing("CapacityExhaustedWithin48h", t60m=0, t84m=1, t24h=1, t30h=0).check()


@pytest.mark.parametrize(
    ("forecast", "used", "resource"),
    [
        ("0.8999x400", "0.8999x400", "cpu"),
        ("500x400", "500x400", "load"),  # requests per second
        ("_x400", "0.5x400", "cpu"),  # no forecast
        ("_x400", "_x400", "cpu"),  # no data
    ],
)
def test_exhaustion_is_not_reported_below_its_limit(
    tmp_path: Path, forecast: str, used: str, resource: str
) -> None:
    """The alert does not fire for `load`, which is not a resource, or without a forecast."""
    _exhaustion(tmp_path, forecast, used, resource).firing("CapacityExhaustedWithin48h", t24h=0).check()


def test_what_is_exhausted_now_needs_no_forecast(tmp_path: Path) -> None:
    """The time to exhaustion is 0; the alert ends one hour after the saturation is lower."""
    run = _exhaustion(tmp_path, "_x400", "0.5x14 0.9x15 0.5x400")
    run.expect(f"max({derived.get('EXHAUSTION').name})", "80m", 0)
    run.firing("CapacityExhaustedWithin48h", t64m=0, t80m=1, t150m=1, t190m=0).check()


# --- trends ----------------------------------------------------------------------------------------

_MEMORY = f'instance:process_memory_utilization:ratio{{{JOB}, instance="a"}}'
_ELEVEN = "2026-11-25T16:00:00Z"  # five hours before the close


@pytest.mark.parametrize(
    ("what", "start", "values", "numbers"),
    [
        ("grows until it is restarted", _ELEVEN, "0.4+0.001x260 0.1x100", {"t50m": 0, "t58m": 1, "t75m": 0}),
        ("grows, and lasts longer than the session", _ELEVEN, "0.55+0.0002x400", {"t90m": 0}),
        ("grows, and lasts nearly as long", _ELEVEN, "0.55+0.00045x400", {"t70m": 1}),
        ("is high and steady", _ELEVEN, "0.95x400", {"t90m": 0}),
        ("has grown and stopped", _ELEVEN, "0.4+0.001x160 0.56x240", {"t90m": 0}),
        ("warms up", _ELEVEN, "0.01+0.001x240 0.25x200", {"t50m": 0, "t90m": 0}),
        ("grows at night", "2026-11-25T02:00:00Z", "0.4+0.001x400", {"t90m": 0}),
        ("grows on a holiday", "2026-11-26T16:00:00Z", "0.4+0.001x400", {"t90m": 0}),
        ("is not known", _ELEVEN, "_x400", {"t90m": 0}),
    ],
)  # fmt: skip
def test_memory_that_does_not_last_to_the_close(
    tmp_path: Path, what: str, start: str, values: str, numbers: dict[str, int]
) -> None:
    """The alert fires in a session if the memory of a process grows steadily and reaches the limit in the session."""
    run = Run(tmp_path, start, {_MEMORY: values}, "calendar predictive", every=15)
    run.firing("MemoryExhaustedBeforeClose", **numbers).check()


def _closings(instance: str = "a") -> str:
    labels = f'{JOB}, instance="{instance}", service_name="ticker_service", operation="quote", to="closed"'
    return f"signal_service_circuit_breaker_transitions_total{{{labels}}}"


@pytest.mark.parametrize(
    ("what", "inputs", "numbers"),
    [
        ("three times", {_closings(): "0x4 1x4 2x4 3x100"}, {"t3m30s": 0, "t4m": 1, "t19m": 0}),
        ("twice", {_closings(): "0x4 1x4 2x100"}, {"t5m": 0, "t14m": 0}),
        ("twice on each of two", {_closings(): "0x4 1x4 2x100", _closings("b"): "0x4 1x4 2x100"}, {"t5m": 0}),
        ("twice, and the process restarts", {_closings(): "0x4 1x4 2x4 0x100"}, {"t5m": 0, "t14m": 0}),
        ("often, long ago", {_closings(): "50x100"}, {"t14m": 0}),
        ("no data", {_closings(): "_x100"}, {"t14m": 0}),
    ],
)  # fmt: skip
def test_a_breaker_that_flaps(
    tmp_path: Path, what: str, inputs: dict[str, str], numbers: dict[str, int]
) -> None:
    """Three closings within fifteen minutes on one instance fire the alert."""
    Run(tmp_path, _ELEVEN, inputs, "predictive").firing("CircuitBreakerFlapping", **numbers).check()


_P95 = derived.get("DEPENDENCY_P95").name
_RATIO = derived.get("DEPENDENCY_ERROR_RATIO").name
_CALLS = derived.get("DEPENDENCY_CALLS").name
_TICKER = f'{JOB}, service_name="ticker_service"'


@pytest.mark.parametrize(
    ("alert", "metric", "values", "calls", "numbers"),
    [
        # Latency: above twice the usual, and 2 s within half an hour by the trend.
        ("DependencyLatencyRising", _P95, "0.2x360 0.2+0.01x140 0.2x100", 1, {"t112m": 0, "t119m": 1, "t133m": 0}),
        ("DependencyLatencyRising", _P95, "0.2x360 0.2+0.003x160", 1, {"t125m": 0}),
        ("DependencyLatencyRising", _P95, "0.2x360 0.5x160", 1, {"t110m": 0, "t125m": 0}),
        ("DependencyLatencyRising", _P95, "0.2x360 3x160", 1, {"t125m": 0}),  # above the limit: another alert
        ("DependencyLatencyRising", _P95, "0.2x360 0.2+0.01x120", 0.05, {"t117m": 0}),  # too few calls
        ("DependencyLatencyRising", _P95, "_x400", 1, {"t95m": 0}),
        # Errors: above 25 % of the limit, and 10 % within half an hour by the trend.
        ("DependencyErrorsRising", _RATIO, "0.01+0.0005x140 0x100", 1, {"t24m": 0, "t33m": 1, "t48m": 0}),
        ("DependencyErrorsRising", _RATIO, "0.01+0.00015x240", 1, {"t60m": 0}),
        ("DependencyErrorsRising", _RATIO, "0.099x240", 1, {"t60m": 0}),
        ("DependencyErrorsRising", _RATIO, "0.2+0.001x240", 1, {"t60m": 0}),  # above the limit: another alert
        ("DependencyErrorsRising", _RATIO, "0.01+0.0005x140", 0.05, {"t33m": 0}),
        ("DependencyErrorsRising", _RATIO, "_x240", 1, {"t33m": 0}),
    ],
)  # fmt: skip
def test_a_dependency_that_gets_worse(  # noqa: PLR0917  # parameters of the cases
    tmp_path: Path, alert: str, metric: str, values: str, calls: float, numbers: dict[str, int]
) -> None:
    """The alert fires below the limit; a step, slow growth and a constant value do not fire it."""
    inputs = {f"{metric}{{{_TICKER}}}": values, f'{_CALLS}{{{_TICKER}, outcome="success"}}': f"{calls}x600"}
    Run(tmp_path, _ELEVEN, inputs, "predictive").firing(alert, **numbers).check()


def test_the_calendar_s_end_is_reported_sixty_days_before(tmp_path: Path) -> None:
    """The alert fires at the exact second, without any data."""
    run = Run(tmp_path, "2028-11-02T03:59:30Z", {}, "calendar", every=15)
    run.firing("TradingCalendarEnds", t30s=0, t3600s=0, t3645s=1).check()


def test_the_watchdog_always_fires(tmp_path: Path) -> None:
    """The watchdog fires from the first evaluation, without any data."""
    Run(tmp_path, _ELEVEN, {}, "").firing("Watchdog", t0s=1, t1h=1).check()
