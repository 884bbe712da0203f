"""Trading days and hours: ``[calendar]`` of the configuration."""

from __future__ import annotations

import difflib
import zoneinfo
from datetime import date, time
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from signalscope.config._section import Section


def _local(at: time) -> time:
    if at.tzinfo is not None:
        raise ValueError("write the local time of the exchange without a zone, such as 09:30:00 [SS108]")
    return at


Local = Annotated[time, AfterValidator(_local)]
#: A day for which the time-zone database is reliable. The limit keeps the rule short: a year has two clock changes.
Day = Annotated[date, Field(ge=date(1990, 1, 1), le=date(2100, 12, 31))]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)

#: As published by the New York Stock Exchange ("Holidays & Trading Hours", nyse.com) for 2026 to 2028.
_HOLIDAYS = (
    "2026-01-01", "2026-01-19", "2026-02-16", "2026-04-03", "2026-05-25", "2026-06-19", "2026-07-03",
    "2026-09-07", "2026-11-26", "2026-12-25",
    "2027-01-01", "2027-01-18", "2027-02-15", "2027-03-26", "2027-05-31", "2027-06-18", "2027-07-05",
    "2027-09-06", "2027-11-25", "2027-12-24",
    "2028-01-17", "2028-02-21", "2028-04-14", "2028-05-29", "2028-06-19", "2028-07-04", "2028-09-04",
    "2028-11-23", "2028-12-25",
)  # fmt: skip
_EARLY_CLOSES = ("2026-11-27", "2026-12-24", "2027-11-26", "2028-07-03", "2028-11-24")


class Calendar(Section):
    """The trading calendar. All hours are local time of the exchange; daylight saving time is taken into account.

    Attributes:
        timezone: IANA name of the time zone of the exchange.
        opens: Local time at which a session begins.
        closes: Local time at which a session ends, later on the same day.
        days: The days of the week on which the exchange trades.
        holidays: Dates on which the exchange does not trade.
        early_closes: The earlier end of the session, by date.
        valid_from: The first day for which the calendar is valid.
        valid_until: The last day for which the calendar is valid. Outside of this period, series that need the
            calendar have no values.

    Examples:
        >>> from signalscope.config import Calendar
        >>> Calendar().timezone
        'America/New_York'
    """

    timezone: str = "America/New_York"
    opens: Local = time(9, 30)
    closes: Local = time(16, 0)
    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = WEEKDAYS[:5]
    holidays: tuple[date, ...] = tuple(date.fromisoformat(day) for day in _HOLIDAYS)
    early_closes: dict[date, Local] = {date.fromisoformat(day): time(13, 0) for day in _EARLY_CLOSES}  # noqa: RUF012  # pydantic copies it
    valid_from: Day = date(2026, 1, 1)
    valid_until: Day = date(2028, 12, 31)

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        known = zoneinfo.available_timezones()
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise ValueError(
                f"unknown time zone {name!r}{f'; did you mean {near[0]}?' if near else ''} [SS108]"
            )
        return name

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError(f"closes ({self.closes}) must be later than opens ({self.opens}) [SS108]")
        for day, closes in self.early_closes.items():
            if not self.opens < closes < self.closes:
                raise ValueError(f"early_closes: {day}: {closes} is not within the session [SS108]")
        if self.valid_until < self.valid_from:
            raise ValueError("valid_until must not be before valid_from [SS108]")
        return self

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone of the exchange."""
        return zoneinfo.ZoneInfo(self.timezone)
