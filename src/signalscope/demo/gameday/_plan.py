"""The plan of a game day: which faults run together, and how long that takes at most."""

from __future__ import annotations

from collections.abc import Iterable

from signalscope.demo.faults import FAULTS, SERVICE_DOWN, Fault, find
from signalscope.mixin.alerts import expected_seconds

__all__ = ["LATE", "NOTIFY", "choose", "groups", "on_seconds", "promises"]

#: Seconds to wait for an alert after its promised time, and for a notification after its alert. Alertmanager adds an
#: alert to a group that was notified before only once a minute.
LATE, NOTIFY = 30, 90


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


def promises(fault: Fault) -> dict[str, int]:
    """Return the promised alerts of a fault, and the seconds within which each fires."""
    return {alert: expected_seconds(alert) for alert in fault.alerts}


def on_seconds(fault: Fault) -> int:
    """Return how many seconds a fault is on at most."""
    return max(promises(fault).values()) + LATE + NOTIFY


def groups(faults: Iterable[Fault]) -> list[list[Fault]]:
    """Return the faults in groups that run together.

    Two faults of a group share no alert, promised or not, neither excludes the other, and at most one of them harms
    users: an alert, a notification and a harm then belong to one fault. Groups with short promises come first, since
    error budgets are not judged in a young system. The end of the service comes last. For some minutes after it, the
    Collector shows the last values of the dead process, which hide new failures.

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
    return sorted(together, key=lambda group: (find(SERVICE_DOWN) in group, max(map(on_seconds, group))))


def _disturb(one: Fault, other: Fault) -> bool:
    return (
        one.excludes(other)
        or SERVICE_DOWN in {one.name, other.name}  # a service that is down reports nothing else
        or (one.harms_users and other.harms_users)
        or not {*one.alerts, *one.collateral}.isdisjoint((*other.alerts, *other.collateral))
    )
