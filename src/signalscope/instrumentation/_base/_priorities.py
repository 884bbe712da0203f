"""The priority of a queue item, as one of the contract's priorities."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

from signalscope.contract import PRIORITIES
from signalscope.contract._model import OTHER

#: The highest numbers of the priorities critical, high and medium; higher numbers are low. In a priority queue the
#: lowest number comes first.
LEVELS = (0.0, 1.0, 2.0)
_NONE = object()


def priority_of_item(item: Any, *, ordered: bool) -> Any:
    """Return the priority of an item: its attribute or key ``priority``.

    In a priority queue it may also be the first element of a tuple or list, or the item itself. The item itself must
    be a number, a text or an enumeration.

    Args:
        item: The item.
        ordered: True if the queue is a priority queue.

    Returns:
        A number, a text or an enumeration; None if the item has no priority.
    """
    carried = item.get("priority", _NONE) if isinstance(item, Mapping) else getattr(item, "priority", _NONE)
    if carried is not _NONE and not callable(carried):
        return carried
    if not ordered:
        return None
    if isinstance(item, tuple | list):
        return priority_of_item(item[0], ordered=True) if item else None
    return item if isinstance(item, int | float | str | Enum) else None


def priority_of_value(value: Any, levels: Sequence[float] = LEVELS) -> str:
    """Return the contract's priority for a value: critical, high, medium, low or other.

    A text or the name of an enumeration's member is compared with these names, in upper or lower case. A number is
    compared with the levels. Any other value is ``other``.
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
    return PRIORITIES[bisect_left(levels, number)]


def classifier(
    given: Callable[[Any], Any] | None, levels: Sequence[float], *, ordered: bool
) -> Callable[[Any], str]:
    """Return a function that returns the priority of an item and never raises an exception.

    Args:
        given: The user's function that returns the priority of an item; None to use `priority_of_item`.
        levels: See `LEVELS`.
        ordered: True if the queue is a priority queue; in other queues, an item without a priority is ``medium``.
    """
    default = OTHER if ordered else "medium"

    def classify(item: Any) -> str:
        try:
            value = priority_of_item(item, ordered=ordered) if given is None else given(item)
            return default if value is None else priority_of_value(value, levels)
        except Exception:  # the user's item, or the user's function
            return OTHER

    return classify
