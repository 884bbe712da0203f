"""How many replicas are wanted: from the load, and from what one replica has been measured to take."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin import series
from signalscope.mixin._promql import duration
from signalscope.mixin.recordings.forecast import LOAD
from signalscope.mixin.rules import Group, Recording

__all__ = ["REASONS", "groups", "scaling"]

#: The values of the label ``reason``.
REASONS = ("load", "forecast", "queue", "minimum", "maximum")


def groups(config: Config) -> list[Group]:
    """The group of this module."""
    return [Group("scaling", config.pipeline.recording, tuple(scaling(config)))]


def scaling(config: Config) -> list[Recording]:
    """The rules of the recommendation, each after those it needs.

    A replica's capacity is the requests that it serves for each CPU-second (the lower quartile of the last days, of
    moments that were busy enough to tell) times the CPU that is aimed at. Without a measured capacity there is no
    recommendation.
    """
    settings, job = config.forecast, config.selectors.job
    replicas, efficiency, capacity, per_replica, candidate = (
        series.get(key).name
        for key in (
            "REPLICAS",
            "REPLICA_EFFICIENCY",
            "REPLICA_CAPACITY",
            "REPLICA_QUEUE_RATE",
            "SCALING_CANDIDATE",
        )
    )
    requests, cores, foreseen = (
        series.get("API_REQUESTS").name,
        series.get("CPU_CORES").name,
        series.get("FORECAST").name,
    )
    processed, backlog = (
        f'sum by (job) ({series.get(key).name}{{job="{job}"}})' for key in ("QUEUE_RATE", "QUEUE_SIZE")
    )
    # Over a minute: over five, a service that has just started looks idle.
    busy = f'avg by (job) ({series.get("CPU").name}{{job="{job}"}})'
    each, days = settings.processes_per_replica, f"{settings.growth_days}d"
    ahead = duration(86_400 - settings.scale_ahead)
    coming = (
        f'max_over_time({foreseen}{{job="{job}", resource="{LOAD}", horizon="24h"}}'
        f"[{duration(settings.scale_ahead)}] offset {ahead})"
    )
    of_one = (
        f"(quantile_over_time(0.5, {per_replica}[{days}])"
        f" and count_over_time({per_replica}[{days}]) >= {settings.least_samples})"
    )
    by_load = f'ceil(max_over_time({requests}{{job="{job}"}}[10m]) / {capacity})'
    candidates = {
        "load": by_load,
        "forecast": f"ceil(max by (job) ({coming}) / {capacity})",
        "queue": f"ceil(({processed} + {backlog} / {settings.drain}) / {of_one})",
        "minimum": f"0 * {by_load} + {settings.least_replicas}",
    }
    best = f"topk by (job) (1, {candidate})"
    most = settings.most_replicas
    return [
        Recording("REPLICAS", f'count by (job) ({series.get("CPU").name}{{job="{job}"}}) / {each}'),
        Recording(
            "REPLICA_EFFICIENCY",
            # Work without requests, such as a feed at night, says nothing about how many a replica takes.
            f'({requests}{{job="{job}"}} > 0) / ({cores}{{job="{job}"}} > 0)'
            f" and {busy} > {settings.least_utilization:g}",
        ),
        Recording(
            "REPLICA_CAPACITY",
            f"quantile_over_time(0.25, {efficiency}[{days}]) * {settings.target_utilization:g} * {each}"
            f" and count_over_time({efficiency}[{days}]) >= {settings.least_samples}",
        ),
        Recording("REPLICA_QUEUE_RATE", f"({processed} > 0) / {replicas} and {backlog} > {replicas}"),
        Recording(
            "SCALING_CANDIDATE",
            " or ".join(
                f'label_replace({expr}, "reason", "{reason}", "", "")' for reason, expr in candidates.items()
            ),
        ),
        Recording(
            "SCALING",
            f'({best} <= {most}) or label_replace(0 * ({best} > {most}) + {most}, "reason", "maximum", "", "")',
        ),
    ]
