"""The plan of a game day: which faults run together, and how long that takes at most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from signalscope.config import Config
from signalscope.demo.faults import FAULTS, LOOP_BLOCKED, SERVICE_DOWN, Fault, find
from signalscope.demo.promises import promises
from signalscope.mixin.alertmanager import inhibits
from signalscope.mixin.alerts import Alert, alerts

__all__ = ["LATE", "NOTIFY", "choose", "groups", "on_seconds", "promises"]

#: Seconds to wait for an alert after its promised time, and for a notification after its alert. Alertmanager adds an
#: alert to a group that was notified before only once a minute.
LATE, NOTIFY = 30, 90

#: A process that is down, or whose event loop stands still, reports nothing about other faults.
_ALONE = {SERVICE_DOWN, LOOP_BLOCKED}


def choose(names: Iterable[str]) -> list[Fault]:
    """Return the faults with some names, each once; all faults without a name.

    Args:
        names: Names of faults; a text may have several, separated by commas.

    Raises:
        UnknownFaultError: A name is unknown.

    Example:
        >>> [fault.name for fault in choose(["config-down,cpu-burn", "cpu-burn"])]
        ['config-down', 'cpu-burn']
    """
    wanted = [name.strip() for text in names for name in text.split(",") if name.strip()]
    return [find(name) for name in dict.fromkeys(wanted)] or [*FAULTS.values()]


def on_seconds(fault: Fault) -> int:
    """Return how many seconds a fault is on at most."""
    return max(promises(fault).values()) + max(LATE, NOTIFY)


def groups(faults: Iterable[Fault]) -> list[list[Fault]]:
    """Return the faults in groups that run together.

    Two faults of a group share no alert, promised or not, and no alert of one inhibits a promised alert of the other.
    Neither excludes the other, and at most one of them harms users. An alert, a notification and a harm then belong
    to one fault.

    Groups with short promises come first, since error budgets are not judged in a young system. A blocked event loop
    and the end of the service come last, because both delay alerts about faults that follow at once. Failures of the
    blocked loop explain an open breaker for a while. The Collector shows the last values of a dead process for some
    minutes.

    Example:
        >>> [[fault.name for fault in group] for group in groups(choose(["config-down,config-slow,cpu-burn"]))]
        [['config-down'], ['cpu-burn', 'config-slow']]
    """
    together: list[list[Fault]] = []
    # The longest first: a group takes as long as its longest fault.
    for fault in sorted(faults, key=on_seconds, reverse=True):
        fitting = (group for group in together if not any(_disturb(fault, other) for other in group))
        group = next(fitting, None)
        if group is None:
            together.append([fault])
        else:
            group.append(fault)
    last = [find(LOOP_BLOCKED), find(SERVICE_DOWN)]
    return sorted(
        together,
        key=lambda group: (*(fault in group for fault in reversed(last)), max(map(on_seconds, group))),
    )


def _disturb(one: Fault, other: Fault) -> bool:
    return (
        one.excludes(other)
        or not _ALONE.isdisjoint({one.name, other.name})
        or (one.harms_users and other.harms_users)
        or _silences(one, other)
        or _silences(other, one)
        or not {*one.alerts, *one.collateral}.isdisjoint((*other.alerts, *other.collateral))
    )


def _silences(one: Fault, other: Fault) -> bool:
    """Return True if an alert of one fault keeps a promised alert of another one from being notified."""
    return any(
        inhibits(source, target)
        for source in _labels(one, (*one.alerts, *one.collateral))
        for target in _labels(other, other.alerts)
    )


def _labels(fault: Fault, names: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield the labels of alerts of a fault that inhibitions compare."""
    for name in names:
        for rule in _by_name()[name].rules:
            labels = {"alertname": name, "job": Config().selectors.job, **rule.all_labels(Config())}
            if rule.domain == "dependency" and fault.dependency:
                labels["service_name"] = fault.dependency
            yield labels


@cache
def _by_name() -> dict[str, Alert]:
    return {alert.name: alert for alert in alerts(Config())}
