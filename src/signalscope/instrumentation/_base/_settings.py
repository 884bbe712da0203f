"""Settings of the shape ``pattern=value;pattern=value``, from environment variables.

A configuration error is logged with the variable, the wrong part and an example. Only that part is ignored.
"""

from __future__ import annotations

import fnmatch
import functools
import logging
import os
from collections.abc import Iterable

__all__ = ["Patterns", "Setting", "pairs"]

_logger = logging.getLogger("signalscope")


def pairs(variable: str, example: str) -> list[tuple[str, str]]:
    """Return the pairs of an environment variable, in the order in which they are written.

    Args:
        variable: Its name.
        example: A valid value, for the error message.
    """
    found = []
    for part in filter(None, (each.strip() for each in os.environ.get(variable, "").split(";"))):
        left, separator, right = (each.strip() for each in part.rpartition("="))
        if not (separator and left and right):
            _logger.error("%s: %r is ignored: write for example %s", variable, part, example)
            continue
        found.append((left, right))
    return found


class Patterns:
    """Values by pattern (`*`, `?`, `[...]`). The first that matches wins; brackets may also be part of a name.

    Args:
        variable: The environment variable; it is read once.
        example: A valid value, for the error message.
    """

    def __init__(self, variable: str, example: str) -> None:
        self.pairs = pairs(variable, example)

    def __bool__(self) -> bool:
        return bool(self.pairs)

    def find(self, candidates: Iterable[str]) -> str | None:
        """Return the value of the first pattern that matches one of the candidates; None if none does."""
        names = [name for name in candidates if name]
        for pattern, value in self.pairs:
            literal = pattern.replace("[", "[[]")  # `*:TABLE[key]`
            if any(fnmatch.fnmatchcase(name, each) for name in names for each in (pattern, literal)):
                return value
        return None


class Setting:
    """Patterns that are read from an environment variable at their first use.

    Args:
        variable: The environment variable.
        example: A valid value, for the error message.
    """

    def __init__(self, variable: str, example: str) -> None:
        self._variable, self._example = variable, example

    @functools.cached_property
    def patterns(self) -> Patterns:
        """The patterns."""
        return Patterns(self._variable, self._example)
