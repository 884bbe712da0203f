"""Every threshold, window, selector and target of the rules, alerts and dashboards: the one place.

Users change them in a TOML file and generate again::

    signalscope generate --config my.toml --out my-rules

    [thresholds]
    api_p95_seconds = 3.0
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from signalscope.mixin._calendar_settings import Calendar
from signalscope.mixin._dashboard_settings import Dashboards
from signalscope.mixin._insight_settings import Anomaly, Forecast
from signalscope.mixin._route_settings import Routes
from signalscope.mixin._section import Seconds, Section, Text, Window

__all__ = [
    "Anomaly",
    "Calendar",
    "Config",
    "ConfigError",
    "Dashboards",
    "Forecast",
    "Holds",
    "Pipeline",
    "Routes",
    "Selectors",
    "Thresholds",
    "Windows",
    "load",
]


class ConfigError(ValueError):
    """A configuration file that cannot be used; the message names the file, line and key."""


class Pipeline(Section):
    """How often data moves on, in seconds. Ten seconds for an alert need steps of five."""

    export: Seconds = 5
    scrape: Seconds = 5
    evaluation: Seconds = 5

    @property
    def delay(self) -> int:
        """The longest from a measurement to a rule that sees it, in seconds."""
        return self.export + self.scrape + self.evaluation


class Selectors(Section):
    """Which series are the service's."""

    job: Text = "signal-service"
    greeks_endpoints: Text = ".*greeks.*"
    greeks_cache: Text = "greeks"
    config_service: Text = "config_service"


class Thresholds(Section):
    """What is compared with."""

    api_p95_seconds: float = Field(default=5.0, gt=0)
    vectorized_p90_seconds: float = Field(default=1.0, gt=0)
    active_subscriptions: float = Field(default=10_000, ge=0)
    cpu_percent: float = Field(default=80.0, gt=0, description="Of one core, by process.")


class Windows(Section):
    """How far rates look back, in seconds."""

    error_rate: Window = 300
    latency: Window = 120
    greeks: Window = 60
    cpu: Window = 60


class Holds(Section):
    """How long a condition must last before its alert fires, in seconds."""

    service_down: Seconds = 30
    greeks_failure: Seconds = 15
    config_service: Seconds = 10
    api_latency: Seconds = 30
    slow_greeks: Seconds = 30
    subscriptions: Seconds = 30
    cpu: Seconds = 600
    #: How long an alert on a rate goes on after it was last true.
    keep_firing: Seconds = 60


class Config(Section):
    """All of it."""

    pipeline: Pipeline = Pipeline()
    selectors: Selectors = Selectors()
    thresholds: Thresholds = Thresholds()
    windows: Windows = Windows()
    holds: Holds = Holds()
    calendar: Calendar = Calendar()
    anomaly: Anomaly = Anomaly()
    forecast: Forecast = Forecast()
    routes: Routes = Routes()
    dashboards: Dashboards = Dashboards()
    runbooks: Text = "https://github.com/signalscope/signalscope/blob/main/docs/runbooks"


def load(path: Path | None) -> Config:
    """The configuration in a file; the defaults where it says nothing.

    Args:
        path: A TOML file; None for the defaults.

    Raises:
        ConfigError: It cannot be read, or something in it is not allowed.
    """
    if path is None:
        return Config()
    try:
        text = path.read_text(encoding="utf-8")
        values: dict[str, Any] = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        problems = [_explained(path, text, each["loc"], each["msg"], each["type"]) for each in error.errors()]
        raise ConfigError("\n".join(problems)) from None


def _explained(path: Path, text: str, location: tuple[int | str, ...], message: str, kind: str) -> str:
    names = [str(each) for each in location if isinstance(each, str) and not each.startswith("constrained")]
    key = ".".join(names[:2])
    line = _line_of(text, names)
    if kind == "extra_forbidden":
        known: Any = Config.model_fields
        if len(names) > 1 and names[0] in Config.model_fields:
            known = getattr(Config(), names[0]).__class__.model_fields
        message = f"there is no such key; there are: {', '.join(known)}"
    return f"{path}:{line}: {key}: {message}"


def _line_of(text: str, names: list[str]) -> int:
    """The line of a key, as far as it can be told: below its table's heading."""
    section = len(names) < 2
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"\s*\[{re.escape(names[0])}\]", line):
            section = True
            if len(names) == 1:
                return number
        elif section and re.match(rf"\s*{re.escape(names[-1])}\s*=", line):
            return number
    return 1
