"""The configuration: thresholds, windows, selectors and targets, and the TOML file that overrides them.

`signalscope.config.defaults` is plain Python. The other names are imported on first use, because the models need
pydantic, which the SDK alone does not install.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from signalscope.config.defaults import BURN_RATES

if TYPE_CHECKING:
    from signalscope.config._business import Business, Kpis
    from signalscope.config._calendar import Calendar
    from signalscope.config._config import Config, ConfigError, Pipeline, load
    from signalscope.config._insight import Anomaly, Forecast
    from signalscope.config._limits import Limits
    from signalscope.config._routes import Routes
    from signalscope.config._rules import (
        Dashboards,
        HealthLimits,
        Holds,
        Selectors,
        Teams,
        Thresholds,
        Windows,
    )
    from signalscope.config._slos import Slo, Slos

__all__ = [
    "BURN_RATES", "Anomaly", "Business", "Calendar", "Config", "ConfigError", "Dashboards", "Forecast",
    "HealthLimits", "Holds", "Kpis", "Limits", "Pipeline", "Routes", "Selectors", "Slo", "Slos", "Teams",
    "Thresholds", "Windows", "load",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module("signalscope.config._config"), name)
    return value
