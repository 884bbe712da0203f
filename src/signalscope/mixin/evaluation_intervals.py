"""Evaluation intervals of rules: the longest interval that the most urgent alert allows.

Reading the series of all processes is the main cost of a rule. A series that only dashboards use can be evaluated
less often than one that a page depends on. A rule that reads only recorded series is cheap, so it has their interval.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from signalscope.config import Config
from signalscope.derived import Group, Rule
from signalscope.derived._promql import duration
from signalscope.mixin.alerts import Alert

__all__ = ["alert_groups", "recording_groups"]


def recording_groups(
    shared: Sequence[Group], others: Iterable[Group], alerts: Iterable[Alert], config: Config
) -> list[Group]:
    """Return the groups of shared series, with rules that can wait moved to groups with a longer interval.

    Args:
        shared: The groups; a rule reads only series of rules before it. Groups with a fixed interval stay as they
            are.
        others: More groups that read the series, at their own evaluation interval.
        alerts: The alerts; the `for` time of an alert decides how often it reads the series.
        config: The configuration.

    Example:
        >>> from signalscope.derived import groups
        >>> from signalscope.mixin.alerts import alerts
        >>> config = Config()
        >>> split = recording_groups(groups(config, "recordings"), [], alerts(config), config)
        >>> len(split) > len(groups(config, "recordings"))
        True
    """
    pipeline = config.pipeline
    fixed = [group for group in shared if group.fixed]
    readers = [(alert.reads, pipeline.series_interval(alert.for_)) for alert in alerts]
    readers += [
        (rule.reads, pipeline.series_interval(2 * group.interval))
        for group in (*fixed, *others)
        for rule in group.rules
    ]
    needs = _needs(readers, [rule for group in shared if not group.fixed for rule in group.rules])
    recorded = {rule.key: group.interval for group in fixed for rule in group.rules}
    slowest = max(pipeline.recording, pipeline.slo, pipeline.insight)
    split: list[Group] = []
    for group in shared:
        split += [group] if group.fixed else _split(group, needs, recorded, slowest)
    return split


def alert_groups(alerts: Sequence[Alert], config: Config) -> Iterator[tuple[str, int, list[Alert]]]:
    """Yield the name, interval in seconds and alerts of each group: one per domain and evaluation interval.

    Example:
        >>> from signalscope.mixin.alerts import alerts
        >>> name, interval, members = next(alert_groups(alerts(Config()), Config()))
        >>> name, interval, members[0].name
        ('alerts-service', 5, 'SignalServiceDown')
    """
    pipeline = config.pipeline
    for domain in dict.fromkeys(alert.domain for alert in alerts):
        by_interval: dict[int, list[Alert]] = {}
        for alert in alerts:
            if alert.domain == domain:
                by_interval.setdefault(pipeline.alert_interval(alert.for_), []).append(alert)
        for interval, members in sorted(by_interval.items()):
            yield _name(f"alerts-{domain}", interval, pipeline.evaluation), interval, members


def __getattr__(name: str) -> Any:
    """Return a function for its old name, with a deprecation warning."""
    new = {"paced": "recording_groups", "watched": "alert_groups"}.get(name)
    if new is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(f"{name} is now {new}; change the import [SS860]", DeprecationWarning, 2)
    return globals()[new]


def _needs(readers: Iterable[tuple[frozenset[str], int]], rules: Sequence[Rule]) -> Mapping[str, int]:
    """Map each series to the shortest interval, in seconds, at which alerts or other rules read it."""
    needs: dict[str, int] = {}

    def note(keys: frozenset[str], interval: int) -> None:
        for key in keys:
            needs[key] = min(interval, needs.get(key, interval))

    for keys, interval in readers:
        note(keys, interval)
    for rule in reversed(rules):
        if rule.key in needs:
            note(rule.reads, needs[rule.key])
    return needs


def _split(group: Group, needs: Mapping[str, int], recorded: dict[str, int], slowest: int) -> Iterator[Group]:
    parts: dict[int, list[Rule]] = {}
    for rule in group.rules:
        interval = needs.get(rule.key, slowest)
        if not rule.reads_instruments and (
            made_of := [recorded[key] for key in rule.reads if key in recorded]
        ):
            interval = min(interval, max(made_of))
        if rule.reads or rule.reads_instruments:  # a constant does not limit the interval of its readers
            recorded[rule.key] = max(interval, recorded.get(rule.key, interval))
        parts.setdefault(interval, []).append(rule)
    for interval in sorted(parts):
        name = _name(group.name, interval, group.interval)
        yield replace(group, name=name, interval=interval, rules=tuple(parts[interval]))


def _name(name: str, interval: int, usual: int) -> str:
    return name if interval == usual else f"{name}-{duration(interval)}"
