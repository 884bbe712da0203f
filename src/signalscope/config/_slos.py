"""Objectives: ``[slos]`` of the configuration."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from signalscope.config._section import ApiSeconds, Count, Ratio, Section, SignalSeconds
from signalscope.config.defaults import BURN_RATES, SLO_PERIOD_DAYS


class Slo(Section):
    """One objective.

    Attributes:
        objective: Good events wanted, of all.
        alert: With `burn-rate` alerts watch how fast the error budget is spent, with `threshold` the ratio itself.
        min_events: In the long window; with fewer, no alert.
        min_bad_events: The same of bad ones.

    Examples:
        >>> from signalscope.config import Slo
        >>> Slo(objective=0.999).alert
        'burn-rate'
    """

    objective: float = Field(gt=0, lt=1)
    alert: Literal["burn-rate", "threshold"] = "burn-rate"
    min_events: Count = 50
    min_bad_events: Count = 5

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

    seconds: ApiSeconds = 0.5


class SignalLatencySlo(Slo):
    """The objective for the time to generate signals."""

    seconds: SignalSeconds = 2.0


class Slos(Section):
    """Every objective. All are about the same period.

    Attributes:
        period_days: Fixed, as the windows' names are.
        hysteresis: A threshold alert ends when the ratio is better by this part of the budget.

    Examples:
        >>> from signalscope.config import Slos
        >>> Slos().errors.objective
        0.999
    """

    period_days: int = Field(default=SLO_PERIOD_DAYS, ge=SLO_PERIOD_DAYS, le=SLO_PERIOD_DAYS)
    hysteresis: Ratio = 0.1
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
