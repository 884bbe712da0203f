"""Bands of what is normal at this time of a trading day, and what is outside of them.

A level is compared with what it was at the same local time on earlier trading days: their median, and their scaled
median absolute deviation (Rousseeuw and Croux, "Alternatives to the Median Absolute Deviation", 1993: 1.4826 makes
it the standard deviation of Gaussian noise). Neither moves for a spike or an outage of a day. A level that lasts
is the new normal after a few sessions, because the band reaches to what all of the last ones agree on. A
throughput below a share of the usual is a drop however wide the band is, so zero is always seen; and a level
that is not there at all, although it usually is, counts as ``missing``, not as zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from signalscope.config import Config
from signalscope.mixin import series
from signalscope.mixin._promql import duration
from signalscope.mixin.calendar import same_time, session_now
from signalscope.mixin.rules import Group, Recording

__all__ = ["RATE_SECONDS", "SIGNALS", "anomaly", "groups"]

#: A median absolute deviation of Gaussian noise, times this, is its standard deviation.
_MAD_SCALE = 1.4826
#: What the rates that are watched look back over, in seconds.
RATE_SECONDS = 300
_LEAST_RECENT = 3


@dataclass(frozen=True, slots=True)
class _Signal:
    """What is watched: where its level comes from, and whether it counts events."""

    name: str
    source: str
    events: bool


_SIGNALS = (
    _Signal("request_rate", "API_REQUESTS", events=True),
    _Signal("latency", "API_P95", events=False),
    _Signal("error_ratio", "ERROR_RATE", events=False),
    _Signal("greeks_throughput", "GREEKS_OPTIONS", events=True),
    _Signal("signal_rate", "SIGNALS", events=True),
)
#: The values of the label ``signal``.
SIGNALS = tuple(each.name for each in _SIGNALS)
_EVENTS = "|".join(each.name for each in _SIGNALS if each.events)


def groups(config: Config) -> list[Group]:
    """The group of this module."""
    return [Group("anomaly", config.pipeline.insight, tuple(anomaly(config)))]


def anomaly(config: Config) -> list[Recording]:
    """The rules of the bands, each after those it needs."""
    settings = config.anomaly
    level, session, history, expected, spread, lower, upper = (
        series.get(f"ANOMALY_{key}").name
        for key in ("LEVEL", "SESSION", "HISTORY", "EXPECTED", "SPREAD", "LOWER", "UPPER")
    )
    earlier = (
        f'label_replace({same_time(session, days, config.calendar, same_session=False)}, "days", "{days}", "", "")'
        for days in range(1, settings.lookback_days + 1)
    )
    enough = f"count by (job, signal) ({history}) >= {settings.least_days}"
    recent = "|".join(str(days) for days in range(1, settings.recent_days + 1))
    latest = f'{history}{{days=~"{recent}"}}'
    least, most = (
        f"({which} by (job, signal) ({latest}) and count by (job, signal) ({latest}) >= {_LEAST_RECENT})"
        for which in ("min", "max")
    )
    high = f"({least} > {expected} or {expected})"
    low = f"({most} < {expected} or {expected})"
    return [
        Recording("ANOMALY_LEVEL", " or ".join(_level(each, config) for each in _SIGNALS)),
        Recording("ANOMALY_SESSION", f"{level} and on () ({session_now()})"),
        Recording("ANOMALY_HISTORY", f"({' or '.join(earlier)}) and on () ({session_now()})"),
        Recording("ANOMALY_EXPECTED", f"quantile by (job, signal) (0.5, {history}) and {enough}"),
        Recording(
            "ANOMALY_SPREAD",
            f"{_MAD_SCALE} * quantile by (job, signal) "
            f"(0.5, abs({history} - on (job, signal) group_left () {expected}))"
            f" + {settings.relative_spread:g} * {expected} + on (job, signal) ({_noise(config, expected)})",
        ),
        Recording("ANOMALY_UPPER", f"{high} + {settings.width:g} * {spread}"),
        Recording("ANOMALY_LOWER", _lower(config, low, spread)),
        Recording("ANOMALY_OUTSIDE", _outside(level, lower, upper)),
    ]


def _level(signal: _Signal, config: Config) -> str:
    name, job = series.get(signal.source).name, config.selectors.job
    source = f'{name}{{job="{job}"}}'
    if signal.name == "latency":
        source = f"avg_over_time({source}[{duration(RATE_SECONDS)}])"
    if signal.name == "error_ratio":  # the service's own has no endpoint
        source = f'max by (job) ({name}{{job="{job}", endpoint=""}}) / 100'
    return f'label_replace({source}, "signal", "{signal.name}", "", "")'


def _noise(config: Config, expected: str) -> str:
    """The least spread: of counted events what chance makes of them (Poisson), else what the config says."""
    settings = config.anomaly
    return (
        f'sqrt({expected}{{signal=~"{_EVENTS}"}} / {RATE_SECONDS})'
        f' or 0 * {expected}{{signal="latency"}} + {settings.latency_spread:g}'
        f' or 0 * {expected}{{signal="error_ratio"}} + {settings.error_spread:g}'
    )


def _lower(config: Config, low: str, spread: str) -> str:
    settings = config.anomaly
    band = f"clamp_min({low} - {settings.width:g} * {spread}, 0)"
    counted = f"{low} * {RATE_SECONDS} >= {settings.drop_events:g}"
    wanted = f"({settings.drop_share:g} * {low}) and on (job, signal) ({counted})"
    return f"(({wanted}) > {band}) or {band}"


def _outside(level: str, lower: str, upper: str) -> str:
    """Always 1, for each level that is not in its band: what only rises when something is wrong has no lower side."""
    events = f'{{signal=~"{_EVENTS}"}}'
    cases = {
        "above": f"{level} > {upper} and on () ({session_now()})",
        "below": f"{level}{events} < {lower}{events} and on () ({session_now()})",
        "missing": f"{lower}{events} > 0 unless {level}",
    }
    return " or ".join(
        f'label_replace(({expr}) * 0 + 1, "direction", "{direction}", "", "")'
        for direction, expr in cases.items()
    )
