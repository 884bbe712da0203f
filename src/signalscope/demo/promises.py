"""The time within which each alert of a fault fires."""

from __future__ import annotations

from signalscope.demo.faults import Fault
from signalscope.mixin.alerts import expected_seconds

__all__ = ["promises"]


def promises(fault: Fault) -> dict[str, int]:
    """Return the promised alerts of a fault, and the seconds within which each fires.

    Example:
        >>> from signalscope.demo.faults import find
        >>> promises(find("queue-flood"))["CriticalItemsRejected"]
        20
    """
    return {alert: expected_seconds(alert) + fault.onset for alert in fault.alerts}
