"""The trading calendar: local time with its clock changes, trading days, sessions; the same for every job."""

from __future__ import annotations

from signalscope.derived._calendar import HORIZONS, NOW, OPEN, closes, session, utc_offset
from signalscope.derived._expressions import PromqlOnly
from signalscope.derived._promql import Promql, named
from signalscope.derived._rows import group, series

_AHEAD = {NOW: 0, **HORIZONS}
_DAY = 86_400


def _offset(ask: Promql) -> str:
    return " or ".join(
        named(utc_offset(ask.config.calendar, seconds), horizon=horizon)
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
    ends = closes(ask.config.calendar, local)
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
            expr=PromqlOnly(lambda ask: session(ask.config.calendar, ask.name("CALENDAR_LOCAL"))),
        ),
        "CALENDAR_CLOSE": series(
            "calendar:session_close:seconds", unit="s", labels="horizon",
            meaning="Seconds until the session ends; absent outside of it.", expr=PromqlOnly(_close),
        ),
    }),
)  # fmt: skip
