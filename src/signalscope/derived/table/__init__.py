"""The table of derived series, one module for each domain.

``GROUPS`` contains the rows that Prometheus records, ``ASKED`` the rows that are queried only when they are needed.
Most rows begin with `rate` or `increase`, which add up the counts of all processes.
"""

from __future__ import annotations

from signalscope.config.defaults import HOUR_SECONDS, RATE_SECONDS
from signalscope.derived._expressions import Increase, Instrument, Rate, Setting, Wanted
from signalscope.derived._operators import Sum

#: The labels that tell processes apart. The workers of a service that is scraped share an instance; each process that
#: pushes is an instance, and has no label `process`.
PROCESS = ("instance", "process")


def rate(
    name: str, *by: str, part: str = "", over: float | Setting = RATE_SECONDS, **matchers: Wanted
) -> Sum:
    """Return the sum of the rates of all processes, each second.

    Args:
        name: The OpenTelemetry name of the instrument.
        by: The labels to keep beside the job.
        part: The part of a histogram: ``count``, ``sum`` or ``bucket``; empty for a counter.
        over: The window in seconds, or a setting.
        matchers: The values that labels must have, as for `Instrument`.
    """
    return Sum(Rate(Instrument(name, part, **matchers), over), *by)


def increase(name: str, *by: str, part: str = "", over: float | Setting = HOUR_SECONDS) -> Sum:
    """Return the sum of the increases of all processes in the window; see `rate`."""
    return Sum(Increase(Instrument(name, part), over), *by)
