"""The forecast of the use of resources in 24 and 48 hours, and of the time until a resource is exhausted.

Trading load repeats weekly and grows, so the load of last week times the growth predicts it much better than a
straight line. But a forecast from one week repeats an outage, spike or holiday of that week, and is wrong for days
after the level has changed. Therefore there are three candidates, and the forecast is their median:

* ``last_week``: the value at the same local time seven days before, times the growth against that week;
* ``two_weeks``: the value fourteen days before, times the growth against two weeks before;
* ``recent_days``: the median of the values at that time of day on the last trading days.

The growth is also a median, of the ratios in the sessions of the last days. Moments are compared only with moments of
the same kind: in a session, on a trading day outside of a session, on another day. So a holiday of an earlier week is
not copied, and a coming holiday is taken into account.
"""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.derived._expressions import PromqlOnly
from signalscope.derived._promql import Promql, duration, named
from signalscope.derived._rows import group, series
from signalscope.derived.table.calendar import CLOCK_CHANGE, HORIZONS, same_time, session_now

#: The value of the label ``resource`` for requests a second, which use the other resources.
LOAD = "load"
#: Seconds from now within which exhaustion is predicted.
WITHIN = 172_800
_DAY = 86_400
_SMOOTH = 900
_REQUESTS = "API_REQUESTS"
_RECENT_DAYS = 7
_WEEKS = {"1": "last_week", "2": "two_weeks"}
_HISTORY = 14 * _DAY
_COMPARED = _HISTORY + CLOCK_CHANGE
#: Seconds of history that a prediction rests on: forecasts of a day, and growth of a week against two weeks before.
RESTS_ON = _COMPARED + 8 * _DAY


def _used(ask: Promql) -> str:
    over = f"[{duration(_SMOOTH)}]"
    resources = f"max {ask.by('resource')} (avg_over_time({ask.of('BOTTLENECK')}{over}))"
    return f"{resources} or {named(f'avg_over_time({ask.of(_REQUESTS)}{over})', resource=LOAD)}"


def _growth(ask: Promql) -> str:
    used = ask.name("CAPACITY_USED")
    return " or ".join(
        named(
            f"{used} / ({same_time(ask, used, 7 * int(weeks))} > 0) and on () ({session_now(ask)})",
            weeks=weeks,
        )
        for weeks in _WEEKS
    )


def _trend(ask: Promql) -> str:
    days = ask.config.forecast.growth_days
    return f"clamp(quantile_over_time(0.5, {ask.name('CAPACITY_GROWTH')}[{days}d]), 0.25, 4)"


def _candidates(ask: Promql) -> Iterator[str]:
    used, growth = ask.name("CAPACITY_USED"), ask.name("CAPACITY_TREND")
    for horizon, seconds in HORIZONS.items():
        for weeks, method in _WEEKS.items():
            earlier = same_time(ask, used, 7 * int(weeks), horizon=horizon)
            grown = f'({earlier}) * {ask.on("resource")} group_left () {growth}{{weeks="{weeks}"}}'
            yield named(grown, horizon=horizon, method=method)
        first = -(-seconds // _DAY)
        days = (
            named(same_time(ask, used, day, horizon=horizon), days=str(day))
            for day in range(first, first + _RECENT_DAYS)
        )
        median = f"quantile {ask.by('resource')} (0.5, {' or '.join(days)})"
        yield named(median, horizon=horizon, method="recent_days")


def _forecast(ask: Promql) -> str:
    candidate, by = ask.name("FORECAST_CANDIDATE"), ask.by("resource", "horizon")
    # The forecast needs two weeks of history. A gap in the history of less than a day does not hide it.
    history = f"last_over_time({ask.name('CAPACITY_USED')}[1d] offset {duration(_HISTORY)})"
    return f"quantile {by} (0.5, {candidate}) and count {by} ({candidate}) >= 2 and {ask.on('resource')} {history}"


def _error(ask: Promql) -> str:
    foreseen, used = ask.name("FORECAST"), ask.name("CAPACITY_USED")
    errors = " or ".join(
        f'abs({foreseen}{{horizon="{horizon}"}} offset {duration(seconds)}'
        f" - {ask.on('resource')} group_left () {used}) and on () ({session_now(ask)})"
        for horizon, seconds in HORIZONS.items()
    )
    return ask.measured(errors, WITHIN + RESTS_ON)


def _resources(name: str, horizon: str) -> str:
    return f'{name}{{horizon="{horizon}", resource!="{LOAD}"}}'


def _exhausted_at(ask: Promql) -> str:
    foreseen, limit = ask.name("FORECAST"), ask.config.forecast.exhausted_at
    return " or ".join(
        f"0 * {_resources(foreseen, horizon)} + time() + {seconds} and {_resources(foreseen, horizon)} >= {limit:g}"
        for horizon, seconds in HORIZONS.items()
    )


def _exhaustion(ask: Promql) -> str:
    limit = ask.config.forecast.exhausted_at
    return (
        f'0 * ({ask.name("CAPACITY_USED")}{{resource!="{LOAD}"}} >= {limit:g})'
        f" or min {ask.by('resource')} (min_over_time({ask.name('EXHAUSTED_AT')}[1d])) - time()"
        f" or 0 * max {ask.by('resource')} ({_resources(ask.name('FORECAST'), '48h')}) + {WITHIN}"
    )


GROUPS = (
    group("forecast", "forecast", {
        "CAPACITY_USED": series(
            "signal_service_capacity_used", unit="", labels="job resource",
            meaning="Use of a resource, 0 to 1; for the resource `load`, requests a second.",
            expr=PromqlOnly(_used, over=_SMOOTH),
        ),
        "CAPACITY_GROWTH": series(
            "signal_service_capacity_weekly:ratio", unit="{times}", labels="job resource weeks",
            meaning="Use in the session over the use at the same time one or two `weeks` ago.",
            expr=PromqlOnly(_growth, over=_COMPARED),
        ),
        "CAPACITY_TREND": series(
            "signal_service_capacity_growth:ratio", unit="{times}", labels="job resource weeks",
            meaning="Median of the weekly ratios of the last sessions.", expr=PromqlOnly(_trend, over=_HISTORY),
        ),
        "FORECAST_CANDIDATE": series(
            "signal_service_capacity_forecast_candidate", unit="", labels="job resource horizon method",
            meaning="Forecast of one `method`: last_week or two_weeks (value of that week times growth), or "
            "recent_days.",
            expr=PromqlOnly(lambda ask: " or ".join(_candidates(ask)), over=_COMPARED),
        ),
        "FORECAST": series(
            "signal_service_capacity_forecast", unit="", labels="job resource horizon",
            meaning="Forecast of the use in 24 or 48 hours (`horizon`): the median of the candidates; absent without "
            "enough history. For `load`, requests a second.",
            expr=PromqlOnly(_forecast, over=_HISTORY),
        ),
        "FORECAST_ERROR": series(
            "signal_service_capacity_forecast_error", unit="", labels="job resource horizon",
            meaning="Absolute error of the earlier forecast for now.", expr=PromqlOnly(_error, over=WITHIN),
        ),
        "FORECAST_MARGIN": series(
            "signal_service_capacity_forecast_margin", unit="", labels="job resource horizon",
            meaning="90th percentile of the forecast errors of the last week.",
            expr=PromqlOnly(
                lambda ask: f"quantile_over_time(0.9, {ask.name('FORECAST_ERROR')}[7d])", over=7 * _DAY
            ),
        ),
        "FORECAST_LOWER": series(
            "signal_service_capacity_forecast_lower", unit="", labels="job resource horizon",
            meaning="Lower limit of the forecast: the forecast minus its margin, at least 0.",
            expr=PromqlOnly(lambda ask: f"clamp_min({ask.name('FORECAST')} - {ask.name('FORECAST_MARGIN')}, 0)"),
        ),
        "FORECAST_UPPER": series(
            "signal_service_capacity_forecast_upper", unit="", labels="job resource horizon",
            meaning="Upper limit of the forecast: the forecast plus its margin.",
            expr=PromqlOnly(lambda ask: f"{ask.name('FORECAST')} + {ask.name('FORECAST_MARGIN')}"),
        ),
        "EXHAUSTED_AT": series(
            "signal_service_capacity_exhausted_at:seconds", unit="s", labels="job resource horizon",
            meaning="Unix time of the exhaustion that is predicted now.",
            expr=PromqlOnly(_exhausted_at),
        ),
        "EXHAUSTION": series(
            "capacity_exhaustion_prediction", unit="s", labels="job resource",
            meaning="Seconds until a resource is exhausted: 0 if it is now, 172800 if not within 48 hours; absent "
            "without enough history.",
            expr=PromqlOnly(_exhaustion, over=_DAY, shows=_SMOOTH),
        ),
    }),
)  # fmt: skip
