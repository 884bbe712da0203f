"""The trading calendar in PromQL, evaluated by promtool and compared with Python's time zones."""

from __future__ import annotations

import random
import subprocess
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
import yaml

from signalscope import binaries, derived
from signalscope.config import Config
from signalscope.config._calendar import WEEKDAYS, Calendar
from signalscope.derived import groups
from signalscope.derived.table.calendar import clock_changes

SESSION, CLOSE = derived.get("CALENDAR_SESSION").name, derived.get("CALENDAR_CLOSE").name


def _state(at: datetime, settings: Calendar) -> tuple[int, int | None] | None:
    """Return the expected state of the session, and the seconds until its close."""
    local = at.astimezone(settings.zone)
    if not settings.valid_from <= local.date() <= settings.valid_until:
        return None
    if WEEKDAYS[local.weekday()] not in settings.days or local.date() in settings.holidays:
        return 0, None
    closes = settings.early_closes.get(local.date(), settings.closes)
    if not settings.opens <= local.time() < closes:
        return 1, None
    return 2, int((datetime.combine(local.date(), closes, settings.zone) - local).total_seconds())


def _check(tmp_path: Path, settings: Calendar, moments: list[datetime]) -> None:
    """Assert that Prometheus returns the expected state at each moment, now and for the horizons."""
    rules = [
        {"record": rule.record, "expr": rule.expr}
        for group in groups(Config(calendar=settings), "insight")
        for rule in group.rules
        if group.name == "calendar"
    ]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "c", "rules": rules}]}))
    tests = []
    for at in moments:
        expected = []
        for horizon, hours in (("now", 0), ("24h", 24), ("48h", 48)):
            state = _state(at + timedelta(hours=hours), settings)
            if state is not None:
                expected.append({"labels": f'{SESSION}{{horizon="{horizon}"}}', "value": state[0]})
        now = _state(at, settings)
        closes = (
            []
            if now is None or now[1] is None
            else [{"labels": f'{CLOSE}{{horizon="now"}}', "value": now[1]}]
        )
        tests.append(
            {
                "start_timestamp": at.isoformat(),
                "promql_expr_test": [
                    {"expr": SESSION, "eval_time": "0s", "exp_samples": expected},
                    {"expr": CLOSE, "eval_time": "0s", "exp_samples": closes},
                ],
            }
        )
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": tests}))
    done = subprocess.run(
        [binaries.find("promtool"), "test", "rules", tmp_path / "tests.yaml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def _edges(day: date, settings: Calendar, *times: time) -> list[datetime]:
    return [
        datetime.combine(day, moment, settings.zone).astimezone(UTC) + timedelta(seconds=seconds)
        for moment in times
        for seconds in (-1, 0, 1)
    ]


@pytest.mark.needs("promtool")
def test_session_edges_weekends_and_holidays(tmp_path: Path) -> None:
    """States are exact to the second in winter and summer, after clock changes, on holidays and at early closes."""
    settings = Calendar()
    usual = (time(0, 0), settings.opens, settings.closes, time(23, 59, 59))
    days = [
        date(2026, 1, 14),  # winter
        date(2026, 7, 15),  # summer
        date(2026, 3, 6), date(2026, 3, 9),  # the Friday before and the Monday after clocks went forward
        date(2026, 10, 30), date(2026, 11, 2),  # and back
        date(2026, 11, 21),  # a Saturday
        date(2026, 11, 26), date(2026, 12, 25),  # holidays
    ]  # fmt: skip
    moments = [at for day in days for at in _edges(day, settings, *usual)]
    moments += _edges(date(2026, 11, 27), settings, settings.opens, time(13, 0), settings.closes)
    _check(tmp_path, settings, moments)


@pytest.mark.needs("promtool")
def test_any_moment(tmp_path: Path) -> None:
    """States are correct at 300 random moments, and around each clock change."""
    settings = Calendar()
    chosen = random.Random(7)
    begin = datetime(2025, 12, 28, tzinfo=UTC)
    moments = [begin + timedelta(seconds=chosen.randrange(3 * 366 * 86_400)) for _ in range(300)]
    for when, _ in clock_changes(settings):
        moments += [datetime.fromtimestamp(when + seconds, UTC) for seconds in (-1, 0, 1)]
    _check(tmp_path, settings, moments)


@pytest.mark.needs("promtool")
@pytest.mark.parametrize(
    "settings",
    [
        Calendar(
            timezone="Asia/Kolkata", opens=time(9, 15), closes=time(15, 30), holidays=(), early_closes={}
        ),
        Calendar(timezone="Europe/London", opens=time(8), closes=time(16, 30), holidays=(date(2026, 8, 31),)),
        Calendar(timezone="Asia/Riyadh", days=("sunday", "monday", "tuesday", "wednesday", "thursday")),
    ],
    ids=lambda calendar: calendar.timezone,
)
def test_other_exchanges(tmp_path: Path, settings: Calendar) -> None:
    """Calendars with other time zones, clock changes and trading days are correct."""
    chosen = random.Random(11)
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    _check(tmp_path, settings, [begin + timedelta(seconds=chosen.randrange(366 * 86_400)) for _ in range(60)])


@pytest.mark.needs("promtool")
def test_nothing_is_said_outside_of_the_calendar_s_validity(tmp_path: Path) -> None:
    """The series are absent before and after the valid period: later holidays are unknown."""
    settings = Calendar()
    moments = _edges(settings.valid_from, settings, time(0)) + _edges(date(2029, 1, 1), settings, time(0))
    assert _state(moments[0], settings) is None
    assert _state(moments[-1], settings) is None
    _check(tmp_path, settings, moments)
