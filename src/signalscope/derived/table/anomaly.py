"""The prediction interval: normal levels at this time of a trading day, and levels outside of the interval.

A level is compared with the levels at the same local time on earlier trading days. The interval is their median plus
and minus a multiple of their scaled median absolute deviation. The factor 1.4826 makes this deviation the standard
deviation of Gaussian noise (Rousseeuw and Croux, "Alternatives to the Median Absolute Deviation", 1993). A spike or
an outage on one day changes neither.

A lasting new level becomes normal after a few sessions, because the interval includes the levels on which all recent
sessions agree. A throughput below a certain ratio of the usual level is a drop, even within a wide interval. So a
throughput of zero is always a drop. A level without data that usually has data is ``missing``, not zero.
"""

from __future__ import annotations

from signalscope.config import Config
from signalscope.config.defaults import RATE_SECONDS
from signalscope.derived._expressions import PromqlOnly
from signalscope.derived._promql import Promql, duration, named
from signalscope.derived._rows import group, series
from signalscope.derived.table.calendar import CLOCK_CHANGE, same_time, session_now

#: The median absolute deviation of Gaussian noise, times this factor, is its standard deviation.
_MAD_SCALE = 1.4826
_LEAST_RECENT = 3


#: The values of the label ``signal``, and the signals that count events.
SIGNALS = ("request_rate", "latency", "error_ratio", "greeks_throughput", "signal_rate")
_EVENTS = ("request_rate", "greeks_throughput", "signal_rate")
_ONLY_EVENTS = f'{{signal=~"{"|".join(_EVENTS)}"}}'


def _level(ask: Promql) -> str:
    service = 'endpoint=""'  # without the error rates of single endpoints
    levels = (
        ask.of("API_REQUESTS"),
        f"avg_over_time({ask.of('API_P95')}[{duration(RATE_SECONDS)}])",
        f"max {ask.by()} ({ask.of('ERROR_RATE', service)}) / 100",
        ask.of("GREEKS_OPTIONS"),
        ask.of("SIGNALS"),
    )
    return " or ".join(named(level, signal=name) for name, level in zip(SIGNALS, levels, strict=True))


def _history(ask: Promql) -> str:
    session = ask.name("ANOMALY_SESSION")
    earlier = (
        named(same_time(ask, session, days, same_session=False), days=str(days))
        for days in range(1, ask.config.anomaly.lookback_days + 1)
    )
    return f"({' or '.join(earlier)}) and on () ({session_now(ask)})"


def _expected(ask: Promql) -> str:
    history = ask.name("ANOMALY_HISTORY")
    enough = f"count {ask.by('signal')} ({history}) >= {ask.config.anomaly.least_days}"
    return f"quantile {ask.by('signal')} (0.5, {history}) and {enough}"


def _spread(ask: Promql) -> str:
    history, expected = ask.name("ANOMALY_HISTORY"), ask.name("ANOMALY_EXPECTED")
    settings = ask.config.anomaly
    # The least spread: for counted events that of a Poisson process, else the value of the configuration.
    noise = (
        f"sqrt({expected}{_ONLY_EVENTS} / {RATE_SECONDS})"
        f' or 0 * {expected}{{signal="latency"}} + {settings.latency_spread:g}'
        f' or 0 * {expected}{{signal="error_ratio"}} + {settings.error_spread:g}'
    )
    return (
        f"{_MAD_SCALE} * quantile {ask.by('signal')} "
        f"(0.5, abs({history} - {ask.on('signal')} group_left () {expected}))"
        f" + {settings.relative_spread:g} * {expected} + {ask.on('signal')} ({noise})"
    )


def _recent(ask: Promql, extreme: str) -> str:
    """Return the lowest (``min``) or highest (``max``) level of the recent days."""
    days = "|".join(str(day) for day in range(1, ask.config.anomaly.recent_days + 1))
    latest = f'{ask.name("ANOMALY_HISTORY")}{{days=~"{days}"}}'
    return f"({extreme} {ask.by('signal')} ({latest}) and count {ask.by('signal')} ({latest}) >= {_LEAST_RECENT})"


def _upper(ask: Promql) -> str:
    expected, spread = ask.name("ANOMALY_EXPECTED"), ask.name("ANOMALY_SPREAD")
    high = f"({_recent(ask, 'min')} > {expected} or {expected})"
    return f"{high} + {ask.config.anomaly.width:g} * {spread}"


def _lower(ask: Promql) -> str:
    expected, spread = ask.name("ANOMALY_EXPECTED"), ask.name("ANOMALY_SPREAD")
    settings = ask.config.anomaly
    low = f"({_recent(ask, 'max')} < {expected} or {expected})"
    interval = f"clamp_min({low} - {settings.width:g} * {spread}, 0)"
    counted = f"{low} * {RATE_SECONDS} >= {settings.drop_events:g}"
    dropped = f"({settings.drop_share:g} * {low}) and {ask.on('signal')} ({counted})"
    return f"(({dropped}) > {interval}) or {interval}"


def _outside(ask: Promql) -> str:
    """Return 1 for each level outside of its interval. Only counted events can be too low."""
    level, lower, upper = (ask.name(f"ANOMALY_{key}") for key in ("LEVEL", "LOWER", "UPPER"))
    cases = {
        "above": f"{level} > {upper} and on () ({session_now(ask)})",
        "below": f"{level}{_ONLY_EVENTS} < {lower}{_ONLY_EVENTS} and on () ({session_now(ask)})",
        "missing": f"{lower}{_ONLY_EVENTS} > 0 unless {level}",
    }
    return " or ".join(named(f"({expr}) * 0 + 1", direction=direction) for direction, expr in cases.items())


def _days(config: Config) -> float:
    return config.anomaly.lookback_days * 86_400.0 + CLOCK_CHANGE


GROUPS = (
    group("anomaly", "insight", {
        "ANOMALY_LEVEL": series(
            "signal_service_anomaly_level", unit="", labels="job signal",
            meaning="Level of a `signal`: request_rate, latency, error_ratio, greeks_throughput or signal_rate.",
            expr=PromqlOnly(_level, over=RATE_SECONDS),
        ),
        "ANOMALY_SESSION": series(
            "signal_service_anomaly_session_level", unit="", labels="job signal",
            meaning="Level of a `signal` in trading sessions only, for comparison on later days.",
            expr=PromqlOnly(
                lambda ask: f"{ask.name('ANOMALY_LEVEL')} and on () ({session_now(ask)})", over=RATE_SECONDS
            ),
        ),
        "ANOMALY_HISTORY": series(
            "signal_service_anomaly_history", unit="", labels="job signal days",
            meaning="Level of a `signal` at the same local time `days` days ago, in trading sessions only.",
            expr=PromqlOnly(_history, over=_days, shows=RATE_SECONDS),
        ),
        "ANOMALY_EXPECTED": series(
            "signal_service_anomaly_expected", unit="", labels="job signal",
            meaning="Usual level: the median of earlier trading days; absent without enough history.",
            expr=PromqlOnly(_expected, over=_days, shows=RATE_SECONDS),
        ),
        "ANOMALY_SPREAD": series(
            "signal_service_anomaly_spread", unit="", labels="job signal",
            meaning="Usual difference from the expected level: scaled median absolute deviation plus the least "
            "noise.",
            expr=PromqlOnly(_spread, over=_days, shows=RATE_SECONDS),
        ),
        "ANOMALY_UPPER": series(
            "signal_service_anomaly_upper", unit="", labels="job signal", meaning="The highest normal level now.",
            expr=PromqlOnly(_upper, over=_days, shows=RATE_SECONDS),
        ),
        "ANOMALY_LOWER": series(
            "signal_service_anomaly_lower", unit="", labels="job signal", meaning="The lowest normal level now.",
            expr=PromqlOnly(_lower, over=_days, shows=RATE_SECONDS),
        ),
        "ANOMALY_OUTSIDE": series(
            "signal_service_anomaly_outside", unit="", labels="job signal direction",
            meaning="Always 1: the level is `above` or `below` the prediction interval, or `missing` without data.",
            expr=PromqlOnly(_outside, over=_days, shows=RATE_SECONDS),
        ),
    }),
)  # fmt: skip
