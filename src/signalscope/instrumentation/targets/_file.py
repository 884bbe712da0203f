"""Reading a targets file: which functions are measured, as what, and with which attributes.

Each error has its file, line and key, and the nearest valid name. A broken entry does not affect the others.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from signalscope import contract
from signalscope.instrumentation.targets._options import WrongKeyError, option
from signalscope.instrumentation.targets._target import KINDS, Problem, Target, nearest, options_of

_PATH = re.compile(r"[\w.*?\[\]!-]+:[\w.*?\[\]!-]+\Z")
_HEADER = re.compile(r"\s*\[\[\s*target\s*\]\]")


def read(path: Path) -> tuple[list[Target], list[Problem]]:
    """Return the entries of a file, and the errors in the others. Never raises because of the content of the file.

    Args:
        path: The file.
    """
    file = str(path)
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except OSError as error:
        return [], [Problem(file, 0, "", f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError:
        return [], [Problem(file, 0, "", "is not UTF-8")]
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        return [], [Problem(file, int(line[1]) if line else 0, "", f"is not TOML: {error}")]
    lines = text.splitlines()
    problems = [
        Problem(file, _line_of(key, lines), key, f"is not known{nearest(key, ['target'])}")
        for key in content
        if key != "target"
    ]
    entries = content.get("target", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return [], [Problem(file, _line_of("target", lines), "target", "write entries as [[target]]")]
    if not entries and not problems:
        problems.append(Problem(file, 0, "", "has no entry; write one as [[target]]"))
    headers = [number for number, line in enumerate(lines, 1) if _HEADER.match(line)]
    targets = []
    for number, entry in enumerate(entries):
        first, after = [*headers[number : number + 2], 0, 0][:2]
        keys = {key: _line_of(key, lines, first, (after or len(lines) + 1) - 1) for key in entry}
        try:
            targets.append(_target(file, first, keys, entry))
        except WrongKeyError as error:
            problems.append(Problem(file, keys.get(error.key) or first, error.key, str(error)))
    return targets, problems


def _target(file: str, line: int, lines: Mapping[str, int], entry: Mapping[str, Any]) -> Target:
    module, name = _module_and_name(entry.get("path"))
    kind = entry.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        problem = "is missing" if kind is None else f"{kind!r} is not known"
        raise WrongKeyError("kind", f"{problem}{nearest(str(kind), KINDS)}")
    given = {key: value for key, value in entry.items() if key not in ("path", "kind")}
    known = options_of(kind)
    for key in given:
        if key not in known:
            raise WrongKeyError(key, f"is no option of {kind}{nearest(key, ['path', 'kind', *known])}")
    options = {key: option(kind, key, value) for key, value in given.items()}
    target = Target(file, line, lines, module, name, kind, options, given)
    try:
        target.decorator()
    except contract.ContractError as error:  # options that do not go together
        key, _, message = str(error).partition(" ")
        raise WrongKeyError(key, message) from None
    return target


def _module_and_name(path: Any) -> tuple[str, str]:
    if not isinstance(path, str):
        raise WrongKeyError("path", 'is missing: write path = "module:function" or "module:Class.method"')
    if not _PATH.match(path):
        has_dots_only = ":" not in path and "." in path
        hint = f"; did you mean {':'.join(path.rsplit('.', 1))!r}?" if has_dots_only else ""
        raise WrongKeyError("path", f"{path!r} is not module:function or module:Class.method{hint}")
    if path.startswith(("*", "?", "[")):
        raise WrongKeyError("path", f"{path!r} is about every module of the process; begin with a package")
    if path.startswith("__main__:"):
        message = "names the program that is started, which nobody imports; put the function into a module"
        raise WrongKeyError("path", f"{path!r} {message}")
    module, _, name = path.partition(":")
    return module, name


def _line_of(key: str, lines: Sequence[str], first: int = 1, last: int | None = None) -> int:
    """Return the line of a key, or of its table, in some lines; 0 if there is none: the parser keeps no positions."""
    position = re.compile(rf"\s*\[*\s*(target\s*\.\s*)?[\"']?{re.escape(key)}[\"']?\s*[.=\]]")
    numbers = range(first or 1, (len(lines) if last is None else last) + 1)
    return next((number for number in numbers if position.match(lines[number - 1])), 0)
