"""Reader of the definitions of modules from their source, without an import.

No code of the program runs: the package of a module is not imported either.
"""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import pkgutil
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_Def = ast.FunctionDef | ast.AsyncFunctionDef


class NotReadableError(Exception):
    """Error: a module does not exist, or its source cannot be read."""


@dataclass(frozen=True)
class Function:
    """A function or method in the source.

    Attributes:
        module: The name of the module.
        name: The name in the module: ``function`` or ``Class.method``.
        node: The syntax tree of the definition.
        cls: The class of a method; None for a function.
    """

    module: str
    name: str
    node: _Def
    cls: ast.ClassDef | None = None

    @property
    def words(self) -> list[str]:
        """The words of the name without the class."""
        return split(self.node.name)

    @property
    def class_words(self) -> list[str]:
        """The words of the name of the class."""
        return split(self.cls.name) if self.cls is not None else []

    @property
    def parameters(self) -> list[str]:
        """The names of the parameters."""
        args = self.node.args
        parameters = (*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg)
        return [parameter.arg for parameter in parameters if parameter is not None]

    @property
    def signature(self) -> str:
        """The definition in one line."""
        returns = f" -> {ast.unparse(self.node.returns)}" if self.node.returns else ""
        sort = "async def" if isinstance(self.node, ast.AsyncFunctionDef) else "def"
        return f"{sort} {self.node.name}({ast.unparse(self.node.args)}){returns}"

    @property
    def descriptor(self) -> str | None:
        """The descriptor that a decorator returns, if it cannot be replaced; else None."""
        names = [ast.unparse(decorator).rpartition(".")[2] for decorator in self.node.decorator_list]
        return "singledispatchmethod" if "singledispatchmethod" in names else None

    @property
    def note(self) -> str:
        """A remark if a decorator (`@app.get(...)`) may keep the function before the module is patched."""
        for decorator in self.node.decorator_list:
            if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute):
                name = ast.unparse(decorator.func)
                return f"@{name}(...) may keep the original function: its calls are not measured"
        return ""


@dataclass(frozen=True)
class Module:
    """The definitions of a module.

    Attributes:
        name: The full name.
        path: The file.
        functions: The functions by name; methods as ``Class.method``.
        classes: The classes by name, each with the names of its bases.
        imported: The imported names, each with its origin as ``module:name``.
        assigned: Assigned names; attributes of classes as ``Class.name``.
    """

    name: str
    path: Path
    functions: dict[str, Function] = field(default_factory=dict)
    classes: dict[str, list[str]] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)
    assigned: set[str] = field(default_factory=set)


def split(text: str) -> list[str]:
    """Split a name in snake_case or CamelCase into words."""
    return re.findall(r"[a-z]+[0-9]*|[0-9]+", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text).lower())


def find(name: str) -> Module:
    """Read a module.

    Args:
        name: The full name of the module.

    Raises:
        NotReadableError: The module does not exist, or its source cannot be read.
    """
    spec = _spec(name)
    if spec is None:
        raise NotReadableError(f"module {name!r} does not exist")
    if spec.origin is None or not spec.origin.endswith(".py"):
        raise NotReadableError(f"{name!r} has no Python source ({spec.origin or 'a namespace package'})")
    path = Path(spec.origin)
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (OSError, SyntaxError, ValueError) as error:
        raise NotReadableError(f"{path} cannot be read: {error}") from None
    module = Module(name, path)
    _collect(module, tree.body, None)
    return module


def submodules(name: str) -> Iterator[str]:
    """Yield the name of a module and, for a package, the names of all modules in it, except tests and `__main__`."""
    yield name
    spec = _spec(name)
    if spec is None or spec.submodule_search_locations is None:
        return
    for module in pkgutil.iter_modules(list(spec.submodule_search_locations)):
        if module.name not in ("__main__", "conftest", "tests", "test") and not module.name.startswith(
            "test_"
        ):
            yield from submodules(f"{name}.{module.name}")


def is_namespace(name: str) -> bool:
    """Return True for a folder without `__init__.py`: it has modules, but no source itself."""
    spec = _spec(name)
    return spec is not None and spec.origin is None and spec.submodule_search_locations is not None


def _spec(name: str) -> importlib.machinery.ModuleSpec | None:
    """Find a module without an import of its packages, unlike `importlib.util.find_spec`."""
    top, *rest = name.split(".")
    try:
        spec = sys.modules[top].__spec__ if top in sys.modules else importlib.util.find_spec(top)
    except (ValueError, AttributeError):
        return None
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        path = list(spec.submodule_search_locations)
        top = f"{top}.{part}"
        spec = importlib.machinery.PathFinder.find_spec(top, path)
    return spec


def _collect(module: Module, body: Sequence[ast.AST], cls: ast.ClassDef | None, prefix: str = "") -> None:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            # Of several definitions (overloads, versions), the last one counts.
            name = prefix + _mangled(node.name, cls)
            module.functions[name] = Function(module.name, name, node, cls)
        elif isinstance(node, ast.ClassDef):
            module.classes[prefix + node.name] = [ast.unparse(base) for base in node.bases]
            _collect(module, node.body, node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.ExceptHandler):
            for part in ("body", "handlers", "orelse", "finalbody"):
                _collect(module, getattr(node, part, []), cls, prefix)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            module.assigned.update(prefix + node.id for node in targets if isinstance(node, ast.Name))
        elif isinstance(node, ast.ImportFrom) and cls is None:
            source = _absolute(module, node)
            for alias in node.names:
                module.imported[alias.asname or alias.name] = f"{source}:{alias.name}"


def _mangled(name: str, cls: ast.ClassDef | None) -> str:
    """Return the name of a method in its class: ``__private`` becomes ``_Class__private``."""
    if cls is None or not name.startswith("__") or name.endswith("__"):
        return name
    return f"_{cls.name.lstrip('_')}{name}"


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    """Return the module of a `from ... import`."""
    if not node.level:
        return node.module or ""
    package = module.name.split(".")
    if module.path.name != "__init__.py":
        package = package[:-1]
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])
