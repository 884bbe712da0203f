"""When the market trades: ``[calendar]`` of the configuration."""

from __future__ import annotations

import difflib
import zoneinfo
from datetime import date, time
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from signalscope.config._section import Section


def _local(at: time) -> time:
    if at.tzinfo is not None:
        raise ValueError("write a local time of the exchange, without a zone: such as 09:30:00")
    return at


Local = Annotated[time, AfterValidator(_local)]
#: A year that a time zone is known for. A hundred years are two hundred changes of the clock in a rule.
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
    """The trading calendar. Hours are local time of the exchange; changes of its clock are allowed for.

    Attributes:
        timezone: Its time zone, by its IANA name.
        opens: When a session begins.
        closes: When it ends; on the same day.
        days: The days of the week on which it trades.
        holidays: Days on which it does not.
        early_closes: Days on which it ends sooner, and when.
        valid_from: The first day that the calendar is about.
        valid_until: The last one. Outside of the two nothing that needs the calendar is computed.

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
                f"there is no time zone {name!r}" + (f"; did you mean {near[0]}?" if near else "")
            )
        return name

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError(f"closes ({self.closes}) must be after opens ({self.opens}), on the same day")
        for day, closes in self.early_closes.items():
            if not self.opens < closes < self.closes:
                raise ValueError(f"early_closes: {day} closes at {closes}, which is not within the session")
        if self.valid_until < self.valid_from:
            raise ValueError("valid_until is before valid_from")
        return self

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone."""
        return zoneinfo.ZoneInfo(self.timezone)
