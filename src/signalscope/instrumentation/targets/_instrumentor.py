"""The instrumentor for functions that a targets file names: `SIGNALSCOPE_TARGETS=targets.toml`."""

from __future__ import annotations

import atexit
import fnmatch
import functools
import importlib.util
import inspect
import logging
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from signalscope import contract
from signalscope.decorators._wrap import function_of
from signalscope.instrumentation._base._import_hooks import (
    Hook,
    is_pattern,
    when_imported,
    when_imported_like,
)
from signalscope.instrumentation._base._instrumentor import Library, LibraryInstrumentor
from signalscope.instrumentation.targets._file import read
from signalscope.instrumentation.targets._target import KINDS, NO_FUNCTION, Problem, Target, nearest

_logger = logging.getLogger("signalscope")
#: The environment variable with the path of the file, or several paths separated by colons.
VARIABLE = "SIGNALSCOPE_TARGETS"
#: Seconds after which a module must be on the path.
_PATIENCE_SECONDS = 10.0


class TargetsInstrumentor(LibraryInstrumentor):
    """Instrumentor for the functions that targets files name; ``instrument(targets=...)`` overrides the variable.

    Attributes:
        problems: The errors found so far in the files and their entries.

    Example:
        ```python
        TargetsInstrumentor().instrument(targets="targets.toml")
        ```
    """

    library = Library(
        name="signalscope_targets",
        title="Functions of your own",
        kind="any",
        supports=(),
        measures=tuple(
            instrument.name
            for instrument in contract.instruments()
            if instrument.emitted_by in {f"@{decorator.__name__}" for decorator in KINDS.values()}
        ),
        spans="As the entry's option `span` says; the default is that of the decorator.",
        unit="A call of a function that a [targets file](targets.md) names. A greeks target inside another measured "
        "calculation is a part of that calculation. An entry for a library's function replaces the measurement by "
        "the library's instrumentor.",
        not_measured=(
            "Calls by references to the function that exist before the import of its module ends.",
        ),
    )
    problems: list[Problem]

    def hooks(self) -> Mapping[str, Hook]:
        """Return no hooks: `begin` registers them, since modules may be patterns."""
        return {}

    def begin(self) -> None:
        """Read the files, and register hooks for their modules."""
        self.problems = []
        options = self.options
        named = []
        for path in _paths(options.get("targets")):
            targets, problems = read(path)
            for problem in problems:
                self._report(problem)
            for target in targets:
                hook = self._while_instrumented(functools.partial(self._apply, target), options)
                if is_pattern(target.module):
                    when_imported_like(target.module, hook)
                else:
                    when_imported(target.module, hook)
                    named.append(target)
        if named:
            self._watch(named)

    def _watch(self, targets: Sequence[Target]) -> None:
        """Report modules that do not exist, some seconds after the start or at exit: now `sys.path` is incomplete."""
        options = self.options
        lock = threading.Lock()

        def check() -> None:
            if not lock.acquire(blocking=False) or self.options is not options:
                return
            for module, target in {target.module: target for target in reversed(targets)}.items():
                if module not in sys.modules and not exists(module):
                    self._report(target.problem(f"the module {module!r} does not exist [SS428]", "path"))

        timer = threading.Timer(_PATIENCE_SECONDS, check)
        timer.daemon = True
        timer.start()
        atexit.register(check)
        self.cleanup.callback(atexit.unregister, check)
        self.cleanup.callback(timer.cancel)

    def _apply(self, target: Target, module: ModuleType) -> None:
        functions = list(matches(module, target.name))
        if not functions and not (is_pattern(target.name) or is_pattern(target.module)):
            self._report(target.problem(f"{why_missing(module, target.name)} [SS423]", "path"))
        for owner, name in functions:
            unfit = why_unfit(inspect.getattr_static(owner, name))
            if unfit is not None:
                self._report(target.problem(f"{module.__name__}:{_path_of(owner, name)} {unfit}", "path"))
                continue
            try:
                self.measure(owner, name, target.decorator(), nested=target.kind != "greeks", over=True)
            except (contract.ContractError, TypeError) as error:
                self._report(target.problem(f"{module.__name__}:{target.name}: {error}"))

    def _report(self, problem: Problem) -> None:
        self.problems.append(problem)
        message = f"signalscope: {problem}"  # which ends with a code
        _logger.error(message)


def exists(module: str) -> bool:
    """Return True if a module can be found, without importing it or its packages.

    A module inside a module that is not a package counts as existing: a program can add it to `sys.modules`.
    """
    place: Any = None
    parts = module.split(".")
    for number in range(1, len(parts) + 1):
        name = ".".join(parts[:number])
        if name in sys.modules:
            place = getattr(sys.modules[name], "__path__", None)
        else:
            try:
                spec = PathFinder.find_spec(name, place) or (
                    importlib.util.find_spec(name) if number == 1 else None
                )
            except (ImportError, ValueError):  # raised by the finder of another library
                return True
            if spec is None:
                return False
            place = spec.submodule_search_locations
        if place is None:
            return True
    return True


def matches(module: ModuleType, name: str) -> Iterator[tuple[Any, str]]:
    """Yield the owners and names of the functions and methods of a module that a name or a pattern matches.

    A pattern matches functions that the module defines, but not imported functions. It matches names with a leading
    underscore only if the pattern begins with an underscore.
    """
    owners: Sequence[Any] = [module]
    *outer, last = name.split(".")
    for part in outer:
        owners = [
            value
            for owner in owners
            for _, value in _named(owner, part)
            if inspect.isclass(value) and (not is_pattern(part) or value.__module__ == module.__name__)
        ]
    for owner in owners:
        for attribute, value in _named(owner, last):
            function = function_of(value)
            is_own = inspect.isroutine(function) and getattr(function, "__module__", None) == module.__name__
            if not inspect.isclass(value) and (is_own or not is_pattern(last)):
                yield owner, attribute


def is_match(name: str, pattern: str) -> bool:
    """Return True if a pattern matches a name; a name with a leading underscore needs one in the pattern."""
    is_hidden = name.startswith("_") and not pattern.startswith("_")
    return fnmatch.fnmatchcase(name, pattern) and not (is_hidden and is_pattern(pattern))


def _named(owner: Any, part: str) -> list[tuple[str, Any]]:
    if not is_pattern(part):
        try:
            return [(part, inspect.getattr_static(owner, part))]
        except AttributeError:
            return []
    return [(name, value) for name, value in list(vars(owner).items()) if is_match(name, part)]


def why_missing(module: ModuleType, name: str) -> str:
    """Return the reason why a module has no function with a name, and the nearest name."""
    cls = vars(module).get(name)
    if inspect.isclass(cls) and cls.__module__ == module.__name__:
        return f"{name!r} is a class; name a method: '{name}.__init__', '{name}.*'"
    paths = {_path_of(*match) for pattern in ("*", "*.*") for match in matches(module, pattern)}
    return f"{module.__name__} has no {name!r}{nearest(name, sorted(paths))}"


def why_unfit(function: Any) -> str | None:
    """Return the reason why a function cannot be replaced; None if it can."""
    if isinstance(function, functools.singledispatchmethod | functools.partialmethod):
        return f"is a {type(function).__name__}, {NO_FUNCTION}"
    methods = (staticmethod, classmethod)
    if isinstance(function, methods) and not issubclass(
        type(function), methods
    ):  # a proxy that reports their class
        return f"is a {type(function).__name__} around a static or class method, {NO_FUNCTION}"
    if type(function).__module__.partition(".")[0] == "numba":
        return "is compiled by Numba and cannot be replaced; name the function that calls it [SS424]"
    return None


def _path_of(owner: Any, name: str) -> str:
    return f"{owner.__qualname__}.{name}" if inspect.isclass(owner) else name


def _paths(given: Any) -> Iterable[Path]:
    if given is None:
        given = filter(str.strip, os.environ.get(VARIABLE, "").split(os.pathsep))
    return map(Path, [given] if isinstance(given, str | Path) else given)
