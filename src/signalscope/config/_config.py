"""The whole configuration of rules, alerts and dashboards.

Users override values in a TOML file, and generate again::

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
from signalscope.config._limits import Limits
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
    """A configuration file that cannot be used; the message names the file, line and key of each error.

    Examples:
        >>> from pathlib import Path
        >>> from signalscope import config
        >>> try:
        ...     config.load(Path("no-such-file.toml"))
        ... except config.ConfigError as error:
        ...     print(error)
        no-such-file.toml: No such file or directory [SS101]
    """


class Pipeline(Section):
    """Intervals of export, scrape and rule evaluation, in seconds.

    An alert that must fire within ten seconds needs intervals of five seconds.

    Attributes:
        export: Between two exports from a process to the Collector.
        scrape: Between two scrapes of the Collector or of a process by Prometheus.
        evaluation: Between two evaluations of alerts. An alert with a long `for` is evaluated less often: see
            `alert_interval`.
        recording: Between two evaluations of series that alerts and dashboards share. A series is recorded more often
            for an alert with a short `for`: see `series_interval`.
        slo: Between two evaluations of SLO series.
        insight: Between two evaluations of calendar, prediction intervals, trends and scaling recommendation.
        forecast: Between two evaluations of the forecast, at most 240.
        history: Between two evaluations of series that read several days.

    Examples:
        >>> from signalscope.config import Pipeline
        >>> Pipeline().scrape
        5
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
        """The longest time from a measurement to a rule that reads it, in seconds."""
        return self.export + self.scrape + self.evaluation

    def alert_interval(self, for_: int) -> int:
        """Return the interval in seconds at which an alert with a certain `for` is evaluated.

        An alert with a long `for` can be evaluated less often.

        Args:
            for_: The `for` of the alert, in seconds.

        Example:
            >>> Pipeline().alert_interval(15), Pipeline().alert_interval(600)
            (5, 15)
        """
        return self.evaluation if for_ < 4 * self.recording else max(self.evaluation, self.recording)

    def series_interval(self, for_: int) -> int:
        """Return the interval in seconds at which a series is recorded for an alert: twice within `for` if possible.

        Args:
            for_: The `for` of the alert that reads the series, in seconds.

        Example:
            >>> Pipeline().series_interval(15), Pipeline().series_interval(600)
            (5, 60)
        """
        intervals = (self.evaluation, self.recording, self.slo, self.insight)
        return max((interval for interval in intervals if interval <= for_ / 2), default=min(intervals))


def _module(name: str) -> str:
    if not all(part.isidentifier() for part in name.split(".")):
        raise ValueError(
            f"{name!r} is not the name of a module; write a name such as my_service.instruments [SS109]"
        )
    return name


def _list(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError(f'write a list: import = ["{value}"] [SS109]')  # noqa: TRY004  # pydantic explains ValueErrors only
    return value


class Contract(Section):
    """Modules that add the user's own instruments.

    Attributes:
        imports: Modules that call `signalscope.contract.extend`, in the order of import; the key in the file is
            ``import``. The commands of ``signalscope`` import them, as with ``--import``; a running service does not.
    """

    imports: Annotated[
        tuple[Annotated[str, AfterValidator(_module)], ...], BeforeValidator(_list), Field(alias="import")
    ] = ()


class Config(Section):
    """The whole configuration: one attribute for each table of the TOML file.

    Attributes:
        pipeline: Intervals of export, scrape and rule evaluation.
        selectors: Names that select the series of the service.
        thresholds: Limits that alerts compare with.
        windows: Lengths of the windows of rates.
        holds: The `for` of each alert.
        slos: The service level objectives.
        kpis: Targets of KPIs that have no SLO.
        business: Tiers, prices and request times.
        teams: The team that is notified, by domain.
        calendar: The trading calendar.
        anomaly: Settings of the anomaly detection.
        forecast: Settings of the forecast and the scaling recommendation.
        routes: Receivers and intervals of notifications.
        dashboards: Colours and currency of the dashboards.
        health: Limits of the health checks.
        limits: Limits of what a client may send to the Collector.
        contract: Modules that add instruments.
        runbooks: URL of the folder of the runbooks.
        grafana: URL of Grafana.

    Examples:
        >>> from signalscope.config import Config, Thresholds
        >>> Config(thresholds=Thresholds(api_p95_seconds=3.5)).thresholds.api_p95_seconds
        3.5
    """

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
    limits: Limits = Limits()
    contract: Contract = Contract()
    runbooks: Text = "https://github.com/signalscope/signalscope/blob/main/docs/runbooks"
    grafana: Text = "http://127.0.0.1:3000"

    @property
    def lag_window(self) -> int:
        """The window of the lag of an event loop: `windows.event_loop`, longer if two values do not fit in."""
        return max(self.windows.event_loop, 2 * self.pipeline.export, 2 * self.pipeline.scrape)

    @property
    def greeks_window(self) -> int:
        """The window of the alert on failed calculations in seconds: it contains three exports and three scrapes."""
        return max(self.windows.greeks, 3 * self.pipeline.export, 3 * self.pipeline.scrape)

    @model_validator(mode="after")
    def _seen_twice(self) -> Self:
        """Check that each window contains two values: one value has no rate, and its alert would never fire."""
        arrival = max(("export", "scrape"), key=lambda source: getattr(self.pipeline, source))
        looks_back = {
            f"windows.{window}": arrival
            for window in type(self.windows).model_fields
            if window not in {"event_loop", "greeks"}  # see `lag_window` and `greeks_window`
        }
        looks_back |= {"forecast.flapping_window": arrival, "forecast.scale_ahead": "forecast"}
        for key, source in looks_back.items():
            section, _, name = key.partition(".")
            seconds, step = getattr(getattr(self, section), name), getattr(self.pipeline, source)
            if seconds < 2 * step:
                raise ValueError(
                    f"{key}: {seconds} s do not contain two values, which come every {step} s "
                    f"(pipeline.{source}); use at least {2 * step} [SS110]"
                )
        return self


def load(path: Path | None) -> Config:
    r"""Read the configuration from a file; keys that are not in the file keep their defaults.

    Args:
        path: A TOML file; None for the defaults.

    Raises:
        ConfigError: The file cannot be read, or has errors: one line of the message for each error.

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from signalscope import config
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "my.toml")
        ...     characters = path.write_text('[selectors]\njob = "pricing"')
        ...     config.load(path).selectors.job
        'pricing'
    """
    if path is None:
        return Config()
    try:
        text = path.read_text(encoding="utf-8")
        values: dict[str, Any] = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror} [SS101]") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not TOML: it is not UTF-8 [SS102]") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(syntax_message(path, error)) from None
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        problems = (message_of(path, text, problem, Config()) for problem in error.errors())
        raise ConfigError("\n".join(problems)) from None
