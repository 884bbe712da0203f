"""Check of a targets file without an import of the program: the functions and metrics of each entry."""

from __future__ import annotations

import fnmatch
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from signalscope.contract._model import ContractError, Kind
from signalscope.decorators._values import Field
from signalscope.instrumentation._base._import_hooks import is_pattern
from signalscope.instrumentation.targets._file import read
from signalscope.instrumentation.targets._instrumentor import is_match, matches, why_missing, why_unfit
from signalscope.instrumentation.targets._sources import Function, Module, NotReadableError, find, submodules
from signalscope.instrumentation.targets._target import NO_FUNCTION, Problem, Target, emitted_by, nearest

#: Limit of the reported functions of one entry.
_MOST = 1000
#: Limit of the imports and base classes that are followed for one function.
_DEEPEST = 20


@dataclass(frozen=True)
class MatchedFunction:
    """A function that an entry matches.

    Attributes:
        path: Module and name.
        signature: The definition in one line.
        note: A remark; empty if there is none.
    """

    path: str
    signature: str
    note: str = ""


@dataclass
class Checked:
    """The result of checking an entry.

    Attributes:
        target: The entry.
        functions: The functions that the entry matches.
        records: Prometheus names of the metrics that the entry records.
        attributes: The attributes of these metrics, and the source of each value.
        problems: The errors in the entry.
    """

    target: Target
    functions: list[MatchedFunction] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add_problem(self, message: str, key: str = "path") -> None:
        """Add an error in the entry."""
        self.problems.append(self.target.problem(message, key))


def check(path: Path, *, imports: bool = False) -> tuple[list[Checked], list[Problem]]:
    """Check a targets file.

    Args:
        path: The file.
        imports: True to import the modules instead of reading their source. This also finds functions that are
            compiled or created at run time; the code of the modules runs.

    Returns:
        The result of each entry, and the errors in entries that could not be read.
    """
    targets, problems = read(path)
    checked = []
    taken: dict[str, Target] = {}
    for target in targets:
        result = Checked(target)
        instruments = list(emitted_by(target.kind))
        if target.options.get("step") == "put":  # a put records only the counter
            instruments = [instrument for instrument in instruments if instrument.kind is Kind.COUNTER]
        result.records = [instrument.prometheus_name for instrument in instruments]
        result.attributes = {key: _shown(value) for key, value in target.given.items()}
        (_imported if imports else _read)(target, result)
        if not result.functions and not result.problems:
            result.add_problem(f"{target.path!r} matches no function [SS423]")
        for match in result.functions:
            first = taken.setdefault(match.path, target)
            if first is not target:
                result.add_problem(
                    f"{match.path} is measured by the entry in line {first.line}; remove one of them [SS425]"
                )
        checked.append(result)
    return checked, problems


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        ((source, path),) = value.items()
        return f"{'argument' if source == 'arg' else 'result'} {path}".rstrip()
    return f"{value!r}"


def _read(target: Target, result: Checked) -> None:
    """Find the functions of an entry in the source."""
    for module_name in _module_names(target):
        try:
            module = find(module_name)
        except NotReadableError as error:
            if not is_pattern(target.module):
                result.add_problem(f"{error}{_nearest_module(module_name)} [SS421]")
            continue
        for function, note in _functions(module, target, result):
            name = target.name if not is_pattern(target.name) else function.name
            if function.descriptor is not None:
                if not is_pattern(target.name):
                    result.add_problem(f"{module.name}:{name} is a {function.descriptor}, {NO_FUNCTION}")
                continue
            result.functions.append(MatchedFunction(f"{module.name}:{name}", function.signature, note))
            _check_fields(target, function, result)
            if len(result.functions) >= _MOST:
                return


def _module_names(target: Target) -> list[str]:
    """Return the names of the modules that an entry matches."""
    if not is_pattern(target.module):
        return [target.module]
    top = target.module.split(".")[0]
    packages = fnmatch.filter(_top_level(), top) if is_pattern(top) else [top]
    return [name for package in packages for name in fnmatch.filter(submodules(package), target.module)]


def _nearest_module(name: str) -> str:
    """Return the end of the message about a missing module: the nearest name of a module."""
    parts = name.split(".")
    for count in range(len(parts) - 1, 0, -1):
        package = ".".join(parts[:count])
        try:
            below = [module for module in submodules(package) if module.count(".") <= count]
            find(package)
        except NotReadableError:
            continue
        return nearest(name, [module for module in below if module != name])
    return nearest(name, sorted(_top_level()), or_all=False)


def _top_level() -> list[str]:
    return [module.name for module in pkgutil.iter_modules()]


def _functions(module: Module, target: Target, result: Checked) -> Iterator[tuple[Function, str]]:
    """Yield the functions of a module that an entry matches, each with a remark."""
    name = target.name
    if is_pattern(name):
        patterns = name.split(".")
        for path, function in module.functions.items():
            parts = path.split(".")
            if len(parts) == len(patterns) and all(map(is_match, parts, patterns)):
                yield function, function.note
        return
    resolved, home = _resolve(module, name)
    if resolved is None:
        if not is_pattern(target.module):
            result.add_problem(f"{_missing(module, name)} [SS423]")
    elif home == module.name and resolved.name == name:
        yield resolved, resolved.note
    elif "." in name:
        yield resolved, f"inherited from {home}:{resolved.name}"
    else:
        yield resolved, f"defined in {home}: calls from modules that import it from there are not measured"


def _resolve(module: Module, name: str, depth: int = 0) -> tuple[Function | None, str]:
    """Return the function with a name in a module (defined, imported or inherited), and its defining module."""
    function = module.functions.get(name)
    if function is not None or depth > _DEEPEST:
        return function, module.name
    outer, _, last = name.rpartition(".")
    for imported, rest in ((name, ""), (outer, f".{last}")):
        source, _, original = module.imported.get(imported, "").partition(":")
        if source:
            try:
                return _resolve(find(source), original + rest, depth + 1)
            except NotReadableError:
                return None, module.name
    for base in module.classes.get(outer, ()):
        inherited, home = _resolve(module, f"{base}.{last}", depth + 1)
        if inherited is not None:
            return inherited, home
    return None, module.name


def _missing(module: Module, name: str) -> str:
    """Return the reason why a module does not have a function, and a way out."""
    outer, _, last = name.rpartition(".")
    source = module.imported.get(name) or module.imported.get(outer)
    if source is not None:
        return f"{name!r} is imported from {source!r}, but not defined there; use `--import` to find it"
    if name in module.classes:
        return f"{name!r} is a class; name a method: '{name}.__init__', '{name}.*'"
    if name in module.assigned:
        return f"{name!r} is assigned, not defined; use `--import` to find it"
    if outer in module.classes and any(base != "object" for base in module.classes[outer]):
        bases = ", ".join(module.classes[outer])
        return (
            f"{outer} does not define {last!r}; if it is inherited (from {bases}), use `--import` to find it"
            f"{nearest(name, module.functions, or_all=False)}"
        )
    return f"{module.name} has no {name!r}{nearest(name, module.functions)}"


def _check_fields(target: Target, function: Function, result: Checked) -> None:
    for key, value in target.options.items():
        if not isinstance(value, Field) or value.root in ("result", *function.parameters):
            continue
        hint = nearest(value.root, [name for name in function.parameters if name != "self"])
        result.add_problem(f"{function.name} has no parameter {value.root!r}{hint} [SS426]", key)


def _imported(target: Target, result: Checked) -> None:
    """Find the functions of an entry in imported modules."""
    for name in _module_names(target):
        try:
            module = importlib.import_module(name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # the program may raise anything while it is imported
            result.add_problem(f"the import of {name} failed: {type(error).__name__}: {error} [SS427]")
            continue
        for owner, attribute in matches(module, target.name):
            value = inspect.getattr_static(owner, attribute)
            path = f"{name}:{f'{owner.__qualname__}.' if inspect.isclass(owner) else ''}{attribute}"
            result.functions.append(MatchedFunction(path, _signature(getattr(owner, attribute), attribute)))
            unfit = why_unfit(value)
            if unfit is not None:
                result.add_problem(f"{path} {unfit}")
                continue
            try:
                target.decorator()(value)
            except (ContractError, TypeError) as error:
                result.add_problem(f"{path}: {error}", key="")
        if not result.functions and not is_pattern(target.path):
            result.add_problem(f"{why_missing(module, target.name)} [SS423]")


def _signature(call: Any, name: str) -> str:
    try:
        return f"def {name}{inspect.signature(call)}"
    except (TypeError, ValueError):
        return f"{name}(...)"
