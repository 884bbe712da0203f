"""Messages about configuration errors: file, line, key, and what to write."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails


def syntax_message(path: Path, error: ValueError) -> str:
    """Return the message of a file that is not TOML, with the line where an editor looks for it."""
    match = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", str(error))
    if match is None:  # at the end of the document
        return f"{path}: not TOML: {error}"
    return f"{path}:{match[2]}: not TOML: {match[1]} (column {match[3]})"


def message_of(path: Path, text: str, problem: ErrorDetails, defaults: BaseModel) -> str:
    """Return a configuration error as one line: file, line, key, what is wrong, and the nearest known key.

    Args:
        path: The file.
        text: Its content.
        problem: What pydantic found.
        defaults: The configuration without a file.
    """
    message = problem["msg"]
    names = _keys(problem["loc"])
    if not names and (key := re.match(r"Value error, ([\w.]+): ", message)):  # of several sections
        names, message = key[1].split("."), message[key.end() :]
    if problem["type"] == "extra_forbidden":
        known = _known(defaults, names[:-1])
        near = difflib.get_close_matches(names[-1], known, 1)
        hint = f"; did you mean {near[0]}?" if near else "."
        message = f"there is no such key{hint} There are: {', '.join(known)}"
    elif problem["type"] in {"model_type", "dict_type"}:
        message = f"it is a table: write [{'.'.join(names)}] and its keys below"
    return f"{path}:{line_of(text, names)}: {'.'.join(names)}: {message.removeprefix('Value error, ')}"


def _keys(location: tuple[int | str, ...]) -> list[str]:
    """Return the keys of a location, without what pydantic adds about types."""
    added = ("constrained", "function", "[key]")
    return [key for key in location if isinstance(key, str) and not key.startswith(added)]


def _known(section: Any, path: list[str]) -> list[str]:
    """Return the keys of the section that a path leads to."""
    for name in path:
        section = getattr(section, name)
    return [field.alias or name for name, field in type(section).model_fields.items()]


def line_of(text: str, names: list[str]) -> int:
    """Return the line of a key; where it has none, that of its table's heading."""
    table: list[str] = []
    best = (0, 1)
    for number, line in enumerate(text.splitlines(), 1):
        if heading := re.match(r"\s*\[([\w.\s-]+)\]", line):
            table = [name.strip() for name in heading[1].split(".")]
            here = table
        elif key := re.match(r"\s*([\w.-]+)\s*=", line):
            here = [*table, *key[1].split(".")]
        else:
            continue
        depth = min(len(here), len(names))
        if depth > best[0] and here[:depth] == names[:depth]:
            best = (depth, number)
    return best[1]
