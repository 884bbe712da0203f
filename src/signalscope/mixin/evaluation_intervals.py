"""How often each rule is evaluated: as often as the most urgent alert that reads it needs, and no more.

Reading every process' series is what rules cost. A series that only dashboards show need not be as fresh as one that
calls somebody within half a minute. What is made of recorded series alone costs little, and is as fresh as those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from signalscope import contract
from signalscope.config import Config
from signalscope.mixin._promql import duration
from signalscope.mixin.alerts import Alert
from signalscope.mixin.rules import Group, Recording

__all__ = ["paced", "watched"]

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def paced(
    shared: Sequence[Group], others: Iterable[Group], alerts: Iterable[Alert], config: Config
) -> list[Group]:
    """Groups of shared series, each with what can wait in groups of its own.

    Args:
        shared: The groups, in an order in which rules read what is recorded before them. Those with an interval of
            their own stay as they are.
        others: More groups that read them; each needs them as often as it is evaluated.
        alerts: The alerts; each needs them by how long it waits.
        config: The configuration.
    """
    pipeline = config.pipeline
    fixed = [group for group in shared if group.fixed]
    readers = [(alert.expr, pipeline.paced(alert.hold)) for alert in alerts]
    readers += [
        (rule.expr, pipeline.paced(2 * group.interval)) for group in (*fixed, *others) for rule in group.rules
    ]
    needs = _needs(readers, [rule for group in shared if not group.fixed for rule in group.rules])
    recorded = {rule.record: group.interval for group in fixed for rule in group.rules}
    slowest = max(pipeline.recording, pipeline.slo, pipeline.insight)
    return [
        part
        for group in shared
        for part in ([group] if group.fixed else _split(group, needs, recorded, slowest))
    ]


def watched(alerts: Sequence[Alert], config: Config) -> Iterator[tuple[str, int, list[Alert]]]:
    """Alerts in groups, one for each domain, and one for those of it that can wait: name, interval, alerts."""
    pipeline = config.pipeline
    for domain in dict.fromkeys(alert.domain for alert in alerts):
        parts: dict[int, list[Alert]] = {}
        for alert in alerts:
            if alert.domain == domain:
                parts.setdefault(pipeline.watched(alert.hold), []).append(alert)
        for interval, found in sorted(parts.items()):
            yield _name(f"alerts-{domain}", interval, pipeline.evaluation), interval, found


def _needs(readers: Iterable[tuple[str, int]], rules: Sequence[Recording]) -> Mapping[str, int]:
    """How often each series is needed: by readers that say so, and by rules that are needed themselves."""
    needs: dict[str, int] = {}

    def note(expression: str, interval: int) -> None:
        for name in _NAME.findall(expression):
            needs[name] = min(interval, needs.get(name, interval))

    for expression, interval in readers:
        note(expression, interval)
    for rule in reversed(rules):
        if rule.record in needs:
            note(rule.expr, needs[rule.record])
    return needs


def _split(group: Group, needs: Mapping[str, int], recorded: dict[str, int], slowest: int) -> Iterator[Group]:
    parts: dict[int, list[Recording]] = {}
    for rule in group.rules:
        interval = needs.get(rule.record, slowest)
        read = {*_NAME.findall(rule.expr)}
        if not read & _RAW and (made_of := [recorded[name] for name in read if name in recorded]):
            interval = min(interval, max(made_of))
        if read & {*_RAW, *recorded}:  # else it is a constant, which slows nothing down
            recorded[rule.record] = max(interval, recorded.get(rule.record, interval))
        parts.setdefault(interval, []).append(rule)
    for interval in sorted(parts):
        name = _name(group.name, interval, group.interval)
        yield replace(group, name=name, interval=interval, rules=tuple(parts[interval]))


#: What processes export themselves.
_RAW = {name for one in contract.instruments() for name in one.series_names}


def _name(name: str, interval: int, usual: int) -> str:
    return name if interval == usual else f"{name}-{duration(interval)}"
