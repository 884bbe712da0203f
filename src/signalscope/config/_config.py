"""Every threshold, window, selector and target of the rules, alerts and dashboards: the one place.

Users change them in a TOML file and generate again::

    signalscope generate --config my.toml --out my-rules

    [thresholds]
    api_p95_seconds = 3.0
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from signalscope.config._business import Business, Kpis
from signalscope.config._calendar import Calendar
from signalscope.config._errors import message_of, syntax_message
from signalscope.config._insight import Anomaly, Forecast
from signalscope.config._routes import Routes
from signalscope.config._rules import (
    Dashboards,
    HealthLimits,
    Histograms,
    Holds,
    Scope,
    Selectors,
    Teams,
    Thresholds,
    Windows,
)
from signalscope.config._section import Arrival, Interval, Section, Text
from signalscope.config._slos import Slo, Slos  # noqa: F401  # signalscope.config has it from here


class ConfigError(ValueError):
    """A configuration file that cannot be used; the message names the file, line and key."""


class Pipeline(Section):
    """How often data moves on, in seconds. Ten seconds for an alert need steps of five.

    Attributes:
        export: From a process to the Collector.
        scrape: From the Collector, or a process, to Prometheus.
        evaluation: Of alerts; at the most, see `alert_interval`.
        recording: Of the series that alerts and dashboards share; at the most, see `series_interval`.
        slo: Of SLOs.
        insight: Of the calendar, prediction intervals, trends and the recommendation.
        forecast: Of the forecast; at the most 240.
        history: Of what looks back over days.
    """

    export: Arrival = 5
    scrape: Arrival = 5
    evaluation: Interval = 5
    recording: Interval = 15
    slo: Interval = 30
    insight: Interval = 60
    forecast: Interval = 120
    history: Interval = 240

    @property
    def delay(self) -> int:
        """The longest time from a measurement to a rule that sees it, in seconds."""
        return self.export + self.scrape + self.evaluation

    def alert_interval(self, for_: int) -> int:
        """Return how often an alert with that `for` is evaluated: one that waits long can be noticed later."""
        return self.evaluation if for_ < 4 * self.recording else max(self.evaluation, self.recording)

    def series_interval(self, for_: int) -> int:
        """Return how often a series is recorded that such an alert reads: twice within its `for` if it can be."""
        intervals = (self.evaluation, self.recording, self.slo, self.insight)
        return max((interval for interval in intervals if interval <= for_ / 2), default=min(intervals))


def _module(name: str) -> str:
    if not all(part.isidentifier() for part in name.split(".")):
        raise ValueError(
            f"{name!r} is not the name of a module; write it as in an import: my_service.instruments"
        )
    return name


def _list(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError(f'it is a list: import = ["{value}"]')  # noqa: TRY004  # pydantic explains ValueErrors only
    return value


class Contract(Section):
    """Where the user's own instruments come from.

    Attributes:
        imports: Modules that call `signalscope.contract.extend`, in the order in which they are imported; the key is
            ``import``. The commands of ``signalscope`` import them, as with ``--import``; a running service does not.
    """

    imports: Annotated[
        tuple[Annotated[str, AfterValidator(_module)], ...], BeforeValidator(_list), Field(alias="import")
    ] = ()


class Config(Section):
    """All of it."""

    pipeline: Pipeline = Pipeline()
    selectors: Selectors = Selectors()
    scope: Scope = Scope()
    thresholds: Thresholds = Thresholds()
    windows: Windows = Windows()
    histograms: Histograms = Histograms()
    holds: Holds = Holds()
    slos: Slos = Slos()
    kpis: Kpis = Kpis()
    business: Business = Business()
    teams: Teams = Teams()
    calendar: Calendar = Calendar()
    anomaly: Anomaly = Anomaly()
    forecast: Forecast = Forecast()
    routes: Routes = Routes()
    dashboards: Dashboards = Dashboards()
    health: HealthLimits = HealthLimits()
    contract: Contract = Contract()
    runbooks: Text = "https://github.com/signalscope/signalscope/blob/main/docs/runbooks"
    grafana: Text = "http://127.0.0.1:3000"

    @model_validator(mode="after")
    def _seen_twice(self) -> Self:
        """What looks back needs two values: a rate of one is none, and its alert would never fire."""
        arrival = max(("export", "scrape"), key=lambda source: getattr(self.pipeline, source))
        looks_back = {f"windows.{window}": arrival for window in type(self.windows).model_fields}
        looks_back |= {"forecast.flapping_window": arrival, "forecast.scale_ahead": "forecast"}
        for key, source in looks_back.items():
            section, _, name = key.partition(".")
            seconds, step = getattr(getattr(self, section), name), getattr(self.pipeline, source)
            if seconds < 2 * step:
                raise ValueError(
                    f"{key}: {seconds} s are too short for two of what comes every {step} s "
                    f"(pipeline.{source}): at least {2 * step}"
                )
        return self


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
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not TOML: it is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(syntax_message(path, error)) from None
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        problems = (message_of(path, text, problem, Config()) for problem in error.errors())
        raise ConfigError("\n".join(problems)) from None
