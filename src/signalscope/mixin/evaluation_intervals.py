"""How often each rule is evaluated: as often as the most urgent alert that reads it needs, and no more.

Reading every process' series is what rules cost. A series that only dashboards show need not be as fresh as one that
calls somebody within half a minute. What is made of recorded series alone costs little, and is as fresh as those.
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
    """Return the groups of shared series, each with what can wait in groups of its own.

    Args:
        shared: The groups, in an order in which rules read what is recorded before them. Those with an interval of
            their own stay as they are.
        others: More groups that read them; each needs them as often as it is evaluated.
        alerts: The alerts; each needs them by how long it waits.
        config: The configuration.
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
    """Yield the name, interval and alerts of each group: one for each domain and evaluation interval."""
    pipeline = config.pipeline
    for domain in dict.fromkeys(alert.domain for alert in alerts):
        by_interval: dict[int, list[Alert]] = {}
        for alert in alerts:
            if alert.domain == domain:
                by_interval.setdefault(pipeline.alert_interval(alert.for_), []).append(alert)
        for interval, members in sorted(by_interval.items()):
            yield _name(f"alerts-{domain}", interval, pipeline.evaluation), interval, members


def __getattr__(name: str) -> Any:
    """Give the functions by their names of the release before."""
    new = {"paced": "recording_groups", "watched": "alert_groups"}.get(name)
    if new is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(f"{name} is now {new}; the old name goes in the next release", DeprecationWarning, 2)
    return globals()[new]


def _needs(readers: Iterable[tuple[frozenset[str], int]], rules: Sequence[Rule]) -> Mapping[str, int]:
    """How often each series is needed: by readers that say so, and by rules that are needed themselves."""
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
        if rule.reads or rule.reads_instruments:  # else it is a constant, which slows nothing down
            recorded[rule.key] = max(interval, recorded.get(rule.key, interval))
        parts.setdefault(interval, []).append(rule)
    for interval in sorted(parts):
        name = _name(group.name, interval, group.interval)
        yield replace(group, name=name, interval=interval, rules=tuple(parts[interval]))


def _name(name: str, interval: int, usual: int) -> str:
    return name if interval == usual else f"{name}-{duration(interval)}"
