"""Every derived series, one module a domain: ``GROUPS`` of rows that are recorded, ``ASKED`` that are not.

Most rows begin with `rate` or `increase`: what every process has counted, added up.
"""

from __future__ import annotations

from signalscope.config.defaults import HOUR_SECONDS, RATE_SECONDS
from signalscope.derived._expressions import Increase, Instrument, Rate, Setting, Wanted
from signalscope.derived._operators import Sum


def rate(
    name: str, *by: str, part: str = "", over: float | Setting = RATE_SECONDS, **matchers: Wanted
) -> Sum:
    """Add up what every process counts each second.

    Args:
        name: The instrument's OpenTelemetry name.
        by: The labels to keep beside the job.
        part: Of a histogram: ``count``, ``sum`` or ``bucket``.
        over: How many seconds to look back, or a setting.
        matchers: What labels must be, as for `Instrument`.
    """
    return Sum(Rate(Instrument(name, part, **matchers), over), *by)


def increase(name: str, *by: str, part: str = "", over: float | Setting = HOUR_SECONDS) -> Sum:
    """Add up by how much the counts of every process grew; see `rate`."""
    return Sum(Increase(Instrument(name, part), over), *by)
