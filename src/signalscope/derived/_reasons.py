"""The reason why a value is missing: since when, how much is missing, when it will be there, and what to set."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from signalscope import contract
from signalscope.config import Config
from signalscope.derived._process import HISTORY
from signalscope.derived._promql import Promql, duration
from signalscope.derived._registry import get
from signalscope.derived._rows import Row
from signalscope.derived._windows import Snapshot, clock
from signalscope.metrics import CPU_SECOND_PRICE, cpu_second_price

DAY = 86_400.0
_COST = "signal_service.calculation_cost"
#: The most instruments that one reason names.
_MOST = 3


def sources(row: Row, config: Config) -> tuple[frozenset[str], float]:
    """Return the instruments from which a row is computed, and the history in seconds that it needs."""
    names: set[str] = set()
    seconds, known, left = 0.0, {row.key}, [row]
    while left:
        one = left.pop()
        ask = Promql(config)
        for variant in one.variants(config):
            variant.expr.promql(ask)
        names |= ask.instruments
        seconds = max(seconds, one.lookback(config))
        left += [get(key) for key in ask.series - known]
        known |= ask.series
    return frozenset(names), seconds


def history(row: Row, config: Config) -> str:
    """Return the reason for a value of a process that needs days of history."""
    _, seconds = sources(row, config)
    return f"{HISTORY} (it needs {duration(seconds)})" if seconds >= DAY else HISTORY


def of_process(row: Row, config: Config, now: Snapshot, window: float | None) -> str:
    """Return the reason for a value that a process does not have.

    Args:
        row: The row.
        config: The configuration.
        now: The last snapshot.
        window: The seconds that the value would cover; None for a present value.
    """
    names, _ = sources(row, config)
    if _COST in names and cpu_second_price() is None:
        return f"a CPU-second has no price ({CPU_SECOND_PRICE})"
    recorded = {name for name in names if now.totals.get(name) or now.gauges.get(name)}
    if absent := names - recorded:
        since = f"since {clock(now.began)} ({now.at - now.began:.0f} s)"
        return f"this process has not recorded {_named(absent)} {since}; {_recorders(absent)}"
    if window is None:
        return f"this process reports {_named(names)}, but not with these labels"
    return f"{_named(names)} did not increase in this process in the last {window:.3g} s"


def of_prometheus(
    row: Row, config: Config, *, at: float, present: Collection[str], since: float | None
) -> str:
    """Return the reason for a value that Prometheus does not have.

    Args:
        row: The row.
        config: The configuration.
        at: Unix time of the query.
        present: The Prometheus names of the instruments that have values now.
        since: Unix time of the oldest value of the job; None if unknown.
    """
    names, seconds = sources(row, config)
    if absent := {name for name in names if not any(map(present.__contains__, series_of(name)))}:
        return f"Prometheus has no {_named(absent)} of this job now; {_recorders(absent)}"
    if since is not None and at - since < seconds and seconds >= DAY:
        return (
            f"it needs {duration(seconds)} of history; Prometheus has this job since {moment(since)}, "
            f"{(seconds - (at - since)) / DAY:.1f} d are missing. It will be there on {moment(since + seconds)} "
            f"if storage.tsdb.retention.time is longer than {duration(seconds)}"
        )
    if not row.name and 0 < seconds <= 60:
        pipeline = config.pipeline
        return (
            f"{_named(names)} did not increase in the last {seconds:.0f} s, or Prometheus got fewer than two values "
            f"in this time. Set the intervals of export and scrape to at most {seconds / 3:.0f} s "
            f"(now {pipeline.export} s and {pipeline.scrape} s in the configuration)"
        )
    window = (
        f"did not increase in the last {duration(seconds)}" if seconds else "has no value with these labels"
    )
    return (
        f"{_named(names)} {window}, or the rule of this series is not loaded: load the rules of signalscope"
    )


def series_of(name: str) -> Iterator[str]:
    """Yield the names in Prometheus that show that an instrument has values; only one of them exists."""
    full = contract.get(name).prometheus_name
    yield from (full, f"{full}_count")


def _named(names: Collection[str]) -> str:
    shown = [contract.get(name).prometheus_name for name in sorted(names)]
    more = f" and {len(shown) - _MOST} more" if len(shown) > _MOST else ""
    return ", ".join(shown[:_MOST]) + more


def _recorders(names: Collection[str]) -> str:
    recorders = dict.fromkeys(contract.get(name).emitted_by for name in sorted(names))
    price = f", with {CPU_SECOND_PRICE} set" if _COST in names else ""
    return f"recorded by {', '.join([*recorders][:_MOST])}{price}"


def moment(at: float) -> str:
    """Return a time for users."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
