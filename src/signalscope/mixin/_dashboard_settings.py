"""What dashboards show without an alert about it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from signalscope.mixin._section import Section

__all__ = ["Dashboards"]

_Share = Annotated[float, Field(gt=0, le=1)]


class Dashboards(Section):
    """Where dashboards change colour without an alert, as shares of 1."""

    saturation_warning: _Share = 0.7
    saturation_critical: _Share = 0.9
    budget_warning: _Share = 0.25
