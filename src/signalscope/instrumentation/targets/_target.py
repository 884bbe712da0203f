"""An entry of a targets file, and an error in an entry."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from signalscope import contract, decorators
from signalscope.contract._model import Instrument

#: The decorator of each kind.
KINDS: Mapping[str, Callable[..., Any]] = {
    "greeks": decorators.instrument_greeks,
    "signal": decorators.instrument_signal,
    "cache": decorators.instrument_cache,
    "queue": decorators.instrument_queue,
    "dependency": decorators.instrument_dependency,
    "task": decorators.instrument_task,
    "query": decorators.instrument_query,
}
#: The reason why a `functools.singledispatchmethod` or `partialmethod` is not measured.
NO_FUNCTION = "which is not a function; name the method that calls it [SS424]"


@dataclass(frozen=True)
class Problem:
    """An error in a targets file.

    Attributes:
        file: The file.
        line: The line, from 1; 0 for an error of the whole file.
        key: The key; empty for an error of the entry or the file.
        message: The error, its way out, and its code in brackets.
    """

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.key + ': ' if self.key else ''}{self.message}"


@dataclass(frozen=True)
class Target:
    """One entry.

    Attributes:
        file: The file of the entry.
        line: The first line of the entry.
        lines: The line of each key.
        module: The module's name, or a pattern.
        name: The function's or method's name in the module (``Class.method``), or a pattern.
        kind: The kind of the function: greeks, signal, cache, ...
        options: The arguments of the kind's decorator.
        given: The options as in the file.
    """

    file: str
    line: int
    lines: Mapping[str, int]
    module: str
    name: str
    kind: str
    options: Mapping[str, Any]
    given: Mapping[str, Any]

    @property
    def path(self) -> str:
        """Module and name, as in the file."""
        return f"{self.module}:{self.name}"

    def decorator(self) -> Callable[[Any], Any]:
        """Return the decorator with the options of this entry.

        Raises:
            ContractError: The options do not fit together. The decorator raises it for a function without a parameter
                that the entry names.
        """
        decorate: Callable[[Any], Any] = KINDS[self.kind](**self.options)
        return decorate

    def problem(self, message: str, key: str = "") -> Problem:
        """Return an error in the entry."""
        return Problem(self.file, self.lines.get(key, self.line), key, message)


def emitted_by(kind: str) -> Iterator[Instrument]:
    """Yield the instruments that the decorator of a kind records to."""
    decorator = f"@{KINDS[kind].__name__}"
    return (instrument for instrument in contract.instruments() if instrument.emitted_by == decorator)


def options_of(kind: str) -> list[str]:
    """Return the options of a kind: the keyword arguments of its decorator."""
    parameters = inspect.signature(KINDS[kind]).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]


def nearest(word: str, known: Iterable[str], *, or_all: bool = True) -> str:
    """Return the end of an error message: the nearest valid name, or all of them if they are few.

    Args:
        word: The wrong name.
        known: The valid names.
        or_all: True to list all names if none is near.
    """
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are: {', '.join(names)}" if names and or_all and len(names) <= 20 else ""
