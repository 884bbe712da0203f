"""Reading a targets file: which functions are measured, as what, and with which attributes.

Each error has its file, line and key, and the nearest valid name. A broken entry does not affect the others.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
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
            except WrongKeyError as error:
                line = self._line_of(error.key, number) or self._begin(number)
                problems.append(Problem(self._file, line, error.key, str(error)))
        return targets, problems

    def _target(self, number: int, entry: Mapping[str, Any]) -> Target:
        path, kind = entry.get("path"), entry.get("kind")
        if not isinstance(path, str):
            raise WrongKeyError("path", 'is missing: write path = "module:function" or "module:Class.method"')
        if not _PATH.match(path):
            hint = (
                f"; did you mean {':'.join(path.rsplit('.', 1))!r}?"
                if ":" not in path and "." in path
                else ""
            )
            raise WrongKeyError("path", f"{path!r} is not module:function or module:Class.method{hint}")
        if path.startswith(("*", "?", "[")):
            raise WrongKeyError(
                "path", f"{path!r} is about every module of the process; begin with a package"
            )
        if path.startswith("__main__:"):
            message = (
                "names the program that is started, which nobody imports; put the function into a module"
            )
            raise WrongKeyError("path", f"{path!r} {message}")
        if not isinstance(kind, str) or kind not in KINDS:
            said = "is missing" if kind is None else f"{kind!r} is not known"
            raise WrongKeyError("kind", f"{said}{nearest(str(kind), KINDS)}")
        given = {key: value for key, value in entry.items() if key not in ("path", "kind")}
        known = options_of(kind)
        for key in given:
            if key not in known:
                raise WrongKeyError(key, f"is no option of {kind}{nearest(key, ['path', 'kind', *known])}")
        module, _, name = path.partition(":")
        target = Target(
            self._file,
            self._begin(number),
            {key: self._line_of(key, number) for key in entry},
            module,
            name,
            kind,
            {key: option(kind, key, value) for key, value in given.items()},
            given,
        )
        try:
            target.decorator()
        except contract.ContractError as error:  # options that do not go together
            key, _, message = str(error).partition(" ")
            raise WrongKeyError(key, message) from None
        return target

    def _begin(self, number: int) -> int:
        return self._begins[number] if number < len(self._begins) else 0

    def _top_line_of(self, key: str) -> int:
        """Return the line of a key of the file itself; 0 if it is not found."""
        wanted = re.compile(rf"\s*\[*\s*[\"']?{re.escape(key)}\b")
        return next((number for number, line in enumerate(self._lines, 1) if wanted.match(line)), 0)

    def _line_of(self, key: str, number: int) -> int:
        """Return the line of a key of an entry; 0 if it is not found, since the parser keeps no positions."""
        begin = self._begin(number)
        end = self._begins[number + 1] - 1 if number + 1 < len(self._begins) else len(self._lines)
        wanted = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[.=]")
        for line in range(begin, end):
            if wanted.match(self._lines[line]):
                return line + 1
        headers = re.compile(rf"\s*\[+\s*(target\.)?[\"']?{re.escape(key)}\b")
        return next((line + 1 for line in range(begin, end) if headers.match(self._lines[line])), 0)
