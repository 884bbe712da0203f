"""Settings of the shape ``pattern=value;pattern=value``, from environment variables.

A mistake is logged with the variable, the part that is wrong and what to write instead, and costs only that part.
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
    """The pairs of an environment variable, in the order in which they are written.

    Args:
        variable: Its name.
        example: What a right value looks like, for the message about a wrong one.
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
    """Names by pattern (`*`, `?`, `[...]`), the first that fits wins; brackets may also be part of a name.

    Args:
        variable: The environment variable they are read from, once.
        example: What a right value looks like.
    """

    def __init__(self, variable: str, example: str) -> None:
        self.pairs = pairs(variable, example)

    def __bool__(self) -> bool:
        return bool(self.pairs)

    def find(self, candidates: Iterable[str]) -> str | None:
        """What the first pattern that fits one of the candidates stands for."""
        known = [each for each in candidates if each]
        for pattern, value in self.pairs:
            literal = pattern.replace("[", "[[]")  # `*:TABLE[key]`
            if any(fnmatch.fnmatchcase(each, way) for each in known for way in (pattern, literal)):
                return value
        return None


class Setting:
    """Patterns that are read from an environment variable at their first use.

    Args:
        variable: The environment variable.
        example: What a right value looks like.
    """

    def __init__(self, variable: str, example: str) -> None:
        self._variable, self._example = variable, example

    @functools.cached_property
    def patterns(self) -> Patterns:
        """The patterns."""
        return Patterns(self._variable, self._example)
