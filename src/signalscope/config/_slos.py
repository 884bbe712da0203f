"""Objectives: ``[slos]`` of the configuration."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from signalscope.config._section import Ratio, Section, bound
from signalscope.config.defaults import BURN_RATES, SLO_PERIOD_DAYS
from signalscope.contract import API_BUCKETS, SIGNAL_BUCKETS


class Slo(Section):
    """One objective.

    With `burn-rate` its alerts watch how fast the error budget is spent, with `threshold` the ratio itself.

    Examples:
        >>> from signalscope.config import Slo
        >>> Slo(objective=0.999).alert
        'burn-rate'
    """

    objective: float = Field(gt=0, lt=1, description="Good events wanted, of all.")
    alert: Literal["burn-rate", "threshold"] = "burn-rate"
    min_events: float = Field(default=50, ge=0, description="In the long window; with fewer, no alert.")
    min_bad_events: float = Field(default=5, ge=0, description="The same of bad ones.")

    @property
    def budget(self) -> float:
        """Bad events that are allowed, of all."""
        return round(1 - self.objective, 9)

    @model_validator(mode="after")
    def _can_fire(self) -> Self:
        if not 0 < self.budget < 1:
            raise ValueError(
                f"an objective of {self.objective:.12g} leaves no budget, or is one that cannot be missed"
            )
        fastest = max(BURN_RATES.values())
        if self.alert == "burn-rate" and fastest * self.budget >= 1:
            raise ValueError(
                f"with an objective of {self.objective:g} an alert at {fastest:g} times the allowed rate can never "
                f'fire, as {fastest:g} x {self.budget:g} is not below 1: use alert = "threshold", or an objective '
                f"above {1 - 1 / fastest:.4f}"
            )
        return self


class ApiLatencySlo(Slo):
    """The objective for API latency."""

    seconds: Annotated[float, AfterValidator(partial(bound, buckets=API_BUCKETS))] = 0.5


class SignalLatencySlo(Slo):
    """The objective for the time to generate signals."""

    seconds: Annotated[float, AfterValidator(partial(bound, buckets=SIGNAL_BUCKETS))] = 2.0


class Slos(Section):
    """Every objective. All are about the same period.

    Examples:
        >>> from signalscope.config import Slos
        >>> Slos().errors.objective
        0.999
    """

    period_days: int = Field(
        default=SLO_PERIOD_DAYS,
        ge=SLO_PERIOD_DAYS,
        le=SLO_PERIOD_DAYS,
        description="Fixed, as the windows' names are.",
    )
    hysteresis: Ratio = Field(
        default=0.1, description="A threshold alert ends when the ratio is this share of the budget better."
    )
    availability: Slo = Slo(objective=0.9995)
    errors: Slo = Slo(objective=0.999)
    api_latency: ApiLatencySlo = ApiLatencySlo(objective=0.95)
    signal_latency: SignalLatencySlo = SignalLatencySlo(objective=0.95)
    vectorized: Slo = Slo(objective=0.9, alert="threshold")
    cache_hits_greeks: Slo = Slo(objective=0.85, alert="threshold")
    cache_hits_indicators: Slo = Slo(objective=0.80, alert="threshold")
    dependencies: Slo = Slo(objective=0.95)
    critical_backlog: Slo = Slo(objective=0.99)

    @model_validator(mode="before")
    @classmethod
    def _over_defaults(cls, values: Any) -> Any:
        """An objective of which only a part is given keeps the rest."""
        if not isinstance(values, dict):
            return values
        fields = cls.model_fields
        return {
            name: fields[name].default.model_dump() | given
            if name in fields and isinstance(given, dict) and isinstance(fields[name].default, Slo)
            else given
            for name, given in values.items()
        }
