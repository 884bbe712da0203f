"""Settings of the form ``pattern=value;pattern=value``, from environment variables.

A configuration error is logged with the variable, the wrong part and an example. Only that part is ignored.
"""

from __future__ import annotations

import fnmatch
import functools
import logging
import os
from collections.abc import Iterable

_logger = logging.getLogger("signalscope")


def pairs(variable: str, example: str) -> list[tuple[str, str]]:
    """Return the pairs of an environment variable, in the order in which they are written.

    Args:
        variable: The name of the variable.
        example: A valid value, for the error message.
    """
    valid = []
    for part in filter(None, map(str.strip, os.environ.get(variable, "").split(";"))):
        left, separator, right = map(str.strip, part.rpartition("="))
        if separator and left and right:
            valid.append((left, right))
        else:
            _logger.error("%s: %r is ignored; write for example %s [SS401]", variable, part, example)
    return valid


class Patterns:
    """Values by pattern (`*`, `?`, `[...]`). The first match counts; brackets may also be a part of a name.

    Args:
        variable: The environment variable; it is read once, at the first use.
        example: A valid value, for the error message.
    """

    def __init__(self, variable: str, example: str) -> None:
        self._variable, self._example = variable, example

    @functools.cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """The patterns, each with its value."""
        return pairs(self._variable, self._example)

    def find(self, candidates: Iterable[str]) -> str | None:
        """Return the value of the first pattern that matches one of the candidates; None without a match."""
        names = [name for name in candidates if name]
        for pattern, value in self.pairs:
            literal = pattern.replace("[", "[[]")  # `*:TABLE[key]`
            if any(fnmatch.fnmatchcase(name, form) for name in names for form in (pattern, literal)):
                return value
        return None
