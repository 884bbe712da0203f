"""The scaling recommendation: the number of replicas for the load, from the measured capacity of one replica.

The capacity of a replica is its requests per CPU-second times the target CPU utilization. The requests per CPU-second
are the lower quartile of the last days, measured only while replicas are busy. Without a measured capacity, the
recommendation is absent.
"""

from __future__ import annotations

from signalscope.config import Config
from signalscope.derived._expressions import PromqlOnly
from signalscope.derived._promql import Promql, duration, named
from signalscope.derived._rows import group, series
from signalscope.derived.table.forecast import LOAD

#: The values of the label ``reason``.
REASONS = ("load", "forecast", "queue", "minimum", "maximum")
_DAY = 86_400


def _learned(config: Config) -> float:
    return config.forecast.growth_days * _DAY


def _total(ask: Promql, key: str) -> str:
    return f"sum {ask.by()} ({ask.of(key)})"


def _efficiency(ask: Promql) -> str:
    # The window is one minute: over five minutes, a service that has just started looks idle.
    busy = f"avg {ask.by()} ({ask.of('CPU')})"
    # Only with requests: work without requests, such as a feed at night, does not show the capacity for requests.
    return (
        f"({ask.of('API_REQUESTS')} > 0) / ({ask.of('CPU_CORES')} > 0)"
        f" and {busy} > {ask.config.forecast.least_utilization:g}"
    )


def _capacity(ask: Promql) -> str:
    settings, efficiency = (
        ask.config.forecast,
        f"{ask.name('REPLICA_EFFICIENCY')}[{duration(_learned(ask.config))}]",
    )
    return (
        f"quantile_over_time(0.25, {efficiency}) * {settings.target_utilization:g} * {settings.processes_per_replica}"
        f" and count_over_time({efficiency}) >= {settings.least_samples}"
    )


def _queue_rate(ask: Promql) -> str:
    replicas, backlog = ask.name("REPLICAS"), _total(ask, "QUEUE_SIZE")
    return f"({_total(ask, 'QUEUE_RATE')} > 0) / {replicas} and {backlog} > {replicas}"


def _candidates(ask: Promql) -> str:
    settings, capacity = ask.config.forecast, ask.name("REPLICA_CAPACITY")
    ahead = settings.scale_ahead
    foreseen = ask.of("FORECAST", f'resource="{LOAD}"', 'horizon="24h"')
    coming = f"max_over_time({foreseen}[{duration(ahead)}] offset {duration(_DAY - ahead)})"
    per_replica = f"{ask.name('REPLICA_QUEUE_RATE')}[{duration(_learned(ask.config))}]"
    enough = f"count_over_time({per_replica}) >= {settings.least_samples}"
    of_one = f"(quantile_over_time(0.5, {per_replica}) and {enough})"
    processed, backlog = _total(ask, "QUEUE_RATE"), _total(ask, "QUEUE_SIZE")
    by_load = f"ceil(max_over_time({ask.of('API_REQUESTS')}[10m]) / {capacity})"
    candidates = {
        "load": by_load,
        "forecast": f"ceil(max {ask.by()} ({coming}) / {capacity})",
        "queue": f"ceil(({processed} + {backlog} / {settings.drain}) / {of_one})",
        "minimum": f"0 * {by_load} + {settings.least_replicas}",
    }
    return " or ".join(named(expr, reason=reason) for reason, expr in candidates.items())


def _recommendation(ask: Promql) -> str:
    best, most = f"topk {ask.by()} (1, {ask.name('SCALING_CANDIDATE')})", ask.config.forecast.most_replicas
    return f"({best} <= {most}) or {named(f'0 * ({best} > {most}) + {most}', reason='maximum')}"


GROUPS = (
    group("scaling", "recording", {
        "REPLICAS": series(
            "job:signal_service_replicas:count", unit="{replica}", meaning="Replicas that report metrics.",
            expr=PromqlOnly(
                lambda ask: f"count {ask.by()} ({ask.of('CPU')}) / {ask.config.forecast.processes_per_replica}"
            ),
        ),
        "REPLICA_EFFICIENCY": series(
            "job:signal_service_requests_per_core:rate", unit="{request}",
            meaning="Requests served for each CPU-second, only while replicas are busy.",
            expr=PromqlOnly(_efficiency),
        ),
        "REPLICA_CAPACITY": series(
            "signal_service_replica_capacity", unit="{request}/s",
            meaning="Measured capacity: requests a second that one replica can serve at the target CPU utilization.",
            expr=PromqlOnly(_capacity, over=_learned),
        ),
        "REPLICA_QUEUE_RATE": series(
            "job:signal_service_queue_processed_per_replica:rate", unit="{item}/s",
            meaning="Queue items that one replica processes, only while there is a backlog.",
            expr=PromqlOnly(_queue_rate),
        ),
        "SCALING_CANDIDATE": series(
            "signal_service_scaling_candidate", unit="{replica}", labels="job reason",
            meaning="Replicas that are needed for each `reason`.", expr=PromqlOnly(_candidates, over=_learned),
        ),
        "SCALING": series(
            "scaling_recommendation", unit="{replica}", labels="job reason",
            meaning="Recommended replicas. `reason` is the cause: load, forecast, queue, minimum or maximum. One "
            "series; absent without a measured capacity.",
            expr=PromqlOnly(_recommendation),
        ),
    }),
)  # fmt: skip
