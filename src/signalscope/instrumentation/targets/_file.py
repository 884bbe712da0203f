"""Reading a targets file: which functions are measured, as what, and with which attributes.

Everything that is wrong is told with its file, line and key, and the nearest thing that would be right. A broken
entry does not spoil the others.
"""

from __future__ import annotations

import builtins
import difflib
import inspect
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from signalscope import contract, decorators
from signalscope.contract._model import OTHER, Attribute
from signalscope.decorators import arg, result

__all__ = ["KINDS", "Problem", "Target", "nearest", "options_of", "read"]

#: Kinds, and the decorator that each is.
KINDS: Mapping[str, Callable[..., Any]] = {
    "greeks": decorators.instrument_greeks,
    "signal": decorators.instrument_signal,
    "cache": decorators.instrument_cache,
    "queue": decorators.instrument_queue,
    "dependency": decorators.instrument_dependency,
    "task": decorators.instrument_task,
    "query": decorators.instrument_query,
}
#: Options whose values are no attributes of an instrument, and what they may be.
_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "span": ("auto", "always", "never"),
    "step": ("process", "put"),
    "check": (True, False, "finite"),
}
_PATH = re.compile(r"[\w.*?\[\]!-]+:[\w.*?\[\]!-]+\Z")
_HEADER = re.compile(r"\s*\[\[\s*target\s*\]\]")


@dataclass(frozen=True)
class Problem:
    """Something wrong in a targets file.

    Attributes:
        file: The file.
        line: The line, from 1; 0 when it is about the file.
        key: The key; empty when it is about the entry or the file.
        message: What is wrong, and the way out.
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
        file: The file it is in.
        line: The line where it begins.
        lines: The line of each of its keys.
        module: The module's name, or a pattern.
        name: The function's or method's name in the module (``Class.method``), or a pattern.
        kind: What it is measured as.
        options: What the kind's decorator gets.
        given: The options as they are written.
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
        """Module and name, as they are written."""
        return f"{self.module}:{self.name}"

    def decorator(self) -> Callable[[Any], Any]:
        """What measures a function as this entry says.

        Raises:
            ContractError: For a function that does not have the parameters that the entry names.
        """
        decorate: Callable[[Any], Any] = KINDS[self.kind](**self.options)
        return decorate

    def problem(self, message: str, key: str = "") -> Problem:
        """Something that is wrong with the entry."""
        return Problem(self.file, self.lines.get(key, self.line), key, message)


def read(path: Path) -> tuple[list[Target], list[Problem]]:
    """The entries of a file, and what is wrong with the others. Never raises for anything in the file.

    Args:
        path: The file.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except OSError as error:
        return [], [Problem(str(path), 0, "", f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError:
        return [], [Problem(str(path), 0, "", "is not UTF-8")]
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        return [], [Problem(str(path), int(found[1]) if found else 0, "", f"is not TOML: {error}")]
    return _Reader(str(path), text.splitlines()).read(content)


def options_of(kind: str) -> list[str]:
    """The options of a kind: the keyword arguments of its decorator."""
    parameters = inspect.signature(KINDS[kind]).parameters.values()
    return [each.name for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY]


def nearest(word: str, known: Iterable[str], *, otherwise: bool = True) -> str:
    """The end of a message: the nearest thing there is, else everything, if it is little."""
    every = list(known)
    near = difflib.get_close_matches(word, every, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are: {', '.join(every)}" if every and otherwise and len(every) <= 20 else ""


class _WrongError(Exception):
    """Something wrong with a key of an entry."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class _Reader:
    """Reads the entries of one file."""

    def __init__(self, file: str, lines: list[str]) -> None:
        self._file = file
        self._lines = lines
        self._begins = [number for number, line in enumerate(lines, 1) if _HEADER.match(line)]

    def read(self, content: Mapping[str, Any]) -> tuple[list[Target], list[Problem]]:
        problems = [
            Problem(self._file, self._top_line_of(key), key, f"is not known{nearest(key, ['target'])}")
            for key in content
            if key != "target"
        ]
        entries = content.get("target", [])
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            return [], [
                Problem(self._file, self._top_line_of("target"), "target", "write entries as [[target]]")
            ]
        if not entries and not problems:
            problems.append(Problem(self._file, 0, "", "has no entry; write one as [[target]]"))
        targets = []
        for number, entry in enumerate(entries):
            try:
                targets.append(self._target(number, entry))
            except _WrongError as error:
                line = self._line_of(error.key, number) or self._begin(number)
                problems.append(Problem(self._file, line, error.key, str(error)))
        return targets, problems

    def _target(self, number: int, entry: Mapping[str, Any]) -> Target:
        path, kind = entry.get("path"), entry.get("kind")
        if not isinstance(path, str):
            raise _WrongError("path", 'is missing: write path = "module:function" or "module:Class.method"')
        if not _PATH.match(path):
            hint = (
                f"; did you mean {':'.join(path.rsplit('.', 1))!r}?"
                if ":" not in path and "." in path
                else ""
            )
            raise _WrongError("path", f"{path!r} is not module:function or module:Class.method{hint}")
        if path.startswith(("*", "?", "[")):
            raise _WrongError("path", f"{path!r} is about every module of the process; begin with a package")
        if path.startswith("__main__:"):
            message = (
                "names the program that is started, which nobody imports; put the function into a module"
            )
            raise _WrongError("path", f"{path!r} {message}")
        if not isinstance(kind, str) or kind not in KINDS:
            said = "is missing" if kind is None else f"{kind!r} is not known"
            raise _WrongError("kind", f"{said}{nearest(str(kind), KINDS)}")
        given = {key: value for key, value in entry.items() if key not in ("path", "kind")}
        known = options_of(kind)
        for key in given:
            if key not in known:
                raise _WrongError(key, f"is no option of {kind}{nearest(key, ['path', 'kind', *known])}")
        module, _, name = path.partition(":")
        target = Target(
            self._file,
            self._begin(number),
            {key: self._line_of(key, number) for key in entry},
            module,
            name,
            kind,
            {key: _option(kind, key, value) for key, value in given.items()},
            given,
        )
        try:
            target.decorator()
        except contract.ContractError as error:  # options that do not go together
            key, _, message = str(error).partition(" ")
            raise _WrongError(key, message) from None
        return target

    def _begin(self, number: int) -> int:
        return self._begins[number] if number < len(self._begins) else 0

    def _top_line_of(self, key: str) -> int:
        """The line of a key of the file itself."""
        wanted = re.compile(rf"\s*\[*\s*[\"']?{re.escape(key)}\b")
        return next((number for number, line in enumerate(self._lines, 1) if wanted.match(line)), 0)

    def _line_of(self, key: str, number: int) -> int:
        """The line of a key of an entry, as far as it can be told without a parser that keeps positions."""
        begin = self._begin(number)
        end = self._begins[number + 1] - 1 if number + 1 < len(self._begins) else len(self._lines)
        wanted = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[.=]")
        for line in range(begin, end):
            if wanted.match(self._lines[line]):
                return line + 1
        headers = re.compile(rf"\s*\[+\s*(target\.)?[\"']?{re.escape(key)}\b")
        return next((line + 1 for line in range(begin, end) if headers.match(self._lines[line])), 0)


def _option(kind: str, key: str, value: Any) -> Any:
    """An option as the decorator takes it."""
    if key == "miss_on":
        return tuple(_exceptions(value))
    if key == "hit":
        return _hit(value)
    if isinstance(value, dict):
        return _field(key, value)
    if key in _CHOICES:
        if value not in _CHOICES[key]:
            raise _WrongError(key, f"{value!r} is not allowed{nearest(str(value), map(str, _CHOICES[key]))}")
        return value
    _check_constant(kind, key, value)
    return value


def _field(key: str, value: Mapping[str, Any]) -> Any:
    """An argument, a path in it, or a field of the result."""
    if len(value) == 1:
        ((source, path),) = value.items()
        if isinstance(path, str):
            if source == "arg" and path:
                return arg(path)
            if source == "result":
                return result(path)
    raise _WrongError(
        key, 'write a constant, { arg = "order.priority" } for an argument, or { result = "source" } for a field '
        'of the result ({ result = "" } for the result itself)',
    )  # fmt: skip


def _hit(value: Any) -> Callable[[Any], bool]:
    if isinstance(value, dict) and value.keys() == {"result"} and isinstance(value["result"], str):
        follow = result(value["result"]).follow
        return lambda returned: bool(follow(returned))
    raise _WrongError("hit", 'write { result = "found" }: a field of the result that is true for a hit')


def _exceptions(value: Any) -> Iterator[type[Exception]]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names:
        raise _WrongError(
            "miss_on", 'write the name of an exception, or several: ["KeyError", "LookupError"]'
        )
    every = {n: e for n, e in vars(builtins).items() if isinstance(e, type) and issubclass(e, Exception)}
    for name in names:
        if name not in every:
            raise _WrongError("miss_on", f"{name!r} is no built-in exception{nearest(str(name), every)}")
        yield every[name]


def _check_constant(kind: str, key: str, value: Any) -> None:
    """A constant has to be one that the contract allows."""
    if key == "batch_size":
        if type(value) is not int or value < 0:
            raise _WrongError(key, f'{value!r} is no number of options; write one, or {{ arg = "strikes" }}')
        return
    attribute = _attributes(kind).get(key)
    if attribute is None:
        return
    if attribute.values == ("true", "false"):
        if not isinstance(value, bool):
            raise _WrongError(key, f"{value!r} is not true or false")
        return
    if not isinstance(value, str):
        raise _WrongError(key, f"{value!r} is not a string")
    allowed = (*(attribute.values or ()), OTHER)
    if attribute.values and value not in allowed:
        extend = f"; SIGNALSCOPE_ALLOW={attribute.name}={value} allows it"
        raise _WrongError(key, f"{value!r} is not allowed{nearest(value, allowed)}{extend}")


def _attributes(kind: str) -> dict[str, Attribute]:
    """The attributes of the instruments that a kind's decorator feeds."""
    found = {
        each.name: each
        for instrument in contract.instruments()
        if instrument.emitted_by == f"@{KINDS[kind].__name__}"
        for each in instrument.attributes
    }
    if "impact_level" in found:
        found["criticality"] = found["impact_level"]
    return found
