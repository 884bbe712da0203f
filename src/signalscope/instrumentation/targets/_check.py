"""Checking a targets file without importing the program: the functions of each entry, and the metrics it records."""

from __future__ import annotations

import fnmatch
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from signalscope import contract
from signalscope.contract._model import ContractError, Kind
from signalscope.decorators._values import Field
from signalscope.instrumentation._base._import_hooks import is_pattern
from signalscope.instrumentation.targets._file import read
from signalscope.instrumentation.targets._instrumentor import NO_FUNCTION, matches, why_missing, why_unfit
from signalscope.instrumentation.targets._sources import Function, Module, NotReadableError, find, submodules
from signalscope.instrumentation.targets._target import KINDS, Problem, Target, nearest

#: Functions of one entry that are reported.
_MOST = 1000
#: Imports and base classes that are followed.
_DEEPEST = 20


@dataclass(frozen=True)
class Found:
    """A function that an entry matches.

    Attributes:
        path: Module and name.
        signature: Its definition in one line.
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
        found: The functions it matches.
        records: Prometheus names of the metrics it records.
        attributes: The attributes of these metrics, and the source of each value.
        problems: Its errors.
    """

    target: Target
    found: list[Found] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def check(path: Path, *, imports: bool = False) -> tuple[list[Checked], list[Problem]]:
    """Check a targets file.

    Args:
        path: The file.
        imports: Import the modules instead of reading their source: for functions that are compiled, created at
            run time or inherited from another module.

    Returns:
        The result of each entry, and the errors in entries that could not be read.
    """
    targets, problems = read(path)
    checked = []
    taken: dict[str, Target] = {}
    for target in targets:
        result = Checked(target)
        instruments = [i for i in contract.instruments() if i.emitted_by == f"@{KINDS[target.kind].__name__}"]
        puts = target.options.get("step") == "put"  # it does not know waiting and processing times
        result.records = [
            each.prometheus_name for each in instruments if not puts or each.kind is Kind.COUNTER
        ]
        result.attributes = {key: _shown(value) for key, value in target.given.items()}
        (_imported if imports else _read)(target, result)
        for each in result.found:
            first = taken.setdefault(each.path, target)
            if first is not target:
                message = (
                    f"{each.path} is measured by the entry in line {first.line} already, which comes first"
                )
                result.problems.append(target.problem(message, "path"))
        checked.append(result)
    return checked, problems


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        ((source, path),) = value.items()
        return f"{'argument' if source == 'arg' else 'result'} {path}".rstrip()
    return f"{value!r}"


def _read(target: Target, result: Checked) -> None:
    """Find the functions of an entry in the source."""
    modules = list(_modules(target, result))
    for module in modules:
        for function, note in _functions(module, target, result):
            name = target.name if not is_pattern(target.name) else function.name
            if function.descriptor is not None:
                if not is_pattern(target.name):
                    message = f"{module.name}:{name} is a {function.descriptor}, {NO_FUNCTION}"
                    result.problems.append(target.problem(message, "path"))
                continue
            result.found.append(Found(f"{module.name}:{name}", function.signature, note))
            _check_fields(target, function, result)
            if len(result.found) >= _MOST:
                return
    if not result.found and not result.problems:
        result.problems.append(target.problem(f"{target.path!r} matches no function", "path"))


def _modules(target: Target, result: Checked) -> Iterator[Module]:
    for name in _module_names(target):
        try:
            yield find(name)
        except NotReadableError as error:
            if not is_pattern(target.module):
                message = f"{error}{_nearest_module(name)}"
                result.problems.append(target.problem(message, "path"))


def _module_names(target: Target) -> list[str]:
    """Return the names of the modules that an entry matches."""
    if not is_pattern(target.module):
        return [target.module]
    top = target.module.split(".")[0]
    packages = [top] if not is_pattern(top) else fnmatch.filter((each.name for each in _top_level()), top)
    return [
        name for each in packages for name in submodules(each) if fnmatch.fnmatchcase(name, target.module)
    ]


def _nearest_module(name: str) -> str:
    """Return the end of the message about a missing module: the nearest one that exists."""
    parts = name.split(".")
    for count in range(len(parts) - 1, 0, -1):
        package = ".".join(parts[:count])
        try:
            below = [each for each in submodules(package) if each.count(".") <= count]
            find(package)
        except NotReadableError:
            continue
        return nearest(name, [each for each in below if each != name])
    return nearest(name, sorted(each.name for each in _top_level()), or_all=False)


def _top_level() -> Iterator[Any]:
    import pkgutil  # noqa: PLC0415  # only needed for a missing module or a pattern

    yield from pkgutil.iter_modules()


def _functions(module: Module, target: Target, result: Checked) -> Iterator[tuple[Function, str]]:
    """Yield the functions of a module that an entry matches, each with a remark."""
    name = target.name
    if not is_pattern(name):
        found, home = _resolve(module, name)
        if found is not None and home == module.name and found.name == name:
            yield found, _note(found)
        elif found is not None and "." in name:
            yield found, f"inherited from {home}:{found.name}"
        elif found is not None:
            yield found, f"defined in {home}: calls of modules that import it from there are not measured"
        elif not is_pattern(target.module):
            result.problems.append(target.problem(_missing(module, name), "path"))
        return
    parts = name.split(".")
    for each, function in module.functions.items():
        own = each.split(".")
        if len(own) == len(parts) and all(map(_fits, own, parts)):
            yield function, _note(function)


def _resolve(module: Module, name: str, depth: int = 0) -> tuple[Function | None, str]:
    """Return a function by its name in a module (defined, imported or inherited), and the module that defines it."""
    found = module.functions.get(name)
    if found is not None or depth > _DEEPEST:
        return found, module.name
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


def _fits(name: str, part: str) -> bool:
    hidden = name.startswith("_") and not part.startswith("_") and is_pattern(part)
    return not hidden and fnmatch.fnmatchcase(name, part)


def _missing(module: Module, name: str) -> str:
    """Return the reason why a module does not have a function, and what to write instead."""
    outer, _, last = name.rpartition(".")
    source = module.imported.get(name) or module.imported.get(outer)
    if source is not None:
        return f"{name!r} is imported from {source!r}, whose source does not have it; `--import` looks for it"
    if name in module.classes:
        return f"{name!r} is a class; name a method: '{name}.__init__', '{name}.*'"
    if name in module.assigned:
        return f"{name!r} is assigned, not defined: `--import` looks at what it is"
    if outer in module.classes and any(base != "object" for base in module.classes[outer]):
        bases = ", ".join(module.classes[outer])
        return (
            f"{outer} does not define {last!r}; where it is inherited (from {bases}), `--import` looks for it"
            f"{nearest(name, module.functions, or_all=False)}"
        )
    return f"{module.name} has no {name!r}{nearest(name, module.functions)}"


def _note(function: Function) -> str:
    kept = function.registered_by
    if kept is None:
        return ""
    return f"@{kept}(...) may keep the function itself: calls through that are not measured"


def _check_fields(target: Target, function: Function, result: Checked) -> None:
    for key, value in target.options.items():
        if not isinstance(value, Field) or value.root in ("result", *function.parameters):
            continue
        known = nearest(value.root, [each for each in function.parameters if each != "self"])
        message = f"{function.name} has no parameter {value.root!r}{known}"
        result.problems.append(target.problem(message, key))


def _imported(target: Target, result: Checked) -> None:
    """Find the functions of an entry in imported modules."""
    for name in _module_names(target):
        try:
            module = importlib.import_module(name)
        except BaseException as error:  # the program may raise anything while it is imported
            if isinstance(error, KeyboardInterrupt):
                raise
            message = f"importing {name} failed: {type(error).__name__}: {error}"
            result.problems.append(target.problem(message, "path"))
            continue
        for owner, attribute in matches(module, target.name):
            value = inspect.getattr_static(owner, attribute)
            path = f"{name}:{f'{owner.__qualname__}.' if inspect.isclass(owner) else ''}{attribute}"
            result.found.append(Found(path, _signature(getattr(owner, attribute), attribute)))
            unfit = why_unfit(value)
            if unfit is not None:
                result.problems.append(target.problem(f"{path} {unfit}", "path"))
                continue
            try:
                target.decorator()(value)
            except (ContractError, TypeError) as error:
                result.problems.append(target.problem(f"{path}: {error}"))
        if not result.found and not is_pattern(target.path):
            result.problems.append(target.problem(why_missing(module, target.name), "path"))
    if not result.found and not result.problems:
        result.problems.append(target.problem(f"{target.path!r} matches no function", "path"))


def _signature(call: Any, name: str) -> str:
    try:
        return f"def {name}{inspect.signature(call)}"
    except (TypeError, ValueError):
        return f"{name}(...)"
