"""The JSON report: runs, and what each run measured for each fault. All moments are seconds since the epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signalscope.cli._errors import UserError
from signalscope.demo.control import POLL_SECONDS


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AlertTimes(_Record):
    """When a promised alert fired, was notified and ended.

    Attributes:
        alert: The name of the alert.
        promised_seconds: The longest time from the fault to the alert.
        fired_seconds: From the fault to the alert; None with `reason`.
        paged_seconds: From the fault to the notification that the webhook received; None with `reason`.
        receiver: The receiver in Alertmanager of that notification.
        resolved_seconds: From the end of the fault to the end of the alert; None with `reason`.
        episodes: How many times the alert fired while the fault was on.
        reason: Why a time is missing.
    """

    alert: str
    promised_seconds: int
    fired_seconds: float | None = None
    paged_seconds: float | None = None
    receiver: str | None = None
    resolved_seconds: float | None = None
    episodes: int = 0
    reason: str | None = None

    @property
    def is_kept(self) -> bool:
        """True if the alert fired within its promised time; the watch sees it up to a second later."""
        return self.fired_seconds is not None and self.fired_seconds <= self.promised_seconds + POLL_SECONDS


class Collateral(_Record):
    """An alert that was not promised, but is in the fault's list of those that may follow."""

    alert: str
    fired_seconds: float


class Result(_Record):
    """The measurements of one fault in one run.

    Attributes:
        fault: The name of the fault.
        together_with: The other faults that were on at the same time.
        on: When the fault was switched on.
        off: When it was switched off.
        alerts: The promised alerts.
        collateral: The other alerts that the fault explains.
        harm_seconds: From the fault to the first harm that a user saw; None with `harm` as the reason.
        harm: The kind of request and what was wrong with the answer, or why the time is missing.
    """

    fault: str
    together_with: list[str]
    on: float
    off: float
    alerts: list[AlertTimes]
    collateral: list[Collateral]
    harm_seconds: float | None
    harm: str

    @property
    def detect_seconds(self) -> float | None:
        """The time to detect: from the fault to the first promised alert."""
        return min((at.fired_seconds for at in self.alerts if at.fired_seconds is not None), default=None)

    @property
    def page_seconds(self) -> float | None:
        """The time to page: from the fault to the first notification of a promised alert."""
        return min((at.paged_seconds for at in self.alerts if at.paged_seconds is not None), default=None)

    @property
    def resolve_seconds(self) -> float | None:
        """The time to resolve: from the end of the fault to the end of the last promised alert that fired."""
        ends = [at.resolved_seconds for at in self.alerts if at.fired_seconds is not None]
        return None if None in ends else max((end for end in ends if end is not None), default=None)

    @property
    def lead_seconds(self) -> float | None:
        """The lead time: from the notification to the first harm; negative if users saw it first."""
        if self.harm_seconds is None or self.page_seconds is None:
            return None
        return self.harm_seconds - self.page_seconds

    @property
    def is_kept(self) -> bool:
        """True if every promised alert fired within its time."""
        return all(at.is_kept for at in self.alerts)


class FalseAlarm(_Record):
    """An alert that no fault explains.

    Attributes:
        alert: The name of the alert.
        labels: Its labels.
        fired: When it fired.
        faults_on: The faults that were on then.
    """

    alert: str
    labels: dict[str, str]
    fired: float
    faults_on: list[str]


class Run(_Record):
    """One run of a game day.

    Attributes:
        started: When it started.
        version: The version of signalscope.
        cores: The number of cores of the machine.
        faults: The names of the faults to run.
        results: The faults that were run.
        false_alarms: The alerts that no fault explains.
        state: `complete`, or why the run has ended before its last fault.
    """

    started: float
    version: str
    cores: int
    faults: list[str]
    results: list[Result] = Field(default_factory=list)
    false_alarms: list[FalseAlarm] = Field(default_factory=list)
    state: Literal["running", "complete", "interrupted", "out of time", "failed"] = "running"

    @property
    def left(self) -> list[str]:
        """The names of the faults that were not run yet."""
        done = {result.fault for result in self.results}
        return [fault for fault in self.faults if fault not in done]


class Report(_Record):
    """All runs of one report."""

    runs: list[Run] = Field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Report:
        """Read a report.

        Raises:
            UserError: The file cannot be read, or is not a report.
        """
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            reason: object = getattr(error, "strerror", None) or error
        except ValidationError as error:
            reason = f"it is not a report of a game day ({error.errors()[0]['msg']})"
        raise UserError(f"{path}: {reason}; give the JSON file of a game day [SS760]")

    def merge(self, other: Report) -> None:
        """Add the runs of another report that are not in this one, in the order of their start."""
        known = {run.started for run in self.runs}
        self.runs = sorted(
            (*self.runs, *(run for run in other.runs if run.started not in known)),
            key=lambda run: run.started,
        )
