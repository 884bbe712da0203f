"""The prediction interval: what is normal at this time of a trading day, and what is outside of it.

A level is compared with what it was at the same local time on earlier trading days: their median, and their scaled
median absolute deviation (Rousseeuw and Croux, "Alternatives to the Median Absolute Deviation", 1993: 1.4826 makes
it the standard deviation of Gaussian noise). Neither moves for a spike or an outage of a day. A level that lasts
is the new normal after a few sessions, because the interval reaches to what all of the last ones agree on. A
throughput below a ratio of the usual is a drop however wide the interval is, so zero is always seen; and a level
that is not there at all, although it usually is, counts as ``missing``, not as zero.
"""

from __future__ import annotations

from signalscope.config import Config
from signalscope.config.defaults import RATE_SECONDS
from signalscope.derived._expressions import PromqlOnly
from signalscope.derived._promql import Promql, duration, named
from signalscope.derived._rows import group, series
from signalscope.derived.table.calendar import CLOCK_CHANGE, same_time, session_now

#: A median absolute deviation of Gaussian noise, times this, is its standard deviation.
_MAD_SCALE = 1.4826
_LEAST_RECENT = 3


#: The values of the label ``signal``, and those of them that count events.
SIGNALS = ("request_rate", "latency", "error_ratio", "greeks_throughput", "signal_rate")
_EVENTS = ("request_rate", "greeks_throughput", "signal_rate")
_ONLY_EVENTS = f'{{signal=~"{"|".join(_EVENTS)}"}}'


def _level(ask: Promql) -> str:
    service = 'endpoint=""'  # the error rate of an endpoint has one
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
    # The least spread: of counted events what chance makes of them (Poisson), else what the configuration says.
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
    """The least or the most of the latest days."""
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
    """Always 1, for each level outside of its interval: errors and latency have no lower side."""
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
            meaning="What is watched: `signal` is request_rate, latency, error_ratio, greeks_throughput or "
            "signal_rate.",
            expr=PromqlOnly(_level, over=RATE_SECONDS),
        ),
        "ANOMALY_SESSION": series(
            "signal_service_anomaly_session_level", unit="", labels="job signal",
            meaning="The same, in trading sessions only; what later days are compared with.",
            expr=PromqlOnly(
                lambda ask: f"{ask.name('ANOMALY_LEVEL')} and on () ({session_now(ask)})", over=RATE_SECONDS
            ),
        ),
        "ANOMALY_HISTORY": series(
            "signal_service_anomaly_history", unit="", labels="job signal days",
            meaning="What it was at the same local time, `days` days ago; only of trading sessions.",
            expr=PromqlOnly(_history, over=_days, shows=RATE_SECONDS),
        ),
        "ANOMALY_EXPECTED": series(
            "signal_service_anomaly_expected", unit="", labels="job signal",
            meaning="The median of that; absent without enough history.",
            expr=PromqlOnly(_expected, over=_days, shows=RATE_SECONDS),
        ),
        "ANOMALY_SPREAD": series(
            "signal_service_anomaly_spread", unit="", labels="job signal",
            meaning="How much it usually differs from the expected: scaled median absolute deviation, and the least "
            "noise.",
            expr=PromqlOnly(_spread, over=_days, shows=RATE_SECONDS),
        ),
        "ANOMALY_UPPER": series(
            "signal_service_anomaly_upper", unit="", labels="job signal", meaning="The most that is normal now.",
            expr=PromqlOnly(_upper, over=_days, shows=RATE_SECONDS),
        ),
        "ANOMALY_LOWER": series(
            "signal_service_anomaly_lower", unit="", labels="job signal", meaning="The least that is normal now.",
            expr=PromqlOnly(_lower, over=_days, shows=RATE_SECONDS),
        ),
        "ANOMALY_OUTSIDE": series(
            "signal_service_anomaly_outside", unit="", labels="job signal direction",
            meaning="Always 1: the level is `above` or `below` the band, or `missing` although it is usually there.",
            expr=PromqlOnly(_outside, over=_days, shows=RATE_SECONDS),
        ),
    }),
)  # fmt: skip
