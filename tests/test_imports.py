"""The direction of imports: each package imports only packages of its layer and of lower layers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import signalscope

SOURCE = Path(signalscope.__file__).parent

#: Packages and modules directly below `signalscope`, from the bottom to the top.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("_interpreter", "_moved", "_version", "binaries", "config", "contract"),
    ("exposition", "recording", "runtime", "testing", "users"),
    ("breakers", "decorators", "metrics", "web"),
    ("instrumentation", "setup"),
    ("derived", "health"),
    ("fastapi",),
    ("mixin",),
    ("cli", "console"),
    ("__main__",),
    ("demo",),
)

#: (importer, imported) of imports that still point upwards. An entry that is not needed any more fails the test.
KNOWN_OFFENDERS = {
    ("instrumentation", "fastapi"),
    # Routes for applications of other frameworks are those of FastAPI; they are imported at their first use.
    ("web", "derived"),
    ("web", "fastapi"),
}


@dataclass(frozen=True, order=True)
class Import:
    """An import: the module that has it, the imported module, and the place."""

    importer: str
    imported: str
    file: Path
    line: int

    @property
    def packages(self) -> tuple[str, str]:
        """The importing and the imported package, directly below `signalscope`."""
        return _package(self.importer), _package(self.imported)

    def __str__(self) -> str:
        return f"{self.importer} imports {self.imported} ({self.file}:{self.line})"


def _package(module: str) -> str:
    return module.split(".")[1]


def _modules(source: Path) -> dict[str, Path]:
    """Return every module of the package `signalscope`, by its dotted name."""
    modules = {}
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source.parent).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def _named(node: ast.AST, importer: str, *, is_package: bool) -> Iterator[tuple[str, str]]:
    """Yield the module after `from` (or `import`) and the name after `import` of a statement."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parents = importer.split(".")
            kept = parents[: len(parents) - node.level + is_package]
            base = ".".join([*kept, base] if base else kept)
        yield from ((base, alias.name) for alias in node.names)


def imports(source: Path) -> list[Import]:
    """Yield every import of a part of signalscope by another part, also inside functions.

    A name that `signalscope/__init__.py` re-exports counts as an import of the module that defines it.
    """
    modules = _modules(source)
    public = {
        name: base
        for node in ast.walk(ast.parse(modules["signalscope"].read_text(encoding="utf-8")))
        for base, name in _named(node, "signalscope", is_package=True)
    }
    entries = []
    for importer, path in modules.items():
        if importer == "signalscope":  # it re-exports, and belongs to no layer
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for base, name in _named(node, importer, is_package=path.name == "__init__.py"):
                if base.partition(".")[0] != "signalscope":
                    continue
                target = f"{base}.{name}" if f"{base}.{name}" in modules else base
                if target == "signalscope":
                    target = public.get(name, target)
                if target != "signalscope":
                    entries.append(Import(importer, target, path.relative_to(source.parent), node.lineno))  # type: ignore[attr-defined]
    return sorted(entries)


def upward(entries: list[Import]) -> list[Import]:
    """Return the imports of a higher layer."""
    rank = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    return [entry for entry in entries if rank[entry.packages[1]] > rank[entry.packages[0]]]


def test_every_package_has_a_layer() -> None:
    """A new package or module directly below `signalscope` must be added to the table."""
    tops = {_package(name) for name in _modules(SOURCE) if "." in name}
    assert tops == {name for layer in LAYERS for name in layer}


def test_no_import_points_upwards() -> None:
    """No import is of a higher layer; at run time only `demo` imports `demo`, and none imports `mixin`."""
    wrong = [entry for entry in upward(imports(SOURCE)) if entry.packages not in KNOWN_OFFENDERS]
    assert not wrong, "these imports point upwards:\n" + "\n".join(map(str, wrong))


def test_known_offenders_are_still_needed() -> None:
    """The list of exceptions can only shrink."""
    unneeded = KNOWN_OFFENDERS - {entry.packages for entry in upward(imports(SOURCE))}
    assert not unneeded, f"remove from KNOWN_OFFENDERS: {sorted(unneeded)}"


def test_binaries_import_nothing_of_signalscope() -> None:
    """The tool runs before the virtual environment is complete."""
    assert [
        str(entry) for entry in imports(SOURCE) if entry.packages[0] == "binaries" != entry.packages[1]
    ] == []


@pytest.mark.parametrize(
    ("code", "imported", "line"),
    [
        ("import signalscope.mixin.generate", "signalscope.mixin.generate", 1),
        ("def late():\n    from signalscope.mixin import generate", "signalscope.mixin.generate", 2),
        ("def late():\n    from ..mixin.generate import rendered", "signalscope.mixin.generate", 2),
        ("from signalscope import mixin", "signalscope.mixin", 1),
        ("from signalscope import configure", "signalscope.setup", 1),
    ],
)
def test_an_upward_import_is_named(tmp_path: Path, code: str, imported: str, line: int) -> None:
    """The message has both modules, the file and the line, for every form of import."""
    for name, text in {
        "__init__.py": "from signalscope.setup import configure",
        "setup/__init__.py": "configure = None",
        "mixin/__init__.py": "",
        "mixin/generate.py": "",
        "users/__init__.py": "",
        "users/_costs.py": code,
    }.items():
        path = tmp_path / "signalscope" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (upward_import,) = upward(imports(tmp_path / "signalscope"))
    assert (
        str(upward_import)
        == f"signalscope.users._costs imports {imported} (signalscope/users/_costs.py:{line})"
    )
