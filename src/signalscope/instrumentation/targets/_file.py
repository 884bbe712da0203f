"""Reader of a targets file: the measured functions, their kinds and their attributes.

Each error has its file, line and key, and the nearest valid name. A broken entry does not affect other entries.
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
    """Return the valid entries of a file, and the errors. The content of the file never causes an exception.

    Args:
        path: The file.
    """
    file = str(path)
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except OSError as error:
        return [], [Problem(file, 0, "", f"cannot be read: {error.strerror} [SS411]")]
    except UnicodeDecodeError:
        return [], [Problem(file, 0, "", "is not UTF-8; save it with this encoding [SS411]")]
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        return [], [Problem(file, int(line[1]) if line else 0, "", f"is not TOML: {error} [SS411]")]
    lines = text.splitlines()
    problems = [
        Problem(file, _line_of(key, lines), key, f"is not known{nearest(key, ['target'])} [SS412]")
        for key in content
        if key != "target"
    ]
    entries = content.get("target", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return [], [Problem(file, _line_of("target", lines), "target", "write entries as [[target]] [SS411]")]
    if not entries and not problems:
        problems.append(Problem(file, 0, "", "has no entry; write one as [[target]] [SS411]"))
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
        raise WrongKeyError("kind", f"{problem}{nearest(str(kind), KINDS)} [SS413]")
    given = {key: value for key, value in entry.items() if key not in ("path", "kind")}
    known = options_of(kind)
    for key in given:
        if key not in known:
            raise WrongKeyError(
                key, f"is not an option of {kind}{nearest(key, ['path', 'kind', *known])} [SS412]"
            )
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
        raise WrongKeyError("path", 'is missing; write "module:function" or "module:Class.method" [SS414]')
    if not _PATH.match(path):
        has_dots_only = ":" not in path and "." in path
        hint = f"; did you mean {':'.join(path.rsplit('.', 1))!r}?" if has_dots_only else ""
        raise WrongKeyError("path", f"{path!r} is not module:function or module:Class.method{hint} [SS414]")
    if path.startswith(("*", "?", "[")):
        raise WrongKeyError("path", f"{path!r} matches every module; begin with a package [SS414]")
    if path.startswith("__main__:"):
        way_out = "move the function to another module"
        raise WrongKeyError(
            "path", f"{path!r} is the started program, which is not imported; {way_out} [SS414]"
        )
    module, _, name = path.partition(":")
    return module, name


def _line_of(key: str, lines: Sequence[str], first: int = 1, last: int | None = None) -> int:
    """Return the line of a key or of its table, or 0 if there is none; the TOML parser returns no positions."""
    position = re.compile(rf"\s*\[*\s*(target\s*\.\s*)?[\"']?{re.escape(key)}[\"']?\s*[.=\]]")
    numbers = range(first or 1, (len(lines) if last is None else last) + 1)
    return next((number for number in numbers if position.match(lines[number - 1])), 0)
