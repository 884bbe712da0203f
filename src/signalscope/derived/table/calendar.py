"""The trading calendar in PromQL: local time with its clock changes, trading days, sessions.

PromQL's own ``hour()`` and ``day_of_week()`` know UTC only. So the generator takes the moments at which the
exchange's clock changes from the time-zone database and writes them into one rule; everything else is arithmetic
on local time. Each series is there for now and for 24 and 48 hours ahead (label ``horizon``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from signalscope.config._calendar import WEEKDAYS, Calendar
from signalscope.derived._expressions import PromqlOnly
from signalscope.derived._promql import Promql, duration, named
from signalscope.derived._rows import group, series

#: How far ahead the calendar and the forecast look, in seconds, by the label ``horizon``.
HORIZONS = {"24h": 86_400, "48h": 172_800}
NOW = "now"
_AHEAD = {NOW: 0, **HORIZONS}
#: The session series in a session; it is 1 outside of it on a trading day, and 0 on any other day.
OPEN = 2
_DAY = 86_400
#: By how much days may be longer where the clock is put back, in seconds.
CLOCK_CHANGE = 3_600
_EPOCH = date(1970, 1, 1)


def session_now(ask: Promql) -> str:
    """Return an expression that has one series, without useful labels, while the market is open."""
    return f'{ask.name("CALENDAR_SESSION")}{{horizon="{NOW}"}} == {OPEN}'


def same_time(ask: Promql, expr: str, back: int, *, horizon: str = NOW, same_session: bool = True) -> str:
    """Return a series as it was at the same local time of an earlier day.

    Args:
        ask: Renders names; a zone whose clock never changes needs no more than one term.
        expr: A selector, without an offset.
        back: Days before the moment that is meant.
        horizon: The moment: ``now``, or how far ahead.
        same_session: Only when both moments are in the session, or both out of it, or on no trading day.
    """
    offset, session = ask.name("CALENDAR_OFFSET"), ask.name("CALENDAR_SESSION")
    lag = back * _DAY - _AHEAD[horizon]
    terms = []
    for shift in _shifts(ask.config.calendar):
        # The earlier clock is `shift` ahead of the later one: the same local time is that much earlier.
        if lag + shift < 0:
            continue
        at = f" offset {duration(lag + shift)}" if lag + shift else ""
        later = f'{offset}{{horizon="{horizon}"}}{_signed(shift)}'
        term = f'{expr}{at} and on () ({later} == on () {offset}{{horizon="{NOW}"}}{at})'
        if same_session:
            later = f'{session}{{horizon="{horizon}"}}'
            term += f' and on () ({later} == on () {session}{{horizon="{NOW}"}}{at})'
        terms.append(f"({term})")
    return " or ".join(terms)


def clock_changes(settings: Calendar) -> Iterator[tuple[int, int]]:
    """Yield when the zone's clock changes, and to which offset from UTC, in seconds; the start of validity first."""
    at, end = _midnight(settings.valid_from, settings), valid_until(settings)
    known = _offset_at(at, settings)
    yield at, known
    while at < end:
        following = min(at + _DAY, end)
        if (changed := _offset_at(following, settings)) != known:
            moments = range(at, following + 1)
            place = bisect_left(moments, True, key=lambda moment: _offset_at(moment, settings) == changed)
            yield moments[place], changed
            known = changed
        at = following


def valid_until(settings: Calendar) -> int:
    """Return the first moment after the validity of the calendar, in seconds since 1970."""
    return _midnight(settings.valid_until + timedelta(days=1), settings)


def _midnight(day: date, settings: Calendar) -> int:
    return int(datetime.combine(day, time(0), settings.zone).timestamp())


def _offset_at(moment: int, settings: Calendar) -> int:
    offset = datetime.fromtimestamp(moment, settings.zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _shifts(settings: Calendar) -> list[int]:
    """Return by how much an offset of whole days can be off, in seconds: 0, and the moves of the clock."""
    offsets = {offset for _, offset in clock_changes(settings)}
    return sorted({a - b for a in offsets for b in offsets}, key=lambda shift: (abs(shift), shift))


def _utc_offset(settings: Calendar, ahead: int) -> str:
    at = f"(time() + {ahead})" if ahead else "time()"
    (begin, first), *changes = clock_changes(settings)
    terms, known = [f"vector({first})"], first
    for when, offset in changes:
        by = offset - known
        terms.append(f"{'+' if by > 0 else '-'} {abs(by)} * ({at} >= bool {when})")
        known = offset
    valid = f"(vector({at}) >= {begin} < {valid_until(settings)})"
    return f"({' '.join(terms)}) and {valid}"


def _session(ask: Promql) -> str:
    settings, local = ask.config.calendar, ask.name("CALENDAR_LOCAL")
    opens = _seconds(settings.opens)
    days = " or ".join(f"day_of_week({local}) == {(WEEKDAYS.index(day) + 1) % 7}" for day in settings.days)
    holidays = " or ".join(
        f"floor({local} / {_DAY}) == {(day - _EPOCH).days}"
        for day in sorted(set(settings.holidays))
        if WEEKDAYS[day.weekday()] in settings.days
    )
    trading = f"({days})" + (f" unless ({holidays})" if holidays else "")
    opened = f"({local} % {_DAY} >= bool {opens}) * ({local} % {_DAY} < bool ({_closes(settings, local)}))"
    return f"(1 + {opened} and ({trading})) or 0 * {local}"


def _closes(settings: Calendar, local: str) -> str:
    """Return when the session ends, in seconds of the local day."""
    usual = _seconds(settings.closes)
    early = [
        f" - {usual - _seconds(closes)} * (floor({local} / {_DAY}) == bool {(day - _EPOCH).days})"
        for day, closes in sorted(settings.early_closes.items())
    ]
    return f"{usual}{''.join(early)}" if early else f"{usual} + 0 * {local}"


def _signed(number: int) -> str:
    return f" {'+' if number > 0 else '-'} {abs(number)}" if number else ""


def _seconds(at: time) -> int:
    return at.hour * 3_600 + at.minute * 60 + at.second


def _offset(ask: Promql) -> str:
    return " or ".join(
        named(_utc_offset(ask.config.calendar, seconds), horizon=horizon)
        for horizon, seconds in _AHEAD.items()
    )


def _local(ask: Promql) -> str:
    offset = ask.name("CALENDAR_OFFSET")
    return " or ".join(
        f'({offset}{{horizon="{horizon}"}} + time(){f" + {seconds}" if seconds else ""})'
        for horizon, seconds in _AHEAD.items()
    )


def _close(ask: Promql) -> str:
    local = f'{ask.name("CALENDAR_LOCAL")}{{horizon="{NOW}"}}'
    ends = _closes(ask.config.calendar, local)
    return f"({ends} - {local} % {_DAY}) and {ask.name('CALENDAR_SESSION')} == {OPEN}"


GROUPS = (
    group("calendar", "insight", {
        "CALENDAR_OFFSET": series(
            "calendar:utc_offset:seconds", unit="s", labels="horizon",
            meaning="The exchange's clock, ahead of UTC; `horizon` is now, 24h or 48h: how far ahead. Absent outside "
            "of the calendar's validity.",
            expr=PromqlOnly(_offset),
        ),
        "CALENDAR_LOCAL": series(
            "calendar:local_time:seconds", unit="s", labels="horizon",
            meaning="The exchange's local time, as seconds since 1970-01-01 00:00 local time.",
            expr=PromqlOnly(_local),
        ),
        "CALENDAR_SESSION": series(
            "calendar:session:state", unit="", labels="horizon",
            meaning="2 in the trading session, 1 outside of it on a trading day, 0 on any other day.",
            expr=PromqlOnly(_session),
        ),
        "CALENDAR_CLOSE": series(
            "calendar:session_close:seconds", unit="s", labels="horizon",
            meaning="Seconds until the session ends; absent outside of it.", expr=PromqlOnly(_close),
        ),
    }),
)  # fmt: skip
