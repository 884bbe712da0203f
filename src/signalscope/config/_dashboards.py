"""What dashboards show without an alert about it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from signalscope.config._section import Section

_Ratio = Annotated[float, Field(gt=0, le=1)]


class Dashboards(Section):
    """Where dashboards change colour without an alert, as shares of 1; and whose money is counted.

    Attributes:
        saturation_warning: A resource is orange from here on; it is red where it counts as exhausted.
        budget_warning: An error budget is orange when less than this is left.
        currency: What SIGNALSCOPE_CPU_SECOND_PRICE and the prices of subscriptions are in.

    Examples:
        >>> from signalscope.config import Dashboards
        >>> Dashboards().currency
        'USD'
    """

    saturation_warning: _Ratio = 0.7
    budget_warning: _Ratio = 0.25
    currency: Literal["USD", "EUR", "GBP", "JPY", "CHF", "INR"] = "USD"
