"""Which of the contract's priorities an item of a queue has."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

from signalscope.contract import PRIORITIES
from signalscope.contract._model import OTHER

__all__ = ["LEVELS", "classifier", "priority_of_item", "priority_of_value"]

#: The highest number that is still critical, high and medium; what is above is low. In a priority queue the lowest
#: number comes first.
LEVELS = (0.0, 1.0, 2.0)
_NONE = object()


def priority_of_item(item: Any, *, ordered: bool) -> Any:
    """What an item says about its priority.

    Args:
        item: An attribute or key ``priority`` of it; in a priority queue else the first element of a tuple or list,
            or a number, text or enumeration that is the item itself.
        ordered: Whether the queue is a priority queue.

    Returns:
        A number, a text or an enumeration; None when it says nothing.
    """
    found = item.get("priority", _NONE) if isinstance(item, Mapping) else getattr(item, "priority", _NONE)
    if found is not _NONE and not callable(found):
        return found
    if not ordered:
        return None
    if isinstance(item, tuple | list):
        return priority_of_item(item[0], ordered=True) if item else None
    return item if isinstance(item, int | float | str | Enum) else None


def priority_of_value(value: Any, levels: Sequence[float] = LEVELS) -> str:
    """The contract's priority for what an item says.

    A text, or the name of an enumeration's member, is taken by its name (critical, high, medium, low, in any case);
    a number by the levels. Anything else is ``other``.
    """
    if isinstance(value, Enum):
        named = value.name.lower()
        return named if named in PRIORITIES else priority_of_value(value.value, levels)
    if isinstance(value, str):
        named = value.strip().lower()
        return named if named in PRIORITIES else OTHER
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return OTHER
    if math.isnan(number):
        return OTHER
    return next(
        (each for each, most in zip(PRIORITIES, levels, strict=False) if number <= most), PRIORITIES[-1]
    )


def classifier(
    given: Callable[[Any], Any] | None, levels: Sequence[float], *, ordered: bool
) -> Callable[[Any], str]:
    """A function from an item to its priority; it never raises.

    Args:
        given: What the user gave to read an item's priority.
        levels: See `LEVELS`.
        ordered: Whether the queue is a priority queue; items of others that say nothing are ``medium``.
    """
    silent = OTHER if ordered else "medium"

    def classify(item: Any) -> str:
        try:
            value = priority_of_item(item, ordered=ordered) if given is None else given(item)
            return silent if value is None else priority_of_value(value, levels)
        except Exception:  # the user's item, or the user's function
            return OTHER

    return classify
