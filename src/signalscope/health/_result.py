"""The result of a health check, and the part of it that an answer in JSON can have."""

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
        detail: Why, in a sentence that readers of /health/detailed see. It is cut after 1,000 characters.
        data: Up to 50 numbers and texts. A number that is not finite becomes null. Another object becomes text; an
            exception only the name of its class.

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
    """The result of one run.

    Attributes:
        result: The result.
        at: When the run ended, on the monotonic clock.
        seconds: How long the run took.

    Examples:
        >>> from signalscope.health import Result, Verdict
        >>> Verdict(Result("healthy"), at=120.0, seconds=0.02).result.status
        'healthy'
    """

    result: Result
    at: float
    seconds: float


def shown(result: Result) -> Result:
    """Return the result as an answer can have it; an invalid part is replaced, the rest is kept."""
    if result.status not in _STATUSES:
        return Result("unhealthy", "the check gave no known status")
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
        number = float(value)  # type: ignore[arg-type]  # it raises for what is not a number
    except (TypeError, ValueError, OverflowError):
        return _text(value)
    return number if math.isfinite(number) else None


def _text(value: object) -> str:
    """Return a text that can be encoded."""
    if isinstance(value, BaseException):  # its message may be secret
        return type(value).__name__
    try:
        text = str(value)[:_LONGEST_TEXT]
    except Exception:  # raised by the object's own __str__
        return type(value).__name__
    return text.encode("utf-8", "replace").decode("utf-8")
