"""The trading calendar in PromQL: local time with clock changes, trading days, sessions.

The functions ``hour()`` and ``day_of_week()`` of PromQL support UTC only. Therefore the generator reads the clock
changes of the exchange from the time-zone database and writes them into one rule. The other rules calculate with
local time. Each series exists for now and for 24 and 48 hours ahead (label ``horizon``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from signalscope.config._calendar import WEEKDAYS, Calendar
from signalscope.derived._expressions import PromqlOnly
from signalscope.derived._promql import Promql, duration, named
from signalscope.derived._rows import group, series

#: Seconds from now to the moments of the calendar and the forecast, by the label ``horizon``.
HORIZONS = {"24h": 86_400, "48h": 172_800}
NOW = "now"
_AHEAD = {NOW: 0, **HORIZONS}
#: The value of the session series in a session. It is 1 on a trading day outside of the session, else 0.
OPEN = 2
_DAY = 86_400
#: Seconds by which a day is longer when the clock is put back.
CLOCK_CHANGE = 3_600
_EPOCH = date(1970, 1, 1)


def session_now(ask: Promql) -> str:
    """Return an expression that has exactly one series while the market is open, for use with `and on ()`."""
    return f'{ask.name("CALENDAR_SESSION")}{{horizon="{NOW}"}} == {OPEN}'


def same_time(ask: Promql, expr: str, back: int, *, horizon: str = NOW, same_session: bool = True) -> str:
    """Return a series as it was at the same local time of an earlier day.

    Args:
        ask: The renderer of names, with the configuration.
        expr: A selector without an offset.
        back: Days from the earlier day to the moment.
        horizon: The moment: ``now``, ``24h`` or ``48h`` ahead.
        same_session: Only if the session series has the same value at both moments.
    """
    offset, session = ask.name("CALENDAR_OFFSET"), ask.name("CALENDAR_SESSION")
    lag = back * _DAY - _AHEAD[horizon]
    terms = []
    for shift in _shifts(ask.config.calendar):
        # If the earlier clock is `shift` seconds ahead, the same local time is `shift` seconds earlier.
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
    """Yield each clock change as Unix time and offset from UTC in seconds; the first is the start of validity."""
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
    """Return the first moment after the validity of the calendar, as Unix time."""
    return _midnight(settings.valid_until + timedelta(days=1), settings)


def _midnight(day: date, settings: Calendar) -> int:
    return int(datetime.combine(day, time(0), settings.zone).timestamp())


def _offset_at(moment: int, settings: Calendar) -> int:
    offset = datetime.fromtimestamp(moment, settings.zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _shifts(settings: Calendar) -> list[int]:
    """Return the possible differences of the UTC offset between two days, in seconds, smallest first."""
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
    """Return an expression for the end of the session, in seconds of the local day."""
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
            meaning="UTC offset of the exchange at the `horizon` now, 24h or 48h ahead; absent outside of the "
            "validity of the calendar.",
            expr=PromqlOnly(_offset),
        ),
        "CALENDAR_LOCAL": series(
            "calendar:local_time:seconds", unit="s", labels="horizon",
            meaning="Local time of the exchange, as seconds since 1970-01-01 00:00 local time.",
            expr=PromqlOnly(_local),
        ),
        "CALENDAR_SESSION": series(
            "calendar:session:state", unit="", labels="horizon",
            meaning="2 in the trading session, 1 on a trading day outside of the session, 0 on other days.",
            expr=PromqlOnly(_session),
        ),
        "CALENDAR_CLOSE": series(
            "calendar:session_close:seconds", unit="s", labels="horizon",
            meaning="Seconds until the session ends; absent outside of a session.", expr=PromqlOnly(_close),
        ),
    }),
)  # fmt: skip
