"""Every threshold, window, selector and target: the one place, and the file that overrides it.

`signalscope.config.defaults` is plain Python. Every other name is imported when it is asked for, since the models
need pydantic, which the SDK alone does not install.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signalscope.config._config import (
        BURN_RATES,
        Anomaly,
        Business,
        Calendar,
        Config,
        ConfigError,
        Dashboards,
        Forecast,
        HealthLimits,
        Holds,
        Kpis,
        Pipeline,
        Routes,
        Selectors,
        Slo,
        Slos,
        Teams,
        Thresholds,
        Windows,
        load,
    )

__all__ = [
    "BURN_RATES",
    "Anomaly",
    "Business",
    "Calendar",
    "Config",
    "ConfigError",
    "Dashboards",
    "Forecast",
    "HealthLimits",
    "Holds",
    "Kpis",
    "Pipeline",
    "Routes",
    "Selectors",
    "Slo",
    "Slos",
    "Teams",
    "Thresholds",
    "Windows",
    "load",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module("signalscope.config._config"), name)
    return value
