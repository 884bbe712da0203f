"""The result of a health check, and its conversion into values that JSON can have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

Status = Literal["healthy", "degraded", "unhealthy", "unknown"]
"""The status of a component. ``unknown`` does not count."""
_STATUSES: tuple[Status, ...] = ("healthy", "degraded", "unhealthy", "unknown")
_MOST_DATA = 50
_LONGEST_TEXT = 1_000


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a health check.

    Attributes:
        status: healthy, degraded, unhealthy or unknown.
        detail: The reason for the status, for readers of /health/detailed. It is cut after 1,000 characters.
        data: Up to 50 numbers and strings by name. NaN and infinity become null. Another object becomes a string; an
            exception becomes the name of its class.

    Examples:
        >>> from signalscope.health import Result
        >>> Result("degraded", "two of three replicas answer", {"replicas": 2}).data["replicas"]
        2
    """

    status: Status
    detail: str = ""
    data: Mapping[str, float | str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one run of a check, with its time.

    Attributes:
        result: The result.
        at: The end of the run, in seconds on the monotonic clock.
        seconds: The duration of the run in seconds.

    Examples:
        >>> from signalscope.health import Result, Verdict
        >>> Verdict(Result("healthy"), at=120.0, seconds=0.02).result.status
        'healthy'
    """

    result: Result
    at: float
    seconds: float


def shown(result: Result) -> Result:
    """Return a result whose values can be written as JSON; only invalid values are replaced."""
    if result.status not in _STATUSES:
        return Result("unhealthy", "the check returned an unknown status")
    detail = "" if result.detail is None else _text(result.detail)
    if not isinstance(result.data, Mapping):
        return Result(result.status, detail)
    data = {_text(name): _datum(value) for name, value in islice(result.data.items(), _MOST_DATA)}
    return Result(result.status, detail, data)


def _datum(value: object) -> float | str | None:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return _text(value)
    try:
        number = float(value)  # type: ignore[arg-type]  # raises for an object that is not a number
    except (TypeError, ValueError, OverflowError):
        return _text(value)
    return number if math.isfinite(number) else None


def _text(value: object) -> str:
    """Return the object as a string that can be encoded as UTF-8."""
    if isinstance(value, BaseException):  # the message may be secret
        return type(value).__name__
    try:
        text = str(value)[:_LONGEST_TEXT]
    except Exception:  # raised by the object's own __str__
        return type(value).__name__
    return text.encode("utf-8", "replace").decode("utf-8")
