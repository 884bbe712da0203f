"""What a health check found, and what of it can be shown: answers are JSON, whatever a check puts into them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

__all__ = ["Result", "Status", "shown"]

#: How a component is. ``unknown`` says nothing about it, and counts for nothing.
Status = Literal["healthy", "degraded", "unhealthy", "unknown"]
_STATUSES: tuple[Status, ...] = ("healthy", "degraded", "unhealthy", "unknown")
_MOST_DATA = 50
_LONGEST_TEXT = 1_000


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found.

    Attributes:
        status: healthy, degraded, unhealthy or unknown.
        detail: Why, in a sentence; whoever may read /health/detailed sees it. It is cut after 1,000 characters.
        data: Numbers and texts that belong to it, up to 50. A number that is not finite is shown as null, anything
            but numbers and texts as text, of an exception the class alone.
    """

    status: Status
    detail: str = ""
    data: Mapping[str, float | str | None] = field(default_factory=dict)


def shown(result: Result) -> Result:
    """The result as answers can have it; what a check's author got wrong costs no more than that part."""
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
        number = float(value)  # type: ignore[arg-type]  # what is no number is refused by it
    except (TypeError, ValueError, OverflowError):
        return _text(value)
    return number if math.isfinite(number) else None


def _text(value: object) -> str:
    """A text that can be encoded."""
    if isinstance(value, BaseException):  # what it says may be secret
        return type(value).__name__
    try:
        text = str(value)[:_LONGEST_TEXT]
    except Exception:  # the author's own
        return type(value).__name__
    return text.encode("utf-8", "replace").decode("utf-8")
