"""What will be in use in 24 and 48 hours, and when a resource is exhausted.

Trading load repeats by the week and grows, so "last week times growth" foresees it far better than a straight line.
One week alone repeats that week's outage, spike or holiday, and is wrong for days after the level has changed. So
three candidates are made, and their median is the forecast:

* ``last_week``: what it was at that local time seven days before, times the growth against the week before;
* ``two_weeks``: fourteen days before, times the growth against two weeks before;
* ``recent_days``: the median of that time of day on the last trading days.

Growth is a median too: of the ratios in the sessions of the last days. A moment is only compared with moments of the
same kind (session, trading day outside of it, other day), so that a holiday is neither copied nor overlooked.
"""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.mixin import series
from signalscope.mixin._promql import duration
from signalscope.mixin.calendar import HORIZONS, same_time, session_now
from signalscope.mixin.rules import Group, Recording

__all__ = ["LOAD", "WITHIN", "forecast", "groups"]

#: The resource that is no resource but what asks for them: requests a second.
LOAD = "load"
#: How far exhaustion is looked for, in seconds.
WITHIN = 172_800
_DAY = 86_400
_SMOOTH = "15m"
_RECENT_DAYS = 7
_WEEKS = {"1": "last_week", "2": "two_weeks"}


def groups(config: Config) -> list[Group]:
    """The group of this module."""
    return [Group("forecast", config.pipeline.forecast, tuple(forecast(config)))]


def forecast(config: Config) -> list[Recording]:
    """The rules of the forecast, each after those it needs."""
    used, ratio, growth = (
        series.get(key).name for key in ("CAPACITY_USED", "CAPACITY_GROWTH", "CAPACITY_TREND")
    )
    candidate, foreseen, error, at = (
        series.get(key).name for key in ("FORECAST_CANDIDATE", "FORECAST", "FORECAST_ERROR", "EXHAUSTED_AT")
    )
    limit, by = config.forecast.exhausted_at, "by (job, resource, horizon)"
    # Two weeks of history; a gap of the monitoring of less than a day does not hide the forecast.
    history = f"last_over_time({used}[1d] offset 14d)"
    margin = series.get("FORECAST_MARGIN").name
    return [
        Recording("CAPACITY_USED", _used(config)),
        Recording("CAPACITY_GROWTH", " or ".join(_ratio(config, used, weeks) for weeks in _WEEKS)),
        Recording(
            "CAPACITY_TREND",
            f"clamp(quantile_over_time(0.5, {ratio}[{config.forecast.growth_days}d]), 0.25, 4)",
        ),
        Recording("FORECAST_CANDIDATE", " or ".join(_candidates(config, used, growth))),
        Recording(
            "FORECAST",
            f"quantile {by} (0.5, {candidate}) and count {by} ({candidate}) >= 2"
            f" and on (job, resource) {history}",
        ),
        Recording(
            "FORECAST_ERROR",
            " or ".join(
                f'abs({foreseen}{{horizon="{name}"}} offset {duration(seconds)}'
                f" - on (job, resource) group_left () {used}) and on () ({session_now()})"
                for name, seconds in HORIZONS.items()
            ),
        ),
        Recording("FORECAST_MARGIN", f"quantile_over_time(0.9, {error}[7d])"),
        Recording("FORECAST_LOWER", f"clamp_min({foreseen} - {margin}, 0)"),
        Recording("FORECAST_UPPER", f"{foreseen} + {margin}"),
        Recording(
            "EXHAUSTED_AT",
            " or ".join(
                f"0 * {_resources(foreseen, name)} + time() + {seconds} and {_resources(foreseen, name)} >= {limit:g}"
                for name, seconds in HORIZONS.items()
            ),
        ),
        Recording(
            "EXHAUSTION",
            f'0 * ({used}{{resource!="{LOAD}"}} >= {limit:g})'
            f" or min by (job, resource) (min_over_time({at}[1d])) - time()"
            f" or 0 * max by (job, resource) ({_resources(foreseen, '48h')}) + {WITHIN}",
        ),
    ]


def _used(config: Config) -> str:
    job = config.selectors.job
    resources = (
        f'max by (job, resource) (avg_over_time({series.get("BOTTLENECK").name}{{job="{job}"}}[{_SMOOTH}]))'
    )
    load = f'avg_over_time({series.get("API_REQUESTS").name}{{job="{job}"}}[{_SMOOTH}])'
    return f'{resources} or label_replace({load}, "resource", "{LOAD}", "", "")'


def _ratio(config: Config, used: str, weeks: str) -> str:
    earlier = same_time(used, 7 * int(weeks), config.calendar)
    return f'label_replace({used} / ({earlier} > 0) and on () ({session_now()}), "weeks", "{weeks}", "", "")'


def _candidates(config: Config, used: str, growth: str) -> Iterator[str]:
    for name, seconds in HORIZONS.items():
        for weeks, method in _WEEKS.items():
            earlier = same_time(used, 7 * int(weeks), config.calendar, horizon=name)
            yield _named(
                f'({earlier}) * on (job, resource) group_left () {growth}{{weeks="{weeks}"}}', name, method
            )
        first = -(-seconds // _DAY)
        days = (
            f'label_replace({same_time(used, day, config.calendar, horizon=name)}, "days", "{day}", "", "")'
            for day in range(first, first + _RECENT_DAYS)
        )
        yield _named(f"quantile by (job, resource) (0.5, {' or '.join(days)})", name, "recent_days")


def _named(expr: str, horizon: str, method: str) -> str:
    return (
        f'label_replace(label_replace({expr}, "horizon", "{horizon}", "", ""), "method", "{method}", "", "")'
    )


def _resources(name: str, horizon: str) -> str:
    return f'{name}{{horizon="{horizon}", resource!="{LOAD}"}}'
