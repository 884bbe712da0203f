"""Generated history for `signalscope demo --history`: what a demo would have recorded on the trading days before.

The history has only the series that prediction intervals, forecast, growth, retention and exhaustion read. It has no
event of an SLO, no cost and no measured capacity, so error budgets and measurements start with the demo. A series has
the end of the history: the rules of the demo leave KPIs, alerts and forecast errors out that rest on it
(`selectors.generated_until`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from signalscope.config import Config
from signalscope.config._calendar import WEEKDAYS, Calendar
from signalscope.demo.service.session import activity
from signalscope.demo.stack._backfill import Store
from signalscope.derived import Rule, get, groups

Floats = npt.NDArray[np.float64]

#: Prometheus of the demo keeps this many days, and a little more: growth in 30 days needs values from before them.
KEPT_DAYS = 30
RETENTION = f"{KEPT_DAYS + 2}d"
#: Seconds between two samples: less than the five minutes for which Prometheus shows a sample.
STEP = 240
#: Seconds between the last sample and the start: more than the windows of fifteen minutes, which stay measured.
GAP = 960
_DAY = 86_400
#: The rules that are evaluated in the past, in levels: no rule reads another one of its level. The number is the days
#: before the end from which on they are needed; None for all.
_LEVELS: tuple[tuple[int | None, tuple[str, ...]], ...] = (
    (None, ("CALENDAR_OFFSET", "ANOMALY_LEVEL", "CAPACITY_USED")),
    (None, ("CALENDAR_LOCAL",)),
    (1, ("SUBSCRIPTION_GROWTH", "RETENTION")),
    (None, ("CALENDAR_SESSION",)),
    (None, ("ANOMALY_SESSION",)),
    (17, ("CAPACITY_GROWTH",)),
    (7, ("ANOMALY_HISTORY",)),
    (14, ("CAPACITY_TREND",)),
    (7, ("ANOMALY_EXPECTED",)),
    (14, ("FORECAST_CANDIDATE",)),
    (7, ("ANOMALY_SPREAD",)),
    (14, ("FORECAST",)),
    (12, ("FORECAST_ERROR", "ANOMALY_UPPER", "ANOMALY_LOWER", "EXHAUSTED_AT")),
    (5, ("FORECAST_MARGIN", "EXHAUSTION")),
    (5, ("FORECAST_LOWER", "FORECAST_UPPER")),
)  # fmt: skip
#: Tier -> (subscriptions at the end, users of 24 hours and of one hour at the end), as the demo has them.
_TIERS = {
    "free": (201, 195, 190),
    "basic": (120, 117, 115),
    "professional": (40, 59, 58),
    "enterprise": (40, 10, 10),
}
_UNITS = {"h": 3_600, "d": _DAY, "w": 7 * _DAY}


class PastError(ValueError):
    """The length of the history cannot be used; the message says which can."""


def parse(text: str) -> int:
    """Return the length of a history in seconds.

    Args:
        text: A number and ``h``, ``d`` or ``w``, from one day to `KEPT_DAYS` days.

    Raises:
        PastError: The text is not such a length.

    Example:
        >>> parse("30d")
        2592000
    """
    match = re.fullmatch(r"(\d{1,6})([hdw])", text)
    if match is None:
        raise PastError(f"--history {text}: write a number and h, d or w, such as --history 30d [SS746]")
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > KEPT_DAYS * _DAY:
        raise PastError(
            f"--history {text}: the Prometheus of the demo keeps {KEPT_DAYS} days; "
            f"use --history {KEPT_DAYS}d or less [SS746]"
        )
    if seconds < _DAY:
        raise PastError(f"--history {text}: too short for any comparison; use --history 1d or more [SS746]")
    return seconds


def fill(
    folder: Path, config: Config, seconds: int, *, now: float, load: float, say: Callable[[str], None]
) -> int:
    """Write a history for a Prometheus that has not started; return its end as Unix time.

    Args:
        folder: The folder of Prometheus: the history goes to its ``data``, the rule of its end to its ``own``.
        config: The configuration of the rules.
        seconds: The length of the history.
        now: Unix time of the start.
        load: Requests per second, on average in a session.
        say: Called with each line of progress.

    Raises:
        BinaryError: Prometheus or promtool is missing.
        BackfillError: promtool failed.
        PartError: Prometheus does not start.
    """
    end = int(now - GAP) // STEP * STEP
    begin = end - (seconds + _DAY) // STEP * STEP
    rules: dict[str, list[Rule]] = {}
    for rule in (rule for group in groups(config) for rule in group.rules):
        rules.setdefault(rule.key, []).append(rule)
    with Store(begin, end, STEP, folder / "data") as store:
        store.backfill(samples(config, begin, end, load))
        for number, (days, keys) in enumerate(_LEVELS, 1):
            say(f"the generated history: step {number} of {len(_LEVELS)}")
            since = begin if days is None else max(begin, end - days * _DAY)
            store.record([rule for key in keys for rule in rules[key]], since)
    marker = {
        "record": config.selectors.generated_until,
        "expr": f"vector({end})",
        "labels": {"job": config.selectors.job},
    }
    (folder / "own").mkdir(exist_ok=True)
    (folder / "own" / "history.yaml").write_text(
        yaml.safe_dump({"groups": [{"name": "generated-history", "rules": [marker]}]}), encoding="utf-8"
    )
    return end


def samples(config: Config, begin: int, end: int, load: float, *, seed: int = 1) -> Iterator[str]:
    """Yield the lines of a history in OpenMetrics; the same seed gives the same history.

    Args:
        config: The configuration, with the job and the trading calendar.
        begin: Unix time of the first sample.
        end: Unix time of the last sample.
        load: Requests per second, on average in a session.
        seed: The seed of the random numbers.
    """
    chance = np.random.default_rng(seed)
    times = np.arange(begin, end + 1, STEP, dtype=float)
    progress, day = sessions(times, config.calendar)
    weeks = (times - end) / (7 * _DAY)  # 0 at the end
    of_day = np.exp(chance.normal(0, 0.06, int(day.max()) + 1))[day]
    shape = np.where(progress >= 0, [0.6 + 0.4 * activity(max(done, 0.0)) for done in progress], 0.06)
    # A demo has a session in ten minutes, so the load of five minutes varies around that of the day.
    busy = shape * of_day * 1.04**weeks * np.exp(lasting(chance, len(times), 0.15, STEP))
    requests = counted(chance, max(load, 1.0) * busy)
    series: dict[str, dict[str, Floats]] = {
        "API_REQUESTS": {"": requests},
        "GREEKS_OPTIONS": {"": 180 * counted(chance, max(load, 1.0) * 2 * busy)},
        "SIGNALS": {"": counted(chance, max(load, 1.0) / 3 * busy)},
        "API_P95": {"": 0.15 * (1 + 0.4 * busy) * np.exp(chance.normal(0, 0.15, len(times)))},
        "ERROR_RATE": {"": 100 * chance.binomial(6_000, 0.0004, len(times)) / 6_000},
        "BOTTLENECK": {
            f'resource="{resource}",kind="{resource}"': np.clip(
                base + (top - base) * (shape / shape.max()) * of_day**0.5 * growth**weeks
                * np.exp(lasting(chance, len(times), 0.04, STEP)), 0, 1)
            for resource, base, top, growth in (("cpu", 0.06, 1.12, 1.06), ("memory", 0.045, 0.06, 1.02))
        },
        "SUBSCRIPTIONS": {},
        "ACTIVE_USERS": {},
    }  # fmt: skip
    for tier, (subscriptions, of_24h, of_1h) in _TIERS.items():
        grown = subscriptions * 1.035**weeks
        series["SUBSCRIPTIONS"][f'user_tier="{tier}"'] = np.round(grown)
        users = of_day * 1.03**weeks
        series["ACTIVE_USERS"][f'window="24h",user_tier="{tier}"'] = np.round(of_24h * users)
        series["ACTIVE_USERS"][f'window="1h",user_tier="{tier}"'] = np.round(
            of_1h * users * shape / shape.max()
        )
    series["SUBSCRIPTIONS_TOTAL"] = {"": np.sum([*series["SUBSCRIPTIONS"].values()], axis=0)}
    for key, labelled in series.items():
        name = get(key).name
        yield f"# TYPE {name} gauge\n"
        for labels, values in labelled.items():
            head = f'{name}{{job="{config.selectors.job}"{"," + labels if labels else ""}}}'
            for moment, value in zip(times, values, strict=True):
                yield f"{head} {value:.6g} {int(moment)}\n"
    yield "# EOF\n"


def sessions(times: Floats, calendar: Calendar) -> tuple[Floats, npt.NDArray[np.int_]]:
    """Return the progress of the session (0 to 1, -1 outside of a session) and the number of the local day.

    Args:
        times: Unix times.
        calendar: The trading calendar.
    """
    progress = np.full(len(times), -1.0)
    days = np.zeros(len(times), dtype=int)
    first: date | None = None
    for index, moment in enumerate(times):
        local = datetime.fromtimestamp(moment, calendar.zone)
        first = first or local.date()
        days[index] = (local.date() - first).days
        if WEEKDAYS[local.weekday()] not in calendar.days or local.date() in calendar.holidays:
            continue
        closes = calendar.early_closes.get(local.date(), calendar.closes)
        if calendar.opens <= local.time() < closes:
            opened = calendar.opens.hour * 3_600 + calendar.opens.minute * 60
            length = closes.hour * 3_600 + closes.minute * 60 - opened
            at = local.hour * 3_600 + local.minute * 60 + local.second
            progress[index] = (at - opened) / length
    return progress, days


def lasting(chance: np.random.Generator, length: int, deviation: float, step: int) -> Floats:
    """Return noise with a time constant of twenty minutes.

    Args:
        chance: The source of random numbers.
        length: The number of values.
        deviation: The standard deviation.
        step: Seconds between two values.
    """
    keep = np.exp(-step / 1_200)
    steps = chance.normal(0, deviation * np.sqrt(1 - keep**2), length)
    noise = np.empty(length)
    value = 0.0
    for index, more in enumerate(steps):
        value = keep * value + more
        noise[index] = value
    return noise


def counted(chance: np.random.Generator, rate: Floats, window: int = 300) -> Floats:
    """Return the rate over a window of random events with a mean rate.

    Args:
        chance: The source of random numbers.
        rate: The mean rate at each time, per second.
        window: The length of the window in seconds.
    """
    return chance.poisson(rate * window) / window
