"""Check the codes of errors and warnings, and write the page that explains them (docs/errors.md).

- `python tools/errors.py`: write the page; fail on a message without a code, or a code without a text
- `python tools/errors.py --check`: the same, but fail instead of writing
- `python tools/errors.py --sites`: list every place that raises, logs or warns, with its code

The codes are in docs/errors/, with a file for each group: those of `3-recording.toml` begin with SS3. A message ends
with its code in brackets: `… [SS301]`.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "src" / "signalscope"
TABLES = ROOT / "docs" / "errors"
PAGE = ROOT / "docs" / "errors.md"
CODE = re.compile(r"\bSS\d{3}\b")
#: What logging fills in.
_FIELD = re.compile(r"%(\(\w+\))?(\.\d+)?[sdrg]")
LOUD = frozenset({"warning", "error", "exception", "critical", "warn"})


@dataclass(frozen=True)
class Site:
    """A place that raises, logs or warns.

    Attributes:
        path: The file, from the root of the checkout.
        line: The line of the statement.
        kind: The class of the exception, or the method that logs or warns.
        text: The literal parts of the message, with `…` for the rest; empty if the message is built elsewhere.
    """

    path: str
    line: int
    kind: str
    text: str

    @property
    def codes(self) -> frozenset[str]:
        """The codes in the message."""
        return frozenset(CODE.findall(self.text))


def sites(folder: Path, root: Path | None = None) -> Iterator[Site]:
    """Find every message that is raised, logged or given as a warning.

    Args:
        folder: The sources.
        root: The checkout that has them; without it, this one.
    """
    for path in sorted(folder.rglob("*.py")):
        place = path.relative_to(root or ROOT).as_posix()
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for node in sorted(nodes, key=lambda node: getattr(node, "lineno", 0)):
            match node:
                case ast.Raise(exc=ast.Call(func=function, args=args)):
                    kind = _name(function)
                case ast.Call(func=ast.Attribute(attr=kind, value=owner), args=args) if kind in LOUD:
                    if kind != "warn" and "log" not in _name(owner).lower():
                        continue
                case _:
                    continue
            yield Site(place, node.lineno, kind, " ".join(filter(None, map(_text, args))))


def used(folder: Path, root: Path | None = None) -> dict[str, str]:
    """Map every code in a string of the sources to the first place that has it."""
    places: dict[str, str] = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for code in CODE.findall(node.value):
                    places.setdefault(code, f"{path.relative_to(root or ROOT).as_posix()}:{node.lineno}")
    for path in sorted((root or ROOT).glob("collector/components/**/*.go")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for code in CODE.findall(line):
                places.setdefault(code, f"{path.relative_to(root or ROOT).as_posix()}:{number}")
    return places


def messages(folder: Path) -> dict[str, list[str]]:
    """Map every code to the messages that end with it; `…` stands for what a run fills in."""
    texts: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.py")):
        for text in _coded(ast.parse(path.read_text(encoding="utf-8"))):
            words = " ".join(_FIELD.sub("…", CODE.sub("", text)).replace("[]", "").split())
            for code in CODE.findall(text):
                if re.search(r"[a-z]{2}", words) and words not in texts.setdefault(code, []):
                    texts[code].append(words)
    return texts


def _coded(node: ast.AST) -> Iterator[str]:
    """Yield the texts that have a code, without those of docstrings."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp) and CODE.search(text := _text(node, "…")):
        yield text
        return
    for child in ast.iter_child_nodes(node):
        yield from _coded(child)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _text(node: ast.expr, unknown: str = "") -> str:
    """Return the literal parts of an argument, and a text for each operand that is not a literal."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in values)
        case ast.BinOp(left=left, right=right):
            return _text(left, unknown) + _text(right, unknown)
        case ast.IfExp(body=body, orelse=orelse):
            return _text(body, unknown) + _text(orelse, unknown)
    return unknown


class Table:
    """The explained codes, from the files of a folder.

    Attributes:
        groups: The title of each group and its codes, in the order of the files.
        files: The file of each code.
        places: The file and the line of each code.
        exempt: Classes of exceptions and folders whose messages need no code, with the reason.
    """

    def __init__(self, folder: Path, root: Path | None = None) -> None:
        self.groups: dict[str, dict[str, dict[str, str]]] = {}
        self.files: dict[str, str] = {}
        self.places: dict[str, str] = {}
        self.exempt: dict[str, str] = {}
        for path in sorted(folder.glob("*.toml")):
            text = path.read_text(encoding="utf-8")
            content = tomllib.loads(text)
            if path.stem == "exempt":
                self.exempt = content
                continue
            self.groups[content.pop("group")] = content
            name = path.relative_to(root or ROOT).as_posix()
            self.files |= dict.fromkeys(content, name)
            self.places |= {
                code: f"{name}:{text.partition(f'[{code}]')[0].count(chr(10)) + 1}" for code in content
            }

    def needs_code(self, site: Site) -> bool:
        """Return True if a message has a literal text and is not exempt."""
        is_exempt = site.kind in self.exempt or any(site.path.startswith(folder) for folder in self.exempt)
        return bool(site.text) and not is_exempt


def problems(table: Table, folder: Path, root: Path | None = None) -> Iterator[str]:
    """Find messages without a code and codes without a text; each problem names file and line.

    Args:
        table: The explained codes.
        folder: The sources.
        root: The checkout that has them; without it, this one.
    """
    for site in sites(folder, root):
        if table.needs_code(site) and not site.codes:
            yield f"{site.path}:{site.line}: {site.kind} has no code: {site.text[:70]}"
    places = used(folder, root)
    for code in sorted(places.keys() - table.files.keys()):
        yield f"{places[code]}: {code} is not explained in docs/errors/"
    for code in sorted(table.files.keys() - places.keys()):
        yield f"{table.places[code]}: {code} is not used in src/ or collector/"
    for codes in table.groups.values():
        for code, entry in codes.items():
            if not CODE.fullmatch(code) or code[2] != Path(table.files[code]).name[0]:
                yield f"{table.places[code]}: {code} is not a code of this file"
            if lacking := {"title", "cause", "way_out"} - {key for key, text in entry.items() if text}:
                yield f"{table.places[code]}: {code} has no {', '.join(sorted(lacking))}"


def page(table: Table, texts: dict[str, list[str]] | None = None) -> str:
    """Return the page: the groups, and each code with its messages, its cause and the way out.

    Args:
        table: The explained codes.
        texts: The messages of each code.
    """
    lines = [
        "<!-- Generated by tools/errors.py from docs/errors/*.toml and the messages in src/. -->",
        "",
        "# Error codes",
        "",
        "Every error and warning ends with a code, such as `[SS101]`. Search the site for the code, or for words of",
        "the message. In the messages below, `…` stands for the part that differs.",
    ]
    for group, codes in table.groups.items():
        lines += ["", f"## {group}"] if codes else []
        for code, entry in sorted(codes.items()):
            lines += ["", f"### {code}: {entry['title']}", ""]
            if quoted := (texts or {}).get(code):
                lines += ["Messages:" if len(quoted) > 1 else "Message:", ""]
                lines += [*(f"* {_literal(text)}" for text in quoted), ""]
            lines += [f"**Cause.** {entry['cause']}", "", f"**Way out.** {entry['way_out']}"]
    return "\n".join(lines) + "\n"


def _literal(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def main() -> int:
    """Check the table, and write the page or compare it."""
    parser = argparse.ArgumentParser(prog="errors", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail instead of writing the page")
    parser.add_argument("--sites", action="store_true", help="list every message with its place")
    options = parser.parse_args()
    if options.sites:
        for site in sites(SOURCES):
            print(
                f"{site.path}:{site.line}: {' '.join(sorted(site.codes)) or '-'} {site.kind}: {site.text[:90]}"
            )
        return 0
    table = Table(TABLES)
    wrong = list(problems(table, SOURCES))
    if not wrong:
        content = page(table, messages(SOURCES))
        if options.check and (not PAGE.exists() or PAGE.read_text(encoding="utf-8") != content):
            wrong = [f"{PAGE.relative_to(ROOT)}:1: not as generated; run `make generate`"]
        elif not options.check:
            PAGE.write_text(content, encoding="utf-8")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
